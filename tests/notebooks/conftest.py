"""The bundled sample, analysed once, and notebooks made of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webapp.catalog import find_model
from webapp.datasets import Analysis, Examples, ExampleWriter, analyze, sample_path
from webapp.notebooks import NotebookSpec, TrainingConfig, assemble, plan_run, render


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, Examples]:
    folder = tmp_path_factory.mktemp("sample")
    with ExampleWriter(folder) as sink:
        analysis = analyze(sample_path(), sink=sink)
    return analysis, Examples(folder)


@pytest.fixture(scope="session")
def make_spec(sample: tuple[Analysis, Examples]) -> Callable[..., NotebookSpec]:
    def make(model_id: str = "smollm2-360m", filename: str = "sample.jsonl", **settings: Any) -> NotebookSpec:
        model = find_model(model_id)
        return assemble(*sample, model, filename, plan_run(sample[0], model, TrainingConfig(**settings)))

    return make


@pytest.fixture
def write_notebook(tmp_path: Path, make_spec: Callable[..., NotebookSpec]) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        path = tmp_path / "notebook.ipynb"
        path.write_bytes(render(make_spec(**changes)))
        return path

    return write
