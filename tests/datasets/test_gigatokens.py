"""What gigatoken needs of Python is there before it works: what goes wrong within it is not told."""

import subprocess
import sys

PROGRAM = """
import sys
from webapp.datasets import gigatokens

class Fast:
    def encode_batch(self, texts, parallel):
        print("awkward" in sys.modules)
        raise KeyboardInterrupt

try:
    gigatokens.encode(Fast(), None, ["text"])
except KeyboardInterrupt:
    print("interrupted")
"""


def test_its_arrays_are_imported_where_ctrl_c_is_heard():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "interrupted"]
