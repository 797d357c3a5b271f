"""From an analysed dataset and a plan to the specification of a notebook."""

from webapp.catalog import BaseModel
from webapp.datasets import Analysis, Examples
from webapp.notebooks.delivery import Delivery, embed
from webapp.notebooks.planning import Plan, plan_run
from webapp.notebooks.spec import NotebookSpec
from webapp.notebooks.trainable import require_trainable
from webapp.training.families import Family


def assemble(
    analysis: Analysis,
    examples: Examples,
    model: BaseModel,
    filename: str,
    plan: Plan | None = None,
    delivery: Delivery | None = None,
    own_format: Family | None = None,
) -> NotebookSpec:
    """The notebook of these rows for this model, by default with the settings that follow from them.

    Without a `delivery` it carries the rows, however many. A model that the catalogue does not have comes with its
    `own_format`. Raises Problem `too_few_examples` or `no_trained_text`.
    """
    require_trainable(analysis, examples)
    plan = plan or plan_run(analysis, model)
    return NotebookSpec(
        model=model,
        gpu=plan.gpu,
        colab=plan.colab,
        config=plan.config,
        filename=filename,
        examples=analysis.total_examples,
        sha256=analysis.sha256,
        delivery=delivery or embed(examples.payload()),
        own_format=own_format,
    )
