"""A piece of work gets so much memory and no more."""

import subprocess
import sys

WORK = """
import resource
from webapp.datasets.allocation import allocating_at_most
before = resource.getrlimit(resource.RLIMIT_DATA)
with allocating_at_most(200_000_000):
    bytearray(100_000_000)
    try:
        bytearray(400_000_000)
    except MemoryError:
        print("refused")
assert resource.getrlimit(resource.RLIMIT_DATA) == before
bytearray(400_000_000)
resource.setrlimit(resource.RLIMIT_DATA, (300_000_000, before[1]))
with allocating_at_most(1_000_000_000):
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == 300_000_000
print("given")
"""


def test_more_than_that_is_a_memory_error_and_afterwards_all_is_as_before() -> None:
    child = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, timeout=60, check=False)
    assert child.stdout.split() == ["refused", "given"], child.stderr
