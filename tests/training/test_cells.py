"""The modules as a notebook carries them: one namespace, no import of each other, no name twice."""

import ast
from pathlib import Path

from webapp import training
from webapp.notebooks.rendering import module_source

FOLDER = Path(training.__file__).parent


def test_the_concatenated_sources_run_in_one_namespace():
    namespace = {"__name__": "__main__"}
    for name in training.CELL_MODULES:
        exec(compile(module_source(name), name, "exec"), namespace)  # noqa: S102
    assert {"RunConfig", "decode_conversations", "build_rows", "find_batch_plan", "train", "save_model"} <= set(
        namespace
    )


def test_no_top_level_name_occurs_twice():
    names = [
        node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else node.targets[0].id
        for module in training.CELL_MODULES
        for node in ast.parse(module_source(module)).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign)
    ]
    assert len(names) == len(set(names))


def test_modules_import_each_other_by_name_only_and_in_order():
    for position, module in enumerate(training.CELL_MODULES):
        for node in ast.walk(ast.parse((FOLDER / f"{module}.py").read_text())):
            assert not (isinstance(node, ast.Import) and any(a.name.startswith("webapp") for a in node.names))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("webapp"):
                imported = node.module.removeprefix("webapp.training.")
                assert imported in training.CELL_MODULES[:position]
                assert all(alias.asname is None for alias in node.names)


def test_a_cell_mentions_neither_the_package_nor_its_docstring():
    for module in training.CELL_MODULES:
        assert "webapp" not in module_source(module)
        assert not module_source(module).startswith('"""')
