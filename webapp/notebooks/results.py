"""What a run leaves in its working folder, by name; known without loading what runs notebooks."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

EXECUTED = "executed.ipynb"
RESULTS = "tunebook-run"  # the notebook's output_dir
REPORT = f"{RESULTS}/report.json"
RECEIPT = f"{RESULTS}/receipt.json"
MODEL = f"{RESULTS}/model"  # the adapter, or the whole model, with its tokenizer
MINIATURE = "miniature"  # the base model of a dry run
_STATES = "checkpoints/*/state-*.pt"  # among the results


def newest_checkpoint(results: Path) -> list[Path]:
    """What a run goes on from: its newest state, the best weights as that knows them, and its description.

    Empty where there is no checkpoint. The names are those of webapp.training.checkpoints, which needs torch.
    """
    states = list(results.glob(_STATES))
    if not states:
        return []
    newest = max(states, key=lambda path: (path.stat().st_mtime, _step(path)))
    known = [path for path in newest.parent.glob("best-*.pt") if _step(path) <= _step(newest)]
    return [newest, *known, *newest.parent.glob("run.json")]


def has_checkpoint(names: Iterable[str]) -> bool:
    """Whether a run whose files these are has a checkpoint to go on from."""
    return any(PurePosixPath(name).match(f"{RESULTS}/{_STATES}") for name in names)


def _step(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdigit() else -1
