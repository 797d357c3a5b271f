"""A dataset is mended: what an operation would do, and the new version that it makes."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from webapp.accounts import Caller
from webapp.datasets import Analysis, Examples
from webapp.datasets.repair import EXAMPLES, ROWS, VALIDATION, FixReport, Plan, fix
from webapp.errors import Problem
from webapp.jobs import JobContext, enqueue
from webapp.storage.tables import Dataset, new_id
from webapp.workflow import quotas
from webapp.workflow.analyses import dataset_state
from webapp.workflow.findings import keep_findings
from webapp.workflow.jobs import JobStatus, describe
from webapp.workflow.lookup import hold_dataset
from webapp.workflow.services import Services
from webapp.workflow.versions import add_version


def start_fix(services: Services, caller: Caller, dataset_id: str, operations: Any, *, preview: bool) -> JobStatus:
    """Orders a fix of a version, or a preview of one, by a list of `{"name": ..., settings}`.

    Raises Problem `dataset_not_found`, `invalid_operation`, `analysis_pending`, `already_split`, `too_many_jobs` or,
    where nothing more may be kept, `storage_quota_exceeded`.
    """
    state = dataset_state(services, caller, dataset_id)
    plan = Plan.from_data(operations)
    if state.pending:
        state.finished()
    if services.blobs.exists(validation_key(state.dataset.id)):
        raise Problem(
            "already_split",
            "This version has a validation part, which a fix would no longer match. Undo the split, fix the rows, and "
            "split them in the same fix or after it.",
            status=409,
        )
    if not preview:
        quotas.room(services, _keeper(services, state.dataset)).require(1)
    params = {"operations": plan.to_data(), "preview": preview, "version_id": new_id()}
    with services.db.session() as session:
        dataset = hold_dataset(session, caller, dataset_id)
        quotas.require_place(services, session, caller, dataset.id)
        job = enqueue(session, "fix", owner=dataset.owner, dataset_id=dataset.id, params=params)
        return describe(job, dataset.filename)


def run_fix(services: Services, context: JobContext) -> Mapping[str, Any]:
    """Does the fix of the job; answers what was `applied`, the `report`, and the id of the version that has it done.

    That is a new one, or the one that was to be fixed where there was nothing to change; none of a preview. Raises
    Problem `storage_quota_exceeded` when the version does not fit into what its owner may keep.
    """
    params, source_id = context.job.params, context.job.dataset_id
    answer = {"preview": params["preview"], "version_id": None, "applied": params["operations"]}
    with services.db.reading() as session:
        source = session.get_one(Dataset, source_id)
        made = session.get(Dataset, params["version_id"])
    if made and made.operations:
        # An earlier attempt came this far, and only its last word is missing.
        return answer | made.operations | {"version_id": made.id}
    work = _work(services, source, Plan.from_data(params["operations"]), context)
    if params["preview"]:
        with TemporaryDirectory() as scratch:
            report, _ = work(Path(scratch))
        return answer | {"report": msgspec.to_builtins(report)}
    home = f"datasets/{params['version_id']}"
    try:
        with services.blobs.new_folder(home) as folder:
            report, analysis = work(folder)
            if report.unchanged:
                raise _NothingToChange(report)
            Examples(folder / EXAMPLES).payload()  # here, so that no server process has to compress it
        keep_findings(services, params["version_id"])
        version = _version(services, params, source.filename, report, analysis)
        with services.db.session() as session:
            quotas.hold(session, _keeper(services, source))
            add_version(session, source_id, version)
            quotas.keep_within(services, session, _keeper(services, version), version.size)
    except _NothingToChange as found:
        return answer | {"report": msgspec.to_builtins(found.report), "version_id": source_id}
    except BaseException:
        services.blobs.delete(f"{home}/")  # of this attempt, or of one before it that was killed
        raise
    return answer | {"report": msgspec.to_builtins(report), "version_id": version.id}


class _NothingToChange(Exception):
    """Gives up the folder of a version that would be what its source is."""

    def __init__(self, report: FixReport) -> None:
        super().__init__()
        self.report = report


def validation_key(dataset_id: str) -> str:
    """Where the validation part of a version is kept, when it has one."""
    return f"datasets/{dataset_id}/{VALIDATION}"


def _keeper(services: Services, version: Dataset) -> Caller:
    """Who keeps a version, whoever asks for it: what visitors own stays theirs."""
    return Caller(version.owner, local=services.settings.auth == "off")


def _work(
    services: Services, source: Dataset, plan: Plan, context: JobContext
) -> Callable[[Path], tuple[FixReport, Analysis]]:
    """What fixes the source into a folder."""

    before = Analysis.from_dict(source.analysis) if source.analysis else None

    def work(folder: Path) -> tuple[FixReport, Analysis]:
        return fix(
            services.blobs.path(source.blob),
            plan,
            folder,
            name=source.filename,
            mapping=before.source.mapping if before else None,
            before=before,
            progress=lambda share: context.report(share, "Going through the rows"),
        )

    return work


def _version(
    services: Services, params: Mapping[str, Any], filename: str, report: FixReport, analysis: Analysis
) -> Dataset:
    """The row of the new version. The rows that were changed stay with the job: they quote the data."""
    blob = f"datasets/{params['version_id']}/{ROWS}"
    path = services.blobs.path(blob)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    kept = msgspec.to_builtins(report)
    for done in kept["operations"]:
        del done["changes"]
    return Dataset(
        id=params["version_id"],
        filename=filename,
        size=path.stat().st_size,
        sha256=sha256,
        blob=blob,
        analysis=analysis.to_dict(),
        operations={"applied": params["operations"], "report": kept},
    )
