"""Debian's Chromium instead of a downloaded one, quiet towards the network; and a store with something in it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import app_with_tables, jsonl
from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import claim, run_child
from webapp.settings import Settings
from webapp.workflow import Services
from webapp.workflow.kinds import job_kinds


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = shutil.which("chromium")
    assert chromium, "the browser tests need Chromium: apt-get install chromium"
    quiet = ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    return browser_type_launch_args | {"executable_path": chromium, "chromium_sandbox": False, "args": quiet}


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[tuple[Services, str]]:
    """The store of a `server` that is asked for later, and the id of an analysed dataset in it."""
    with app_with_tables(Settings(home=tmp_path)) as app:
        services = app.extensions["tunebook"]
        dataset = workflow.upload(services, LOCAL, "chats.jsonl", [jsonl(100)])
        while job := claim(services.db, "test", 60):
            run_child(services.db, job.id, job.attempt, job_kinds(services))
        yield services, dataset.id
