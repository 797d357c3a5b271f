"""Six processes take short jobs from one queue (2,000 with `make test-faults`): none is run twice, none is lost."""

import pytest
from sqlalchemy import func, select

from benchmarks.claims import fill, race
from tests.faults.size import FULL
from webapp.storage import Database
from webapp.storage.tables import Job, JobEvent

pytestmark = pytest.mark.timeout(120)

JOBS, CLAIMERS = 2000 if FULL else 400, 6


def test_every_job_is_taken_once_by_six_claimers(database_url):
    added = fill(database_url, JOBS)
    had, _ = race(database_url, CLAIMERS)
    assert len(had) == JOBS
    assert set(had) == added
    db = Database(database_url)
    with db.reading() as session:
        ended = select(Job.status, Job.attempt, func.count()).group_by(Job.status, Job.attempt)
        assert session.execute(ended).all() == [("completed", 1, JOBS)]
        # On busy cores one of them may come too late for any; that several raced shows that the queue was tried at all.
        assert session.scalar(select(func.count(func.distinct(Job.worker)))) > 1
        # On busy cores one of them may come too late for any, but not all but one.
        assert session.scalar(select(func.count(func.distinct(Job.worker)))) > 1
        per_job = select(func.count()).select_from(JobEvent).group_by(JobEvent.job_id).distinct()
        assert session.scalars(per_job).all() == [3]  # queued, running, completed
    db.close()
