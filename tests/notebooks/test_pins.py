import re
from pathlib import Path

from webapp.notebooks.pins import PINS, requirements

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


def test_the_pins_are_the_versions_the_dry_runs_are_tested_with():
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", CONSTRAINTS.read_text(), re.MULTILINE))
    assert {name: pinned[name] for name in PINS} == PINS


def test_bitsandbytes_is_installed_for_qlora_only():
    assert [name.split("==")[0] for name in requirements("lora")] == ["transformers", "peft", "accelerate"]
    assert len(requirements("qlora")) == 4
