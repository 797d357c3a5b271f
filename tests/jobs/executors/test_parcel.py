"""What comes along where there is not room for everything."""

import os

from webapp.jobs.executors.endings import too_large
from webapp.jobs.executors.parcel import lasting, pack, unpack

SIZES = {
    "executed.ipynb": 50,
    "run/report.json": 100,
    "run/receipt.json": 10,
    "run/model/adapter": 300,
    "run/checkpoints/a/state-1.pt": 200,
    "run/checkpoints/a/state-2.pt": 210,
    "run/merged/model": 250,
    "run/gguf/model.gguf": 90,
}


def left_of(folder, most):
    for age, (name, size) in enumerate(SIZES.items()):
        path = folder / "there" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        os.utime(path, (age, age))
    packed = pack(str(folder / "there"), str(folder / "parcel"), most)
    unpack(str(folder / "parcel"), packed["parts"], packed["sha256"], str(folder / "here"))
    here = {p.relative_to(folder / "here").as_posix() for p in (folder / "here").rglob("*") if p.is_file()}
    assert here == SIZES.keys() - set(packed["left_out"])
    return packed["left_out"]


def test_everything_comes_when_there_is_room(tmp_path):
    assert left_of(tmp_path, sum(SIZES.values())) == []


def test_report_and_model_come_before_what_is_smaller_and_the_newest_checkpoint_before_older_ones(tmp_path):
    left = left_of(tmp_path, 50 + 110 + 300 + 210 + 95)
    assert left == ["run/checkpoints/a/state-1.pt", "run/merged/model"]


def test_the_report_comes_even_where_the_model_does_not(tmp_path):
    here = {"executed.ipynb", "run/report.json", "run/receipt.json"}
    assert set(left_of(tmp_path, 170)) == SIZES.keys() - here


def test_only_results_are_missed():
    names = ["run/checkpoints/a/state-1.pt", "checkpoints/b.pt", "run/merged/model"]
    assert lasting(names) == ["run/merged/model"]
    assert too_large(names[:2], "it", "Export less.") is None
    message = too_large([f"run/merged/{n}" for n in range(10)], "it", "Export less.")
    assert message.endswith(
        "lost with it: " + ", ".join(f"run/merged/{n}" for n in range(8)) + " and 2 more. Export less."
    )
