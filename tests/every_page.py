"""Every page there is, for what holds of all of them: PAGES has a line for each, and `fill` makes what they show."""

import json
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import update

from tests.pages.test_notebooks import REPORT as DRY_RUN
from tests.training.test_report_page import REPORT
from webapp import workflow
from webapp.accounts import LOCAL
from webapp.datasets import sample_path
from webapp.jobs import attempts, claim, run_child
from webapp.storage.tables import Job, Notebook, utc_now
from webapp.workflow import Services
from webapp.workflow.job_files import run_key
from webapp.workflow.kinds import job_kinds

MODEL = "smollm2-360m"
# Endpoint and address; what stands in braces is a field of Filled.
PAGES = (
    ("service.index", "/"),
    ("pages.dataset", "/datasets/{dataset}"),
    ("pages.dataset", "/datasets/{pending}"),
    ("pages.dataset", "/datasets/{unmapped}"),
    ("pages.rows", "/datasets/{dataset}/rows"),
    ("pages.rows", "/datasets/{dataset}/rows?q=a&line=2"),
    ("pages.rows", f"/datasets/{{dataset}}/rows?as={MODEL}"),
    ("pages.rows", "/datasets/{dataset}/rows?line=3&alone=1"),
    ("pages.rows", "/datasets/{dataset}/rows?issue=invalid_lines"),
    ("pages.models", f"/datasets/{{dataset}}/models?compare={MODEL}&compare=qwen3-0.6b"),
    ("pages.plan", f"/datasets/{{dataset}}/plan?model_id={MODEL}"),
    ("pages.plan", "/datasets/{dataset}/plan?from={notebook}"),
    ("pages.fix", "/datasets/{dataset}/fixes/{fix}"),
    ("pages.notebook", "/notebooks/{notebook}"),
    ("pages.preview", "/notebooks/{notebook}/preview"),
    ("pages.run", "/runs/{run}"),
    ("pages.run", "/runs/{running}"),
    ("pages.run", "/runs/{failed}"),
    ("pages.result", "/runs/{run}/result"),
    ("pages.result", "/runs/{run}/result?against=reference"),
    ("pages.try_prompts", "/runs/{run}/try"),
    ("pages.history", "/history"),
    ("pages.confirm_dataset_deletion", "/datasets/{dataset}/delete"),
    ("pages.confirm_notebook_deletion", "/notebooks/{notebook}/delete"),
    ("pages.confirm_run_deletion", "/runs/{run}/delete"),
    ("pages.estimates", "/estimates"),
    ("pages.settings", "/settings"),
    ("pages.docs", "/docs"),
    ("pages.docs", "/docs?part=Jobs"),
)
NOT_LISTED = {
    "pages.sign_in": "there are accounts in test_accounts.py",
    "pages.register": "there are accounts in test_accounts.py",
    "pages.confirm_account_deletion": "there are accounts in test_accounts.py",
    "pages.opened_in_colab": "leads to the notebook's page",
    "pages.run_curves": "a part of the run's page",
}

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }} %%bash"
LONG = "x" * 10_000
RIGHT_TO_LEFT = "\u202eمرحبا بالعالم \u2066שלום עולם"
EMOJI = "👩🏽‍🚀🏳️‍🌈 e\u0301 👨‍👩‍👧‍👦"
HUGE = "a cell of many words " * 2_000
HOSTILE_NAME = f"<img src=x onerror=alert(3)>{RIGHT_TO_LEFT}{EMOJI}{'n' * 120}.jsonl"


@dataclass(frozen=True)
class Filled:
    """The ids of one of each."""

    dataset: str
    pending: str
    unmapped: str
    fix: str
    notebook: str
    run: str
    running: str
    failed: str

    def paths(self) -> list[str]:
        """The address of every page."""
        return [path.format(**vars(self)) for _, path in PAGES]


def sample_rows() -> bytes:
    """The rows of the sample."""
    return sample_path().read_bytes()


def hostile_rows() -> bytes:
    """Rows that try to break pages: in content, roles, tools and further columns."""
    texts = (HOSTILE, LONG, RIGHT_TO_LEFT, EMOJI, HUGE)
    good = [
        {
            "messages": [
                {"role": "system", "content": texts[number % 5]},
                {"role": "user", "content": f"{number} {texts[(number + 1) % 5]} ada{number}@example.org"},
                {"role": "assistant", "content": f"{texts[(number + 2) % 5]} {number}"},
            ],
            HOSTILE: LONG,
            RIGHT_TO_LEFT: number,
        }
        for number in range(30)
    ]
    bad = [{"messages": [{"role": role, "content": "?"}]} for role in (HOSTILE, LONG, RIGHT_TO_LEFT, EMOJI)]
    lines = [json.dumps(row, ensure_ascii=False) for row in [*good, *bad]]
    return "\n".join([*lines, HOSTILE, LONG]).encode()


def fill(services: Services, content: bytes, filename: str, hostile: str = "") -> Filled:
    """Makes one of each of these rows; what is named or printed by runs has the `hostile` text in it."""
    dataset = workflow.upload(services, LOCAL, filename, [content])
    _work(services)
    unmapped = _unmapped(services, filename)
    fix = workflow.start_fix(services, LOCAL, dataset.id, [{"name": "redact"}, {"name": "dedupe"}], preview=True)
    _work(services)
    notebook = workflow.generate(services, LOCAL, dataset.id, MODEL)
    _dry_run(services, notebook, hostile)
    pending = workflow.upload(services, LOCAL, filename, [content[:1000]]).id
    _hold(services)
    return Filled(
        dataset=dataset.id,
        pending=pending,
        unmapped=unmapped,
        fix=fix.id,
        notebook=notebook.id,
        run=_run(services, notebook, hostile, "completed"),
        failed=_run(services, notebook, hostile, "failed"),
        running=_run(services, notebook, hostile, "running"),
    )


def _work(services: Services) -> None:
    while job := claim(services.db, "test", 60):
        run_child(services.db, job.id, job.attempt, job_kinds(services))


def _hold(services: Services) -> Job:
    """Takes the next job, and keeps it for an hour from any server that looks for work."""
    job = claim(services.db, "test", 3600)
    assert job is not None
    with services.db.session() as session:
        session.execute(update(Job).where(Job.id == job.id).values(worker=None, lease_until=utc_now() + timedelta(1)))
    return job


def _unmapped(services: Services, filename: str) -> str:
    """A table whose columns say nothing."""
    lines = "\n".join(["frage,antwort", *(f"Wo steht Rad {n}?,Am Anleger {n % 7}." for n in range(30))])
    made = workflow.upload(services, LOCAL, filename.replace(".jsonl", ".csv"), [lines.encode()])
    _work(services)
    return made.id


def _dry_run(services: Services, notebook: Notebook, hostile: str) -> None:
    workflow.start_dry_run(services, LOCAL, notebook.id)
    job = _hold(services)
    sample = DRY_RUN["samples"][0] | {"prompt": f"Q {hostile}", "before": f"A {hostile}", "reference": hostile or "R"}
    attempts.finish(services.db, job.id, job.attempt, DRY_RUN | {"samples": [sample]})


def _run(services: Services, notebook: Notebook, hostile: str, status: str) -> str:
    made = workflow.create_run(
        services, LOCAL, notebook.dataset_id, notebook.id, "run", name=f"First {hostile[:150]}".strip()
    )
    workflow.start_run(services, LOCAL, made.id)
    job = _hold(services)
    figures = [
        ("metrics", {"step": step, "epoch": step / 40, "loss": 3 - step / 20, "learning_rate": 2e-4, "eta_seconds": 9})
        for step in range(1, 41)
    ]
    figures[20][1]["eval_loss"] = 2.1
    log = [("stream", {"cell": 1, "name": "stdout", "text": f"a line {hostile}\n"})]
    attempts.write(services.db, job.id, job.attempt, log + figures, (0.5, f"step 20/40 {hostile}"))
    if status == "completed":
        folder = services.blobs.folder(run_key(job.id)) / "tunebook-run"
        folder.mkdir()
        (folder / "report.json").write_text(json.dumps(DRY_RUN | REPORT))
        attempts.finish(services.db, job.id, job.attempt, DRY_RUN | REPORT)
    elif status == "failed":
        attempts.fail(
            services.db, job.id, job.attempt, {"code": "failed", "message": f"No room {hostile}", "status": 500}
        )
    return job.id
