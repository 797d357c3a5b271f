import ast
import base64
import json
from dataclasses import replace
from functools import cache

import msgspec
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.notebooks.specs import SMALL
from webapp.catalog import find_model, models
from webapp.notebooks import TrainingConfig, render
from webapp.notebooks.rendering import split_cells

HOSTILE = (
    "'''", '"""', "\\", "%%bash", "!rm x", "{{ 7*7 }}", "{% raw %}", "\u2028\u2029\x85\x00", "\ud800", "# %% tags=[]",
    "</script><script>alert(1)</script>", "a\n# %% [markdown]\nb", "$x^2$", "`code`", "[a](javascript:b)", "\\\n'",
)  # fmt: skip


def cells(spec):
    return nbformat.reads(render(spec).decode(), as_version=4).cells


def tagged(spec, tag):
    return next(cell.source for cell in cells(spec) if tag in cell.metadata.get("tags", []))


def parameters(spec):
    return {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(tagged(spec, "parameters")).body}


@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
@pytest.mark.parametrize("method", ["lora", "qlora", "full"])
def test_every_model_and_method_gives_a_valid_notebook_of_plain_python(model, method):
    spec = replace(SMALL, model=model, config=TrainingConfig(method=method))
    for cell in cells(spec):
        if cell.cell_type == "code":
            compile(cell.source, "cell", "exec")
            assert not cell.source.lstrip().startswith(("%", "!"))
            assert cell.outputs == []


def test_every_setting_reaches_the_parameters_cell():
    changed = {
        "method": "full", "master_weights": "16-bit", "lora_rank": 8, "lora_alpha": 9,
        "lora_dropout": 0.25, "learning_rate": 0.0005,
        "lr_scheduler": "linear", "warmup_ratio": 0.2, "weight_decay": 0.01, "max_grad_norm": 0.5, "num_epochs": 7,
        "batch_size": 3, "gradient_accumulation": 5, "max_seq_length": 2048, "train_turns": "together",
        "gradient_checkpointing": False,
        "packing": True, "eval_fraction": 0.2, "seed": 7, "max_steps": 11, "eval_steps": 13,
        "early_stopping_patience": 5, "checkpoint_minutes": 2.5, "sample_answers": 4, "max_new_tokens": 77,
        "keep_on_drive": True, "metric_answers": 6, "export_merged": True, "export_gguf": True,
        "push_to_hub": "me/mine",
    }  # fmt: skip
    assert set(changed) == set(TrainingConfig.model_fields)
    defaults = TrainingConfig().model_dump()
    assert all(defaults[name] != value for name, value in changed.items())
    found = parameters(replace(SMALL, config=TrainingConfig(**changed)))
    fixed = {"base_model": "HuggingFaceTB/SmolLM2-360M-Instruct", "output_dir": "tunebook-run"}
    assert found == changed | fixed | {"progress_url": "", "progress_token": ""}


def test_the_same_specification_gives_the_same_bytes():
    assert render(SMALL) == render(replace(SMALL))


def test_the_data_cell_holds_the_rows_and_their_digest(make_spec, sample):
    from webapp.datasets import sample_path
    from webapp.training.data import decode_conversations

    namespace = {}
    exec(tagged(make_spec(), "data"), namespace)  # noqa: S102
    rows = decode_conversations(base64.b64decode(namespace["dataset_base64"]), namespace["dataset_sha256"])
    originals = [json.loads(line) for line in sample_path().read_text(encoding="utf-8").split("\n") if line]
    assert len(rows) == len(originals) == sample[0].total_examples
    assert rows[0]["messages"][-1]["content"] == originals[0]["messages"][-1]["content"]


def test_colab_gets_a_gpu_a_pinned_runtime_and_the_packages_of_the_method():
    metadata = nbformat.reads(render(SMALL).decode(), as_version=4).metadata
    assert metadata["accelerator"] == "GPU"
    assert metadata["colab"]["gpuType"] == "T4"
    assert metadata["colab"]["runtime_attributes"]["runtime_version"] == "2026.07"
    assert "bitsandbytes==" not in tagged(SMALL, "install")
    assert "bitsandbytes==" in tagged(replace(SMALL, config=TrainingConfig(method="qlora")), "install")


def test_only_a_gated_model_asks_for_a_token():
    assert not any("access" in cell.metadata.get("tags", []) for cell in cells(SMALL))
    gated = replace(SMALL, model=find_model("llama-3.2-1b"))
    assert "require_access" in tagged(gated, "access")
    assert "accept its licence" in render(gated).decode()


def test_nothing_of_this_machine_is_in_it(make_spec, tmp_path):
    text = render(make_spec()).decode()
    assert str(tmp_path.parent) not in text
    assert "/home/" not in text
    assert "webapp" not in text


@cache
def shape(source):
    """The cell's syntax with every constant blanked."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value, node.kind = 0, None
    return ast.dump(tree)


SHAPES = [shape(cell.source) for cell in cells(SMALL) if cell.cell_type == "code"]
PROSE = [cell.source for cell in cells(SMALL) if cell.cell_type == "markdown"]
texts = st.sampled_from(HOSTILE) | st.text() | st.lists(st.sampled_from(HOSTILE)).map("".join)
hostile = texts.filter(lambda text: text != "qlora")  # a real method, with packages of its own


@settings(max_examples=1000, deadline=None)
@given(
    st.fixed_dictionaries(
        dict.fromkeys(("hub_id", "license", "name", "filename", "method", "lr_scheduler", "push_to_hub"), hostile)
    )
)
def test_hostile_values_are_inert_data(values):
    named = {name: values[name] for name in ("hub_id", "license", "name")}
    chosen = {name: values[name] for name in ("method", "lr_scheduler", "push_to_hub")}
    spec = replace(
        SMALL,
        model=msgspec.structs.replace(SMALL.model, **named),
        config=TrainingConfig.model_construct(**(TrainingConfig().model_dump() | chosen)),
        filename=values["filename"],
    )
    made = cells(spec)
    code = [cell for cell in made if cell.cell_type == "code"]
    assert [shape(cell.source) for cell in code] == SHAPES
    found = parameters(spec)
    assert {name: found[name] for name in ("base_model", *chosen)} == {"base_model": values["hub_id"]} | chosen
    assert len([cell for cell in made if cell.cell_type == "markdown"]) == len(PROSE)


def test_a_template_is_split_at_its_headers():
    made = list(split_cells('# %% [markdown]\nprose\n\n# %% tags=["a"] hidden\nx = 1\n'))
    assert [(cell.markdown, cell.tags, cell.hidden, cell.body) for cell in made] == [
        (True, (), False, "prose"),
        (False, ("a",), True, "x = 1"),
    ]
