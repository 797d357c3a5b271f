"""A store with one dataset, jobs on it, and supervisors with real child processes."""

import sys
import threading
import time
from pathlib import Path

import pytest

from tests.jobs.store import PROGRAM, Store
from webapp.jobs import Supervisor


@pytest.fixture
def store(database_url):
    made = Store(database_url)
    yield made
    made.db.close()


class Watch:
    """A supervisor at work in a thread."""

    def __init__(self, store: Store, folder: Path, **options: object) -> None:
        command = [sys.executable, "-W", "error", str(PROGRAM), store.url, str(folder)]
        self.stop_event = threading.Event()
        supervisor = Supervisor(store.db, command, **options)
        self.thread = threading.Thread(target=supervisor.run, args=(self.stop_event,))
        self.thread.start()

    def stop(self) -> float:
        """Stops it; answers how many seconds that took."""
        began = time.monotonic()
        self.stop_event.set()
        self.thread.join()
        return time.monotonic() - began


@pytest.fixture
def supervise(store, tmp_path):
    watches = []

    def start(**options: object) -> Watch:
        watches.append(Watch(store, tmp_path, **options))
        return watches[-1]

    yield start
    for watch in watches:
        watch.stop()
