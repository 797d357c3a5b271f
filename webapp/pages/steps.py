"""The steps of the way from data to result, for the list on top of each of their pages."""

from dataclasses import dataclass

from flask import url_for

from webapp import workflow
from webapp.api.context import PAGES

# Each step's name on the page, and the page.
_STEPS = {
    "data": ("Data", "dataset"),
    "model": ("Model", "models"),
    "plan": ("Plan", "plan"),
    "notebook": ("Notebook", "notebook"),
    "run": ("Run", "run"),
    "result": ("Result", "result"),
}


@dataclass(frozen=True)
class Step:
    """One step; `url` is None where its page is not reached yet."""

    name: str
    label: str
    url: str | None


def step_list(
    dataset: str | None = None, notebook: str | None = None, job: workflow.JobStatus | None = None
) -> list[Step]:
    """The steps, with the way to those that are reached: by the ids of a dataset and a notebook, and by a run.

    A plan needs a model, so that it is reached by a notebook, whose plan it then is.
    """
    run = job.id if job else None
    return [
        _step("data", dataset_id=dataset),
        _step("model", dataset_id=dataset),
        _step("plan", dataset_id=dataset, **{"from": notebook}),
        _step("notebook", notebook_id=notebook),
        _step("run", job_id=run),
        _step("result", job_id=run if job and job.status == "completed" else None),
    ]


def _step(name: str, **values: str | None) -> Step:
    """A step whose page is reached when all of the values are there."""
    label, page = _STEPS[name]
    return Step(name, label, url_for(f"{PAGES}.{page}", **values) if all(values.values()) else None)  # type: ignore[arg-type]
