"""The second step: the report on a dataset, and a look at its rows."""

from dataclasses import dataclass
from datetime import datetime

from webapp.accounts import Caller
from webapp.datasets import Analysis, Example, Examples, SizeRange, browsing, cluster_sizes, lines_of
from webapp.datasets.browsing import Found, Wanted
from webapp.datasets.group_report import Duplicates
from webapp.datasets.report import Distribution
from webapp.errors import Problem
from webapp.storage.tables import Dataset
from webapp.workflow.jobs import JobStatus, describe, latest_job
from webapp.workflow.lookup import find_dataset
from webapp.workflow.services import Services
from webapp.workflow.versions import root_of
from webapp.workflow.waiting import wait_until


@dataclass(frozen=True)
class DatasetState:
    """A dataset and how far it is: `analysis` is None as long as its `job` has not completed.

    `mapping` is what that job was told of the columns (column to part), empty where it was told nothing; `expires_at`
    is when all its versions are deleted, None for never.
    """

    dataset: Dataset
    job: JobStatus | None
    analysis: Analysis | None
    mapping: dict[str, str]
    expires_at: datetime | None

    def finished(self) -> Analysis:
        """The analysis; raises the Problem it ended with, or `analysis_pending` (409)."""
        if self.analysis:
            return self.analysis
        if self.job and self.job.status == "failed" and self.job.error:
            raise Problem.from_dict(self.job.error)
        if self.job is None or self.job.finished:
            raise Problem(
                "analysis_cancelled",
                "The analysis of this dataset was cancelled: have it analysed again, or upload the file again.",
                status=409,
            )
        raise Problem(
            "analysis_pending",
            "The analysis of this dataset has not finished yet; ask again in a second.",
            status=409,
            details={"retry_after": 1, "status_url": self.job.url},
        )

    @property
    def pending(self) -> bool:
        """Whether waiting helps."""
        return self.analysis is None and self.job is not None and not self.job.finished


@dataclass(frozen=True)
class Page:
    """Some examples of a dataset, and how many there are; `next` is the last one's index where more follow."""

    examples: list[Example]
    total_count: int
    page: int
    page_size: int
    next: int | None


@dataclass(frozen=True)
class LinePage:
    """Some lines of a list, and how many it has."""

    lines: list[int]
    total_count: int
    page: int
    page_size: int


@dataclass(frozen=True)
class Clusters:
    """Groups of rows that are the same to the byte, and of rows that say almost the same, by size."""

    exact: list[SizeRange]
    near: list[SizeRange]


def dataset_state(services: Services, caller: Caller, dataset_id: str) -> DatasetState:
    """The dataset as it stands; raises Problem `dataset_not_found`."""
    with services.db.reading() as session:
        dataset = find_dataset(session, caller, dataset_id)
        job = latest_job(session, caller, "analysis", dataset_id=dataset.id)
        root = root_of(session, dataset)
    report = dataset.analysis
    return DatasetState(
        dataset,
        describe(job, dataset.filename) if job else None,
        Analysis.from_dict(report) if report else None,
        (job.params.get("map") or {}) if job else {},
        root.expires_at,
    )


def analysis(services: Services, caller: Caller, dataset_id: str) -> Analysis:
    """The report; raises Problem `dataset_not_found`, `analysis_pending`, or the one the analysis ended with."""
    return dataset_state(services, caller, dataset_id).finished()


def wait_for_analysis(services: Services, caller: Caller, dataset_id: str, seconds: float) -> DatasetState:
    """The dataset once its analysis has ended, or as it stands after `seconds`."""
    return wait_until(lambda state: not state.pending, lambda: dataset_state(services, caller, dataset_id), seconds)


def preview(
    services: Services, caller: Caller, dataset_id: str, page: int, page_size: int, after: int | None = None
) -> Page:
    """Page `page` (from 1) of the valid examples, or what follows the index `after`; nothing else is read from disk.

    It ends early where the rows come to the most that is read at once; `after` then leads to the rest.
    """
    state = dataset_state(services, caller, dataset_id)
    state.finished()
    examples = open_examples(services, state.dataset.id)
    found = examples.page(page, page_size) if after is None else examples.following(after + 1, page_size)
    last = found[-1].index if found else len(examples)
    return Page(found, len(examples), page, page_size, next=last if last + 1 < len(examples) else None)


def first_rows(services: Services, state: DatasetState, count: int) -> list[Example]:
    """The first `count` valid examples; raises the Problems of `finished`."""
    state.finished()
    return open_examples(services, state.dataset.id).page(1, count)


def browse(services: Services, state: DatasetState, wanted: Wanted, count: int) -> Found:
    """The next `count` examples that are wanted; raises Problem `unknown_issue` (404), and those of `finished`."""
    state.finished()
    return browsing.browse(open_examples(services, state.dataset.id), wanted, count)


def issue_lines(services: Services, caller: Caller, dataset_id: str, code: str, page: int, page_size: int) -> LinePage:
    """Page `page` (from 1) of all lines that an issue or a kind of private data concerns.

    Raises Problem `unknown_issue` (404), and those of `analysis`.
    """
    state = dataset_state(services, caller, dataset_id)
    state.finished()
    lines = lines_of(open_examples(services, state.dataset.id), code)
    first = (page - 1) * page_size
    return LinePage(lines[first : first + page_size].tolist(), len(lines), page, page_size)


def distribution(services: Services, caller: Caller, dataset_id: str) -> Distribution:
    """Roles, lengths and turns of a dataset."""
    return analysis(services, caller, dataset_id).distribution


def duplicates(services: Services, caller: Caller, dataset_id: str) -> Duplicates:
    """The rows that could be dropped."""
    return analysis(services, caller, dataset_id).duplicates


def clusters(services: Services, state: DatasetState) -> Clusters:
    """How large the groups of rows that repeat one another are; raises the Problems of `finished`."""
    state.finished()
    examples = open_examples(services, state.dataset.id)
    return Clusters(cluster_sizes(examples, "exact"), cluster_sizes(examples, "near"))


def open_examples(services: Services, dataset_id: str) -> Examples:
    """The valid examples of a dataset whose analysis is done."""
    return Examples(services.blobs.path(examples_key(dataset_id)))


def examples_key(dataset_id: str) -> str:
    """Where the valid examples of a dataset are kept."""
    return f"datasets/{dataset_id}/examples"
