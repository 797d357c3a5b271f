"""The sizes of groups of rows that repeat one another."""

import json
from pathlib import Path

from webapp.datasets import Examples, ExampleWriter, analyze, cluster_sizes


def test_groups_are_counted_by_size(tmp_path: Path) -> None:
    copies = {"alone": 1, "a pair": 2, "another pair": 2, "five": 5, "nine": 9}
    lines = []
    for text, count in copies.items():
        turns = [{"role": "user", "content": text}, {"role": "assistant", "content": f"It is {text}, as was said."}]
        lines += [json.dumps({"messages": turns})] * count
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    with ExampleWriter(tmp_path / "examples") as sink:
        analyze(tmp_path / "data.jsonl", sink=sink)
    examples = Examples(tmp_path / "examples")
    assert cluster_sizes(examples, "exact") == [(2, 3, 2), (3, 4, 0), (4, 8, 1), (8, 16, 1)]
    assert cluster_sizes(examples, "near") == []
