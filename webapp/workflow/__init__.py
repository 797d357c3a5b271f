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
from webapp.workflow.exporting import Exported, export_dataset
from webapp.workflow.fixing import start_fix
from webapp.workflow.generating import (
    NotebookState,
    download_path,
    generate,
    notebook_file,
    notebook_state,
)
from webapp.workflow.jobs import JobStatus, job_status
from webapp.workflow.mapping import map_columns
from webapp.workflow.recommending import recommend
from webapp.workflow.rendering import RenderedExample, rendered
from webapp.workflow.running import start_dry_run
from webapp.workflow.services import Services, open_services
from webapp.workflow.uploads import file_too_large, start_analysis, upload, upload_sample
from webapp.workflow.versions import Version, Versions, redo, undo, versions

__all__ = [
    "DatasetState",
    "Exported",
    "JobStatus",
    "NotebookState",
    "Page",
    "RenderedExample",
    "Services",
    "Version",
    "Versions",
    "analysis",
    "dataset_state",
    "distribution",
    "download_path",
    "duplicates",
    "export_dataset",
    "file_too_large",
    "generate",
    "issue_lines",
    "job_status",
    "map_columns",
    "notebook_file",
    "notebook_state",
    "open_services",
    "preview",
    "recommend",
    "redo",
    "rendered",
    "start_analysis",
    "start_dry_run",
    "start_fix",
    "undo",
    "upload",
    "upload_sample",
    "versions",
    "wait_for_analysis",
]
