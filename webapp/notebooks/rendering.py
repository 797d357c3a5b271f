"""From a specification to a valid .ipynb: the template's cells, each rendered on its own."""

import ast
import base64
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import Any

import msgspec
import nbformat
from jinja2 import Environment, StrictUndefined, Template

import webapp
from webapp import training
from webapp.notebooks.delivery import Fetched
from webapp.notebooks.literals import Raw, prose, python_literal, text_literal
from webapp.notebooks.pins import COLAB_RUNTIME, requirements
from webapp.notebooks.spec import NotebookSpec
from webapp.resources import resource

_HEADER = re.compile(r"^# %%(?: (?P<options>.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class CellTemplate:
    """One cell of a template in percent format, still with its Jinja expressions."""

    markdown: bool
    tags: tuple[str, ...]
    hidden: bool
    body: str


def split_cells(template: str) -> Iterator[CellTemplate]:
    """The cells of a percent-format template. Splitting comes before rendering, so no value can begin a cell."""
    headers = list(_HEADER.finditer(template))
    for header, following in zip(headers, [*headers[1:], None], strict=True):
        options = header["options"] or ""
        tags = re.search(r"tags=(\[.*?\])", options)
        body = template[header.end() : following.start() if following else None]
        yield CellTemplate(
            markdown="[markdown]" in options,
            tags=tuple(json.loads(tags[1])) if tags else (),
            hidden=options.endswith("hidden"),
            body=body.strip("\n"),
        )


@cache
def module_source(name: str) -> Raw:
    """A training module as cell source: without its docstring and its imports of other training modules."""
    text = (Path(training.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        inner = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("webapp.")
        if docstring or inner:
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return Raw(re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip("\n"))


@cache
def _cells() -> tuple[CellTemplate, ...]:
    path = resource("notebook_templates") / "finetune.py.jinja"
    return tuple(split_cells(path.read_text(encoding="utf-8")))


@cache
def _compiled(cell: CellTemplate) -> Template:
    # Not HTML: `finalize` makes every value a literal or inert prose.
    finalize = prose if cell.markdown else python_literal
    environment = Environment(finalize=finalize, undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701
    return environment.from_string(cell.body)


def _notebook_cell(cell: CellTemplate, source: str, position: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {"tags": list(cell.tags)} if cell.tags else {}
    if cell.hidden:
        metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    kind = "markdown" if cell.markdown else "code"
    more: dict[str, Any] = {} if cell.markdown else {"execution_count": None, "outputs": []}
    return {"cell_type": kind, "id": f"cell-{position:02}", "metadata": metadata, "source": source, **more}


def render(spec: NotebookSpec) -> bytes:
    """The notebook as UTF-8 JSON, validated against nbformat 4; the same specification gives the same bytes."""
    place = secrets.token_hex(16)
    values = {
        "model": spec.model,
        "config": spec.config,
        "gpu": spec.gpu,
        "colab": spec.colab,
        "filename": spec.filename,
        "examples": spec.examples,
        "sha256": spec.sha256,
        "delivery": spec.delivery,
        "fetched": isinstance(spec.delivery, Fetched),
        "encrypted": spec.delivery.key is not None,
        "payload": Raw(f'"""\n{place}"""'),
        "family": spec.family.name,
        "family_template": text_literal(spec.family.standalone_template),
        "lent_format": spec.lent_format,
        "pins": requirements(spec.config.method),
    }
    rendered = [(cell, _compiled(cell).render(values, source=module_source).strip("\n")) for cell in _cells()]
    cells = [_notebook_cell(cell, source, i) for i, (cell, source) in enumerate((c, s) for c, s in rendered if s)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=_metadata(spec))
    nbformat.validate(notebook)
    written = json.dumps(notebook, indent=1, ensure_ascii=False).encode("utf-8") + b"\n"
    if isinstance(spec.delivery, Fetched):
        return written
    before, after = written.split(place.encode())
    # Put in last and by lines: megabytes of payload would be copied at every step of the rendering.
    whole = BytesIO(before)
    whole.seek(0, SEEK_END)
    whole.writelines(_payload_lines(spec.delivery.payload))
    whole.write(after)
    return whole.getvalue()


def _payload_lines(payload: bytes) -> Iterator[bytes]:
    """Base64 as it stands in JSON, 1,000 characters a line: editors choke on one long line."""
    for start in range(0, len(payload), 750):
        yield base64.b64encode(memoryview(payload)[start : start + 750]) + rb"\n"


def _metadata(spec: NotebookSpec) -> dict[str, Any]:
    return {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
        "colab": {
            "provenance": [],
            "gpuType": spec.colab.colab,
            "runtime_attributes": {"runtime_version": COLAB_RUNTIME},
        },
        "tunebook": {
            "version": webapp.__version__,
            "model_id": spec.model.id,
            "gpu": spec.gpu.id,
            "dataset_sha256": spec.sha256,
        }
        | _described(spec),
    }


def _described(spec: NotebookSpec) -> dict[str, Any]:
    """The model itself, where no catalogue has it: whoever reads the notebook needs its shape and its format."""
    if spec.own_format is None:
        return {}
    return {"model": msgspec.to_builtins(spec.model), "chat_format": asdict(spec.own_format)}
