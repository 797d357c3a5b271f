"""Deleting in the browser, without scripts: a link, a page that says what goes, a button."""

import json

from webapp import workflow
from webapp.accounts import LOCAL, VISITOR
from webapp.notebooks.results import RESULTS
from webapp.workflow.job_files import run_key


def lines(count):
    return [json.dumps({"prompt": f"{number}?", "completion": "Yes."}).encode() + b"\n" for number in range(count)]


def test_a_dataset_says_what_goes_with_it_and_goes(visitor, services, work):
    dataset = workflow.upload(services, LOCAL, "<b>a.jsonl", lines(20))
    work()
    workflow.generate(services, LOCAL, dataset.id, "smollm2-360m")
    path = f"/datasets/{dataset.id}/delete"
    page = visitor.visit(f"/datasets/{dataset.id}")
    assert "Until you delete it." in page.text
    assert path in page.links
    page = visitor.visit(path)
    assert "Delete <b>a.jsonl ?" in page.text
    assert "1 version of the rows" in page.text
    assert "1 notebook, with" in page.text
    assert f"/datasets/{dataset.id}" in page.links
    visitor.send(page.form("/delete"))
    assert (visitor.path, visitor.status) == ("/", 200)
    visitor.visit(f"/datasets/{dataset.id}")
    assert visitor.status == 404


def test_a_notebook_goes_and_its_datasets_page_comes(visitor, services, work):
    dataset = workflow.upload(services, LOCAL, "a.jsonl", lines(20))
    work()
    notebook = workflow.generate(services, LOCAL, dataset.id, "smollm2-360m")
    page = visitor.visit(f"/notebooks/{notebook.id}")
    assert f"/notebooks/{notebook.id}/delete" in page.links
    visitor.send(visitor.visit(f"/notebooks/{notebook.id}/delete").form("/delete"))
    assert (visitor.path, visitor.status) == (f"/datasets/{dataset.id}", 200)
    visitor.visit(f"/notebooks/{notebook.id}")
    assert visitor.status == 404


def test_a_run_says_what_goes_with_it_and_goes(visitor, services, work):
    dataset = workflow.upload(services, LOCAL, "a.jsonl", lines(20))
    work()
    notebook = workflow.generate(services, LOCAL, dataset.id, "smollm2-360m")
    job = workflow.create_run(services, LOCAL, dataset.id, notebook.id, "run", name="<i>First")
    page = visitor.visit(f"/runs/{job.id}/delete")
    assert "Delete <i>First ?" in page.text
    assert "its log and its 1 event together 0 files" in page.text  # it made nothing
    folder = services.blobs.folder(run_key(job.id)) / RESULTS
    (folder / "model").mkdir(parents=True)
    (folder / "report.json").write_text("{}")
    (folder / "model/adapter_model.safetensors").write_text("a")
    page = visitor.visit(f"/runs/{job.id}/delete")
    assert "its log, its 1 event, its report and the model that it made together 2 files" in page.text
    assert "notebook," not in page.text
    visitor.send(page.form("/delete"))
    assert (visitor.path, visitor.status) == (f"/notebooks/{notebook.id}", 200)
    visitor.visit(f"/runs/{job.id}")
    assert visitor.status == 404


def test_what_expires_says_when(visitor, services, work):
    dataset = workflow.upload(services, VISITOR, "a.jsonl", lines(20))
    day = dataset.expires_at.strftime("%Y-%m-%d")
    assert f"It is deleted by itself on {day}" in visitor.visit(f"/datasets/{dataset.id}").text  # while it is analysed
    work()
    assert f"It is deleted by itself on {day}" in visitor.visit(f"/datasets/{dataset.id}").text
