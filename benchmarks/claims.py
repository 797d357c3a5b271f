"""How many jobs a second several processes take from the queue and finish, on SQLite and on PostgreSQL.

`python benchmarks/claims.py [--jobs 2000] [--claimers 6] [--url postgresql://...]`. A URL must be of an empty database:
tables and jobs are made in it. Without one, SQLite in a temporary folder is measured, and a PostgreSQL of its own.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.jobs import enqueue
from webapp.storage import Database
from webapp.storage.tables import Dataset

# Starts together with the others, when it is told to; says which jobs it had.
CLAIMER = """
import sys
from webapp.jobs import attempts, claim
from webapp.storage import Database
db = Database(sys.argv[1])
with db.reading():
    pass
print("ready", flush=True)
sys.stdin.readline()
had = []
while (job := claim(db, sys.argv[2], 30)) is not None:
    assert attempts.finish(db, job.id, job.attempt, {})
    had.append(job.id)
db.close()
print(*had)
"""


def fill(url: str, count: int) -> set[str]:
    """Adds so many waiting jobs; answers their ids."""
    db = Database(url)
    with db.session() as session:
        session.add(dataset := Dataset(filename="f", size=1, sha256="", blob=""))
        session.flush()
        ids = {enqueue(session, "quick", owner=None, dataset_id=dataset.id).id for _ in range(count)}
    db.close()
    return ids


def race(url: str, claimers: int) -> tuple[list[str], float]:
    """The ids that so many processes claimed and finished, and the seconds from start to end."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, url, f"claimer {number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(claimers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    had = [job_id for process in processes for job_id in process.communicate()[0].split()]
    seconds = time.perf_counter() - began
    assert all(process.returncode == 0 for process in processes)
    return had, seconds


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """A URL for each kind of database."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.postgres import Postgres

    postgres = Postgres()
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield {"SQLite": f"sqlite:///{folder}/tunebook.db", "PostgreSQL": postgres.fresh()}
    finally:
        postgres.close()


def measure(name: str, url: str, jobs: int, claimers: int) -> None:
    """Prints one line."""
    db = Database(url)
    db.migrate()
    db.close()
    added = fill(url, jobs)
    had, seconds = race(url, claimers)
    twice, lost = len(had) - len(set(had)), len(added - set(had))
    print(f"{name}: {jobs / seconds:,.0f} claims/s ({jobs} jobs, {claimers} processes; {twice} twice, {lost} lost)")


def main() -> None:
    """Measures both databases, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--claimers", type=int, default=6)
    parser.add_argument("--url")
    options = parser.parse_args()
    if options.url:
        measure(Database(options.url).url.get_backend_name(), options.url, options.jobs, options.claimers)
        return
    with databases() as urls:
        for name, url in urls.items():
            measure(name, url, options.jobs, options.claimers)


if __name__ == "__main__":
    main()
