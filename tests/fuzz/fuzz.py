"""Coverage-guided fuzzing of the analysis by atheris: python tests/fuzz/fuzz.py FOLDER [libFuzzer's options].

FOLDER gets the seeds, the corpus that grows out of them, and one file for each finding; run the command with such a
file in place of FOLDER to see it again.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["webapp.datasets"]):
    from tests.fuzz.harness import check
    from tests.fuzz.seeds import seeds

_OPTIONS = [
    "-seed=1",
    "-max_len=16384",
    "-rss_limit_mb=3072",
    "-timeout=60",
    "-print_final_stats=1",
    f"-dict={Path(__file__).with_name('json.dict')}",
]


def _folders(folder: Path) -> list[str]:
    corpus, seeded, findings = (folder / name for name in ("corpus", "seeds", "findings"))
    for made in (corpus, seeded, findings):
        made.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (seeded / f"{number:04}").write_bytes(seed)
    return [f"-artifact_prefix={findings}/", str(corpus), str(seeded)]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    inputs = [str(place)] if place.is_file() else _folders(place)
    atheris.Setup([sys.argv[0], *_OPTIONS, *sys.argv[2:], *inputs], lambda data: check(data) and None)
    atheris.Fuzz()
