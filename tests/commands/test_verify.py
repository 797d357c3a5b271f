"""`tunebook verify` as a person uses it."""

import json

import pytest
from click.testing import CliRunner

from webapp.cli import main
from webapp.datasets import sample_path
from webapp.notebooks.miniatures import MINIATURE_LENGTH
from webapp.training.configuration import RunConfig
from webapp.training.data import split_conversations
from webapp.training.receipt import installed_versions, make_receipt, template_sha256

TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"


def tunebook(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def base_model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    return folder


@pytest.fixture
def write_receipt(tmp_path, base_model, sample_receipt):
    """The receipt of a run on the sample, with parts of it changed."""

    def write(**changes):
        path = tmp_path / "receipt.json"
        path.write_text(json.dumps(sample_receipt(str(base_model)) | changes))
        return path

    return write


@pytest.fixture(scope="session")
def sample_receipt(tmp_path_factory):
    from webapp.datasets import Examples, ExampleWriter, analyze
    from webapp.notebooks import TrainingConfig

    folder = tmp_path_factory.mktemp("sample")
    with ExampleWriter(folder) as sink:
        analysis = analyze(sample_path(), sink=sink)
    conversations = list(Examples(folder).conversations())

    def make(base_model):
        values = TrainingConfig(max_seq_length=MINIATURE_LENGTH).model_dump()
        config = RunConfig(base_model=base_model, output_dir="tunebook-run", **values)
        report = dict.fromkeys(("steps", "perplexity", "interval", "metrics", "hardware"))
        report |= {
            "dataset_sha256": analysis.sha256,
            "loss": {"eval_before": 2.0, "eval_after": 1.0},
            "template_sha256": template_sha256(TEMPLATE),
            "versions": installed_versions(),
        }
        return make_receipt(config, report, split_conversations(conversations, config.eval_fraction, config.seed))

    return make


def lines(done):
    return {item["name"]: item["matches"] for item in json.loads(done.stdout)["checks"]}


def test_the_same_data_matches_line_by_line(write_receipt):
    done = tunebook("verify", write_receipt(), sample_path(), "--json")
    assert done.exit_code == 0
    assert set(lines(done).values()) == {True}
    assert {"data", "split", "parameters", "chat template", "python", "torch"} <= set(lines(done))
    shown = tunebook("verify", write_receipt(), sample_path())
    assert "the run would see the same rows" in shown.stdout


def test_one_changed_row_is_told(write_receipt, tmp_path):
    rows = sample_path().read_text(encoding="utf-8").splitlines()
    changed = tmp_path / "changed.jsonl"
    changed.write_text("\n".join([*rows[:-1], rows[-1].replace("a", "b", 1)]) + "\n", encoding="utf-8")
    done = tunebook("verify", write_receipt(), changed, "--json")
    assert done.exit_code == 1
    assert lines(done)["data"] is False
    assert lines(done)["parameters"] is True
    shown = tunebook("verify", write_receipt(), changed)
    assert "DIFFERS  data" in shown.stdout
    assert "would not be the same" in shown.stdout


def test_rows_in_another_order_are_other_data(write_receipt, tmp_path):
    rows = sample_path().read_text(encoding="utf-8").splitlines()
    turned = tmp_path / "turned.jsonl"
    turned.write_text("\n".join(reversed(rows)) + "\n", encoding="utf-8")
    assert lines(tunebook("verify", write_receipt(), turned, "--json"))["data"] is False


def test_a_parameter_that_somebody_changed_is_told(write_receipt):
    path = write_receipt()
    receipt = json.loads(path.read_text())
    receipt["parameters"]["learning_rate"] = 0.5
    path.write_text(json.dumps(receipt))
    done = tunebook("verify", path, sample_path(), "--json")
    assert (done.exit_code, lines(done)["parameters"], lines(done)["data"]) == (1, False, True)
    receipt["parameters"]["seed"] = 43
    path.write_text(json.dumps(receipt))
    assert lines(tunebook("verify", path, sample_path(), "--json"))["split"] is False


def test_another_chat_template_is_told_and_one_that_is_not_here_is_unknown(write_receipt, base_model):
    path = write_receipt()
    (base_model / "chat_template.jinja").write_text("{{ another }}")
    done = tunebook("verify", path, sample_path(), "--json")
    assert (done.exit_code, lines(done)["chat template"]) == (1, False)
    for file in base_model.iterdir():
        file.unlink()
    done = tunebook("verify", path, sample_path(), "--json")
    assert (done.exit_code, lines(done)["chat template"]) == (0, None)


def test_other_versions_are_told_and_fail_nothing(write_receipt):
    versions = installed_versions() | {"torch": "1.0", "a-package-nobody-has": "2.0"}
    done = tunebook("verify", write_receipt(versions=versions), sample_path(), "--json")
    assert done.exit_code == 0
    assert (lines(done)["torch"], lines(done)["a-package-nobody-has"]) == (False, None)


def test_parameters_of_another_version_cannot_be_told(write_receipt):
    path = write_receipt()
    receipt = json.loads(path.read_text())
    receipt["parameters"]["a_new_one"] = 1
    path.write_text(json.dumps(receipt))
    assert lines(tunebook("verify", path, sample_path(), "--json"))["parameters"] is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"receipt": 1}', "null", "[" * 100_000, '{"receipt": 1, "split": 3, "dataset_sha256": "x"}'],
)
def test_another_file_is_no_receipt(tmp_path, text):
    path = tmp_path / "receipt.json"
    path.write_text(text)
    done = tunebook("verify", path, sample_path())
    assert done.exit_code == 2
    assert "is not the receipt of a run" in done.stderr


def test_a_receipt_of_another_kind_is_refused(write_receipt):
    done = tunebook("verify", write_receipt(receipt=99), sample_path())
    assert done.exit_code == 2
    assert "not a receipt this version can read" in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [{"eval_fraction": "0.1"}, {"eval_fraction": True}, {"seed": float("inf")}, {"seed": "3"}, {"seed": 3.0}],
    ids=str,
)
def test_a_receipt_whose_split_cannot_be_made_again_is_refused(write_receipt, wrong):
    path = write_receipt()
    receipt = json.loads(path.read_text())
    receipt["parameters"] |= wrong
    path.write_text(json.dumps(receipt))
    done = tunebook("verify", path, sample_path())
    assert done.exit_code == 2
    assert "not a receipt this version can read" in done.stderr
