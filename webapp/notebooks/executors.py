"""Where a notebook is run as it is, with its real model: the table of executors.

Nothing heavy is loaded with it; each executor brings its own packages when it is asked for.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from webapp.errors import Problem
from webapp.settings import Settings

if TYPE_CHECKING:
    from webapp.notebooks.running import RunReport, Watch

ExecutorName = Literal["local", "colab", "ray"]


class Run(Protocol):
    """Runs a notebook; everything it writes ends up under `workdir`, wherever it ran.

    Rows that are a file of their own are `data_file`, or lie beside the notebook. What the run makes elsewhere goes by
    `watch.remote.name`, noted before it is there and until it is gone; what an earlier attempt left is ended first, or
    gone on with.
    """

    def __call__(self, notebook: Path, workdir: Path, watch: "Watch", data_file: Path | None = None, /) -> "RunReport":
        """How the run went. Raises Problem where it could not begin."""


class Executor(Protocol):
    """A place that runs notebooks."""

    @property
    def run(self) -> Run:
        """Runs a notebook there."""

    def end(self, name: str) -> bool:
        """Ends what goes by `name` there; False when there is nothing. Raises Problem where it cannot be reached."""


def executor(name: str, settings: Settings) -> Executor:
    """The executor of that name, ready to work."""
    return EXECUTORS[name](settings)


def require_executor(name: str, kind: str) -> None:
    """Problem `dry_run_is_local` where a dry run is to go elsewhere: it takes seconds, and is for before."""
    if kind == "dry_run" and name != "local":
        raise Problem("dry_run_is_local", "A dry run is done by the local executor only.", param="executor")


def _local(_: Settings) -> Executor:
    from webapp.notebooks.running import Local

    return Local()


def _colab(settings: Settings) -> Executor:
    from webapp.notebooks.colab import Colab

    return Colab(settings)


def _ray(settings: Settings) -> Executor:
    from webapp.notebooks.cluster import Cluster

    return Cluster(settings)


EXECUTORS: Mapping[str, Callable[[Settings], Executor]] = {"local": _local, "colab": _colab, "ray": _ray}
