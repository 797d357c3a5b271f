"""What the page of a dataset says of its data: the problems, the charts, the first bad lines and the first rows."""

from typing import Any

from webapp import workflow
from webapp.api.context import services
from webapp.catalog import models
from webapp.datasets import Analysis
from webapp.pages.bubbles import conversations
from webapp.pages.dataset_charts import cluster_charts, share_charts, token_chart
from webapp.pages.problems import problems

# On the page: rows, bad lines, and groups of rows that repeat one another.
_ROWS, _BAD_LINES, _GROUPS = 3, 5, 10
_ROW_BYTES = 16_000


def diagnosis(state: workflow.DatasetState, report: Analysis) -> dict[str, Any]:
    """The parts of the page by name, for an analysis that is done."""
    clusters = workflow.clusters(services(), state)
    return {
        "report": report,
        "problems": problems(state.dataset.id, report),
        "token_chart": token_chart(report),
        "share_charts": [*share_charts(report), *cluster_charts(clusters)],
        "bad": workflow.bad_lines(services(), state, 1, _BAD_LINES),
        "groups_shown": _GROUPS,
        "reader": models()[0].id,
        "first_rows": conversations(workflow.first_rows(services(), state, _ROWS), most=_ROW_BYTES),
    }
