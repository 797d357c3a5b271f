"""Wall time of a dry run of the bundled sample, from a rendered notebook to its report: `python benchmarks/dry_run.py`.

One model for each of the Llama, Qwen and Phi families; the bar is 20 s on 2 cores. Each run makes its miniature anew.
The CPU seconds are those of the miniature's process and the kernel; other work on the machine changes them less.
"""

import tempfile
from os import times
from pathlib import Path

from webapp.catalog import find_model
from webapp.datasets import Examples, ExampleWriter, analyze, sample_path
from webapp.notebooks import assemble, render
from webapp.notebooks.running import Watch, dry_run

MODELS = ("llama-3.2-1b", "qwen3-1.7b", "phi-4-mini")


def main() -> None:
    """Prints a line a model."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with ExampleWriter(folder / "examples") as sink:
            analysis = analyze(sample_path(), sink=sink)
        print(f"{'model':<16} {'seconds':>8} {'CPU s':>6} {'steps':>6} {'before':>8} {'after':>8}")
        for name in MODELS:
            notebook = folder / f"{name}.ipynb"
            spec = assemble(analysis, Examples(folder / "examples"), find_model(name), "sample.jsonl")
            notebook.write_bytes(render(spec))
            began = children_seconds()
            report = dry_run(notebook, folder / name, Watch(timeout=600, on_event=lambda _: None))
            cpu = children_seconds() - began
            before, after = report.loss["eval_before"], report.loss["eval_after"]
            print(f"{name:<16} {report.seconds:>8.1f} {cpu:>6.1f} {report.steps:>6} {before:>8.3f} {after:>8.3f}")


def children_seconds() -> float:
    """CPU seconds of the processes that have ended and were waited for."""
    spent = times()
    return spent.children_user + spent.children_system


if __name__ == "__main__":
    main()
