"""The task types a person can choose, and how large a model each asks for."""

from typing import Literal, NamedTuple

from webapp.catalog.entries import unknown

TaskName = Literal[
    "classification",
    "question_answering",
    "conversation",
    "text_generation",
    "extraction",
    "instruction_following",
]


class Task(NamedTuple):
    """A task type; at `half_ability` parameters a model counts as half as able as size can make it."""

    name: TaskName
    label: str
    half_ability: int


# half_ability is our judgement, not a measurement: choosing one of a few labels is learnt by models of 0.3B,
# open-ended writing and following instructions that were never seen gain from every billion.
TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("classification", "classification", 300_000_000),
        Task("extraction", "extraction", 700_000_000),
        Task("question_answering", "question answering", 2_000_000_000),
        Task("conversation", "conversation", 1_500_000_000),
        Task("text_generation", "text generation", 2_500_000_000),
        Task("instruction_following", "instruction following", 2_500_000_000),
    )
}

ALIASES = {"classify": "classification", "qa": "question_answering", "generation": "text_generation"}


def resolve_task(name: str) -> Task:
    """The task of this name or alias. Raises Problem `unknown_task`."""
    wanted = str(name).strip().lower()
    task = TASKS.get(ALIASES.get(wanted, wanted))
    if task is None:
        raise unknown("task", name, [*TASKS, *ALIASES], param="task_type")
    return task
