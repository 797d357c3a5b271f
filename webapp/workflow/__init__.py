"""The steps a person takes, one function each: `step(services, caller, ...)`.

The only place that checks what belongs to whom, and that joins datasets, catalogue, notebooks and jobs.
"""

from webapp.workflow.account import AuditPage, Profile, Usage, api_keys, audit_page, make_key, profile, revoke_key
from webapp.workflow.analyses import (
    Clusters,
    DatasetState,
    Page,
    analysis,
    browse,
    clusters,
    dataset_state,
    distribution,
    duplicates,
    first_rows,
    issue_lines,
    preview,
    wait_for_analysis,
)
from webapp.workflow.bad_lines import bad_lines, first_bad_lines
from webapp.workflow.choosing import base_model
from webapp.workflow.claiming import claim_dataset
from webapp.workflow.colab import COLAB, ColabLink, colab_commands, colab_link
from webapp.workflow.cursors import CURSOR_PATTERN, is_place
from webapp.workflow.data_links import data_links, linked_file, revoke_link
from webapp.workflow.dataset_list import DatasetPage, ListedDataset, list_datasets
from webapp.workflow.deleting import (
    DeletedData,
    dataset_belongings,
    delete_dataset,
    delete_notebook,
    notebook_belongings,
)
from webapp.workflow.delivering import RowsFile, download_rows, rows_file
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
    notebook_preview,
    notebook_script,
    notebook_state,
    run_here,
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
    run_belongings,
    run_receipt,
)
from webapp.workflow.job_list import JobPage, list_runs
from webapp.workflow.jobs import JobStatus, job_status
from webapp.workflow.joining import complete_upload
from webapp.workflow.leaving import (
    AccountBelongings,
    Departure,
    account_belongings,
    delete_account,
    delete_belongings,
)
from webapp.workflow.mapping import analyse_again, map_columns
from webapp.workflow.measuring import OwnError, own_errors
from webapp.workflow.notebook_list import ListedNotebook, NotebookPage, list_notebooks
from webapp.workflow.parts import UploadState, add_part, begin_upload, cancel_upload, upload_state
from webapp.workflow.planning import PlannedRun, Planning, planning
from webapp.workflow.progress import (
    CellError,
    HandedOver,
    check_progress_token,
    hand_over_run,
    handed_over_notebook,
    report_progress,
)
from webapp.workflow.quotas import Limits, limits
from webapp.workflow.readiness import check_ready, figures
from webapp.workflow.recommending import fittings, recommend
from webapp.workflow.remaking import remake
from webapp.workflow.rendering import RenderedExample, as_read, rendered
from webapp.workflow.run_cells import CellState, cell_states
from webapp.workflow.run_page import RunState, notebook_runs, run_state, step_figures
from webapp.workflow.running import cancel_job, change_run, create_run, resume_run, start_dry_run, start_run
from webapp.workflow.services import Services, open_services
from webapp.workflow.streaming import Stream, Ticket, issue_ticket, open_stream
from webapp.workflow.trying import Question, TryState, ask_both, put_away, stop_answer, try_state
from webapp.workflow.uploads import start_analysis, upload, upload_sample
from webapp.workflow.versions import Version, Versions, redo, undo, versions

__all__ = [
    "COLAB",
    "CURSOR_PATTERN",
    "AccountBelongings",
    "Artifact",
    "AuditPage",
    "CellError",
    "CellState",
    "Clusters",
    "ColabLink",
    "DatasetPage",
    "DatasetState",
    "Deleted",
    "DeletedData",
    "Departure",
    "Exported",
    "HandedOver",
    "JobPage",
    "JobStatus",
    "Limits",
    "ListedDataset",
    "ListedNotebook",
    "NotebookPage",
    "NotebookState",
    "OwnError",
    "Page",
    "PlannedRun",
    "Planning",
    "Profile",
    "Question",
    "RenderedExample",
    "RowsFile",
    "RunState",
    "Services",
    "Stream",
    "Ticket",
    "TryState",
    "UploadState",
    "Usage",
    "Version",
    "Versions",
    "account_belongings",
    "add_part",
    "analyse_again",
    "analysis",
    "api_keys",
    "artifact_file",
    "artifacts",
    "as_read",
    "ask_both",
    "audit_page",
    "bad_lines",
    "base_model",
    "begin_upload",
    "browse",
    "cancel_job",
    "cancel_upload",
    "cell_states",
    "change_run",
    "chat_template",
    "check_progress_token",
    "check_ready",
    "claim_dataset",
    "clusters",
    "colab_commands",
    "colab_link",
    "complete_upload",
    "create_run",
    "data_links",
    "dataset_belongings",
    "dataset_state",
    "delete_account",
    "delete_belongings",
    "delete_dataset",
    "delete_notebook",
    "delete_run",
    "distribution",
    "download_path",
    "download_rows",
    "duplicates",
    "estimate",
    "export_dataset",
    "figures",
    "first_bad_lines",
    "first_rows",
    "fittings",
    "gate",
    "generate",
    "hand_over_run",
    "handed_over_notebook",
    "is_place",
    "issue_lines",
    "issue_ticket",
    "job_events",
    "job_log",
    "job_report",
    "job_status",
    "limits",
    "linked_file",
    "list_datasets",
    "list_notebooks",
    "list_runs",
    "make_key",
    "map_columns",
    "notebook_belongings",
    "notebook_file",
    "notebook_preview",
    "notebook_runs",
    "notebook_script",
    "notebook_state",
    "open_services",
    "open_stream",
    "own_errors",
    "planning",
    "preview",
    "profile",
    "put_away",
    "recommend",
    "redo",
    "remake",
    "rendered",
    "report_progress",
    "resume_run",
    "revoke_key",
    "revoke_link",
    "rows_file",
    "run_belongings",
    "run_here",
    "run_receipt",
    "run_state",
    "script_path",
    "start_analysis",
    "start_dry_run",
    "start_fix",
    "start_run",
    "step_figures",
    "stop_answer",
    "token_rates",
    "try_state",
    "undo",
    "upload",
    "upload_sample",
    "upload_state",
    "versions",
    "wait_for_analysis",
]
