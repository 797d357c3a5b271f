"""A dry run is ordered once at a time."""

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.jobs import attempts, claim


def test_while_one_is_under_way_no_second_is_ordered(services, sample):
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    first = workflow.start_dry_run(services, LOCAL, notebook.id)
    assert workflow.start_dry_run(services, LOCAL, notebook.id).id == first.id
    job = claim(services.db, "test", 60)
    assert workflow.start_dry_run(services, LOCAL, notebook.id).status == "running"
    attempts.finish(services.db, job.id, job.attempt, {})
    assert workflow.start_dry_run(services, LOCAL, notebook.id).id != first.id
