"""The report on a dataset, as far as it is."""

import threading
from time import monotonic, sleep

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.jobs import request_cancel
from webapp.workflow.analyses import open_examples

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'


@pytest.fixture
def dataset(services):
    return workflow.upload(services, LOCAL, "a.jsonl", [LINE])


def test_before_it_is_done_asking_again_helps(services, dataset):
    with pytest.raises(Problem) as caught:
        workflow.analysis(services, LOCAL, dataset.id)
    assert (caught.value.code, caught.value.status) == ("analysis_pending", 409)
    assert caught.value.details["retry_after"] == 1


def test_when_it_is_done_its_rows_are_there_too(services, dataset, work):
    work()
    assert workflow.analysis(services, LOCAL, dataset.id).total_examples == 1
    assert len(open_examples(services, dataset.id)) == 1


def test_when_it_was_cancelled_asking_again_does_not_help(services, dataset):
    with services.db.session() as session:
        request_cancel(session, workflow.dataset_state(services, LOCAL, dataset.id).job.id)
    state = workflow.dataset_state(services, LOCAL, dataset.id)
    assert not state.pending
    with pytest.raises(Problem) as caught:
        state.finished()
    assert caught.value.code == "analysis_cancelled"


def test_waiting_ends_after_the_given_time(services, dataset):
    began = monotonic()
    assert workflow.wait_for_analysis(services, LOCAL, dataset.id, 0.3).pending
    assert 0.3 <= monotonic() - began < 2


def test_waiting_ends_when_the_analysis_does(services, dataset, work):
    waiting = []
    thread = threading.Thread(
        target=lambda: waiting.append(workflow.wait_for_analysis(services, LOCAL, dataset.id, 30))
    )
    thread.start()
    sleep(0.2)
    work()
    thread.join(10)
    assert waiting[0].analysis.total_examples == 1


def test_waiting_holds_no_connection(services, dataset, work):
    """More waiters than the pool has connections, and the others still get theirs."""
    work()
    again = workflow.upload(services, LOCAL, "b.jsonl", [LINE])
    threads = [
        threading.Thread(target=workflow.wait_for_analysis, args=(services, LOCAL, again.id, 1)) for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    began = monotonic()
    assert workflow.analysis(services, LOCAL, dataset.id).total_examples == 1
    assert monotonic() - began < 2
    for thread in threads:
        thread.join()
