"""Whatever of a person's data is downloaded is written down for them to read."""

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.workflow.job_files import run_key


@pytest.fixture
def notebook(services, sample):
    return workflow.generate(services, LOCAL, sample, "smollm2-360m")


@pytest.fixture
def download(client):
    def get(path):
        with client.get(path) as answer:
            return answer.status_code

    return get


def newest(services):
    event = workflow.audit_page(services, LOCAL, 1).events[0]
    return event.action, event.subject, event.details


def test_a_notebook_and_its_script(services, notebook, download):
    for path in (workflow.download_path(services, notebook), workflow.script_path(services, notebook)):
        assert download(path) == 200
        details = {"what": "notebook", "filename": path.rpartition("/")[2]}
        assert newest(services) == ("downloaded", notebook.id, details)


def test_the_rows_of_a_notebook(services, notebook, download):
    assert download(f"/notebooks/{notebook.id}/data") == 200
    details = {"what": "rows", "filename": "harbour_bikes-smollm2-360m.data.jsonl.gz"}
    assert newest(services) == ("downloaded", notebook.id, details)


def test_an_export_of_a_dataset(services, sample, download):
    assert download(f"/datasets/{sample}/export") == 200
    assert newest(services) == ("downloaded", sample, {"what": "export", "format": "jsonl", "part": "train"})


def test_a_file_of_a_run(services, sample, notebook, download):
    job = workflow.create_run(services, LOCAL, sample, notebook.id, "run")
    (services.blobs.folder(run_key(job.id)) / "executed.ipynb").write_bytes(b"{}")
    assert download(f"{job.url}/artifacts/executed.ipynb") == 200
    assert newest(services) == ("downloaded", job.id, {"what": "artifact", "name": "executed.ipynb"})


def test_what_is_refused_is_not_a_download(services, notebook, download):
    assert download(workflow.download_path(services, notebook)) == 200
    before = newest(services)
    assert download(f"/download/{notebook.id}.forged/{notebook.filename}") == 404
    assert newest(services) == before
