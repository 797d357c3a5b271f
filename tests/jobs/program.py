"""The child of the tests, `program.py URL FOLDER JOB ATTEMPT`: a function for each way a job can go."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from webapp.errors import Problem
from webapp.jobs import Died, JobContext, run_child
from webapp.storage import Database

FOLDER = Path(sys.argv[2])


def quick(context: JobContext) -> dict:
    """Ends at once."""
    return {"attempt": context.job.attempt, "params": context.job.params}


def slow(context: JobContext) -> dict:
    """Reports until it is told to stop."""
    while True:
        context.report(0.5, "half way")
        time.sleep(0.02)


def deaf(context: JobContext) -> dict:
    """Never looks up; has a child of its own in the same group."""
    helper = subprocess.Popen(["/bin/sleep", "60"])
    (FOLDER / "helper").write_text(str(helper.pid))
    context.event("log", {"text": "deaf"})
    time.sleep(60)
    return {}


def killed_once(context: JobContext) -> dict:
    """The first attempt is killed, the second goes through."""
    if context.job.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"attempt": context.job.attempt}


def killed(context: JobContext) -> dict:
    """Every attempt is killed."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def exits(context: JobContext) -> dict:
    """Leaves without a result."""
    print("the last words", file=sys.stderr, flush=True)
    os._exit(7)


def exclusive(context: JobContext) -> dict:
    """Takes a moment, and leaves a note when the same job runs somewhere else at the same time."""
    with (FOLDER / f"{context.job.id}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            (FOLDER / "twice").write_text(context.job.id)
        time.sleep(0.3)
    return {"attempt": context.job.attempt}


def hungry(context: JobContext) -> dict:
    """Holds 100 MB, in a process of its own and in another session, as a kernel is."""
    hold = "held = b'x' * 100_000_000; import time; time.sleep(60)"
    helper = subprocess.Popen([sys.executable, "-c", hold], start_new_session=True)
    (FOLDER / "helper").write_text(str(helper.pid))
    time.sleep(60)
    return {}


def dies_inside(context: JobContext) -> dict:
    """What does its work in another process is killed."""
    raise Died("kernel_died", "The notebook's process was ended by signal 9 (SIGKILL).", status=500)


def refuses(context: JobContext) -> dict:
    """Finds that the person's data will not do."""
    raise Problem("no_valid_examples", "No line is a valid example.", param="file", details={"lines": [1, 2]})


def stumbles(context: JobContext) -> dict:
    """Has a bug."""
    return {"share": 1 / 0}


def environment(context: JobContext) -> dict:
    """What a job's process can see."""
    return dict(os.environ)


PLAIN = (quick, slow, deaf, exclusive, hungry, environment)
DEADLY = (killed_once, killed, exits, refuses, stumbles, dies_inside)
KINDS = {function.__name__: function for function in (*PLAIN, *DEADLY)}

if __name__ == "__main__":
    db = Database(sys.argv[1])
    run_child(db, sys.argv[3], int(sys.argv[4]), KINDS)
    db.close()
