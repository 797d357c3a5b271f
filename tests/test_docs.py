"""The documents say everything there is: settings, commands and options, routes, error codes."""

import ast
import re
from pathlib import Path
from typing import get_args

import click
import pytest

from webapp.baselines import Code, Gate, RetrievalBaseline
from webapp.cli import main
from webapp.datasets import FIXES, Analysis
from webapp.datasets.markers import MARKERS
from webapp.datasets.privacy_kinds import KINDS
from webapp.notebooks import TrainingConfig
from webapp.notebooks.failure_rules import RULES
from webapp.notebooks.failures import UNKNOWN
from webapp.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
SOURCES = sorted((ROOT / "webapp").rglob("*.py"))


def raised_codes():
    """The codes of every Problem (and of a run's error) that the sources name."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            position = {"Problem": 0, "run_error": 0, "_Ended": 1, "_Refusal": 1, "_ended": 1}.get(name)
            code = (
                getattr(node.args[position], "value", None)
                if position is not None and len(node.args) > position
                else None
            )
            if isinstance(code, str) and re.fullmatch(r"[a-z][a-z0-9_]+", code):
                yield code


@pytest.mark.parametrize("code", sorted({*raised_codes(), *FIXES}))
def test_every_error_code_is_explained(code):
    assert f"`{code}`" in DOCS["errors.md"]


def test_every_setting_is_listed_with_its_default():
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"TUNEBOOK_{name.upper()}")
        row = re.search(rf"^\| `{variable}` \| (.*?) \|", DOCS["settings.md"], re.MULTILINE)
        assert row, variable
        if isinstance(field.default, int):
            assert row[1] == f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


def test_every_training_setting_is_listed():
    for name in TrainingConfig.model_fields:
        assert f"| `{name}` |" in DOCS["api.md"]


def test_every_field_of_the_report_is_listed():
    fields = re.findall(r"^\| (`.*?`) \|", DOCS["api.md"].partition("## The report")[2], re.MULTILINE)
    assert {name for cell in fields for name in re.findall(r"`(\w+)`", cell)} >= set(Analysis.__struct_fields__)


@pytest.mark.parametrize("verdict", get_args(Code))
def test_every_verdict_on_fine_tuning_is_explained(verdict):
    assert f"| `{verdict}` |" in DOCS["guide.md"]


def test_every_field_of_the_gate_is_listed():
    fields = re.findall(r"^\| (`.*?`) \|", DOCS["api.md"].partition("## Whether to fine-tune")[2], re.MULTILINE)
    wanted = {*Gate.__struct_fields__, *RetrievalBaseline.__struct_fields__}
    assert {name for cell in fields for name in re.findall(r"`(\w+)`", cell)} >= wanted


@pytest.mark.parametrize("item", [*KINDS, *MARKERS], ids=lambda item: item.name)
def test_every_kind_and_mark_is_listed(item):
    assert f"| `{item.name}` |" in DOCS["privacy.md"]


def test_the_guide_says_of_every_failure_what_the_rules_say():
    section = DOCS["guide.md"].partition("## When a run fails")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", section, re.MULTILINE)
    assert rows[:-1] == [(rule.code, rule.cause, rule.sentence) for rule in RULES]
    assert rows[-1][0] == UNKNOWN


def commands(group, before=""):
    """All commands by their whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield f"{before}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")


def test_every_command_and_option_is_shown():
    for name, command in commands(main):
        line = re.search(rf"^tunebook {name}\b.*$", DOCS["cli.md"], re.MULTILINE)
        assert line, name
        assert command.help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"
                assert any(option in line[0] for option in parameter.opts), f"{name} {parameter.opts}"


def test_every_route_is_listed(client):
    for path, methods in client.get("/openapi.json").get_json()["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in DOCS["api.md"]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{name}" for name in DOCS)])
def test_links_between_documents_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_the_readmes_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    texts = (ROOT / "README.md").read_text() + (ROOT / ".ci/run").read_text()
    for target in re.findall(r"(?:^|[`$] ?)make ([a-z-]+)", texts, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
