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
    preview,
    wait_for_analysis,
)
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
from webapp.workflow.running import start_dry_run
from webapp.workflow.services import Services, open_services
from webapp.workflow.uploads import file_too_large, start_analysis, upload, upload_sample

__all__ = [
    "DatasetState",
    "JobStatus",
    "NotebookState",
    "Page",
    "Services",
    "analysis",
    "dataset_state",
    "distribution",
    "download_path",
    "duplicates",
    "file_too_large",
    "generate",
    "job_status",
    "map_columns",
    "notebook_file",
    "notebook_state",
    "open_services",
    "preview",
    "recommend",
    "start_analysis",
    "start_dry_run",
    "upload",
    "upload_sample",
    "wait_for_analysis",
]
