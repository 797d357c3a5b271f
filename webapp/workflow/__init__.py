"""The steps a person takes, one function each: `step(services, caller, ...)`.

The only place that checks what belongs to whom, and that joins datasets, catalogue, notebooks and jobs.
"""

from webapp.workflow.analyses import (
    DatasetState,
    Page,
    analysis,
    dataset_state,
    distribution,
    duplicates,
    issue_lines,
    preview,
    wait_for_analysis,
)
from webapp.workflow.choosing import base_model
from webapp.workflow.colab import COLAB, ColabLink, colab_commands, colab_link
from webapp.workflow.data_links import data_links, linked_file, revoke_link
from webapp.workflow.delivering import RowsFile, rows_file
from webapp.workflow.estimating import estimate
from webapp.workflow.exporting import Exported, export_dataset
from webapp.workflow.findings import gate, token_rates
from webapp.workflow.fixing import start_fix
from webapp.workflow.generating import (
    NotebookState,
    chat_template,
    download_path,
    generate,
    notebook_file,
    notebook_script,
    notebook_state,
    script_path,
)
from webapp.workflow.job_files import (
    Artifact,
    Deleted,
    artifact_file,
    artifacts,
    delete_run,
    job_events,
    job_log,
    job_report,
)
from webapp.workflow.job_list import CURSOR_PATTERN, JobPage, list_runs
from webapp.workflow.jobs import JobStatus, job_status
from webapp.workflow.mapping import map_columns
from webapp.workflow.measuring import OwnError, own_errors
from webapp.workflow.progress import (
    CellError,
    HandedOver,
    check_progress_token,
    hand_over_run,
    handed_over_notebook,
    report_progress,
)
from webapp.workflow.readiness import check_ready, figures
from webapp.workflow.recommending import recommend, suggested_plan
from webapp.workflow.remaking import remake
from webapp.workflow.rendering import RenderedExample, rendered
from webapp.workflow.run_page import RunState, notebook_runs, run_state
from webapp.workflow.running import cancel_job, change_run, create_run, resume_run, start_dry_run, start_run
from webapp.workflow.services import Services, open_services
from webapp.workflow.streaming import Stream, Ticket, issue_ticket, open_stream
from webapp.workflow.uploads import file_too_large, start_analysis, upload, upload_sample
from webapp.workflow.versions import Version, Versions, redo, undo, versions

__all__ = [
    "COLAB",
    "CURSOR_PATTERN",
    "Artifact",
    "CellError",
    "ColabLink",
    "DatasetState",
    "Deleted",
    "Exported",
    "HandedOver",
    "JobPage",
    "JobStatus",
    "NotebookState",
    "OwnError",
    "Page",
    "RenderedExample",
    "RowsFile",
    "RunState",
    "Services",
    "Stream",
    "Ticket",
    "Version",
    "Versions",
    "analysis",
    "artifact_file",
    "artifacts",
    "base_model",
    "cancel_job",
    "change_run",
    "chat_template",
    "check_progress_token",
    "check_ready",
    "colab_commands",
    "colab_link",
    "create_run",
    "data_links",
    "dataset_state",
    "delete_run",
    "distribution",
    "download_path",
    "duplicates",
    "estimate",
    "export_dataset",
    "figures",
    "file_too_large",
    "gate",
    "generate",
    "hand_over_run",
    "handed_over_notebook",
    "issue_lines",
    "issue_ticket",
    "job_events",
    "job_log",
    "job_report",
    "job_status",
    "linked_file",
    "list_runs",
    "map_columns",
    "notebook_file",
    "notebook_runs",
    "notebook_script",
    "notebook_state",
    "open_services",
    "open_stream",
    "own_errors",
    "preview",
    "recommend",
    "redo",
    "remake",
    "rendered",
    "report_progress",
    "resume_run",
    "revoke_link",
    "rows_file",
    "run_state",
    "script_path",
    "start_analysis",
    "start_dry_run",
    "start_fix",
    "start_run",
    "suggested_plan",
    "token_rates",
    "undo",
    "upload",
    "upload_sample",
    "versions",
    "wait_for_analysis",
]
