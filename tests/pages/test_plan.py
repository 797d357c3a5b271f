"""The training plan: presets, every setting, what they take, and the notebook they make."""

import json
from dataclasses import replace

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.catalog import find_model
from webapp.notebooks import TrainingConfig, plan_run
from webapp.pages.plan_words import LABELS


def line(question, answer="Good day."):
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages}).encode()


@pytest.fixture
def plan(visitor, sample):
    """Opens the plan for a model, with what is given in its query."""

    def opened(model_id, **query):
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return visitor.visit(f"/datasets/{sample}/plan?model_id={model_id}{more}")

    return opened


@pytest.fixture
def recompute(visitor, sample):
    """Sends the form of a plan as the button without scripts does."""

    def sent(page, **changes):
        form = replace(page.form("/notebooks"), action=f"/datasets/{sample}/plan/check")
        return visitor.send(form, **changes)

    return sent


def test_it_is_filled_with_what_is_suggested_and_says_why(plan, services, sample):
    page = plan("qwen3-1.7b")
    suggested = plan_run(workflow.analysis(services, LOCAL, sample), find_model("qwen3-1.7b"), gpu="t4")
    fields = page.form("/notebooks").fields
    for name in ("method", "num_epochs", "learning_rate", "max_seq_length", "lora_rank", "batch_size"):
        assert fields[name] == str(getattr(suggested.config, name))
        assert suggested.settings.items[name].reason in page.text
    assert fields["dry_run"] == "1"
    assert "It fits." in page.text


def test_a_card_that_colab_does_not_have_says_what_the_notebook_asks_for_there(plan):
    page = plan("smollm2-360m", gpu="cpu")
    assert "Colab has no CPU with 16 GB: its T4 is what the notebook asks for there." in page.text


def test_every_setting_of_a_run_can_be_set(plan):
    names = {control["name"] for control in plan("qwen3-1.7b").controls}
    assert set(TrainingConfig.model_fields) <= names


def test_the_presets_say_what_they_set(plan, recompute):
    page = plan("qwen3-1.7b")
    for rank in (8, 16, 32):
        assert f"LoRA rank {rank}, rows of up to" in page.text
    assert page.form("/notebooks").fields["preset"] == "balanced"
    fields = recompute(page, preset="best").form("/notebooks").fields
    assert (fields["preset"], fields["lora_rank"]) == ("best", "32")


def test_it_follows_the_models_own_tokens_where_they_are_counted(visitor, analysed, services):
    dataset = analysed(b"\n".join(line(f"Hello {number}") for number in range(20)))
    with services.blobs.new_file(f"datasets/{dataset}/examples/token_rates.json") as file:
        file.write(b'{"counted": 1.0, "models": {"qwen3-1.7b": 90.0}}')
    fields = visitor.visit(f"/datasets/{dataset}/plan?model_id=qwen3-1.7b").form("/notebooks").fields
    report = workflow.analysis(services, LOCAL, dataset)
    assert int(fields["max_seq_length"]) > 90 * report.tokens.per_example.p99 > 256


def test_a_large_model_is_planned_with_qlora(plan):
    assert plan("qwen3-8b").form("/notebooks").fields["method"] == "qlora"


def test_what_was_not_touched_follows_what_was_and_comes_back_with_it(plan, recompute):
    page = plan("qwen3-0.6b", gpu="a100-80")
    rate = page.form("/notebooks").fields["learning_rate"]
    full = recompute(page, method="full")
    assert full.form("/notebooks").fields["learning_rate"] == "2e-05"
    assert "Usual for full fine-tuning" in full.text
    assert recompute(full, method="lora").form("/notebooks").fields["learning_rate"] == rate


def test_what_was_typed_stays_and_its_suggestion_is_said(plan, recompute):
    page = recompute(plan("qwen3-1.7b"), lora_rank="64", seed="7")
    assert "You set it; suggested is 16." in page.text
    assert "You set it; the default is 42." in page.text
    again = recompute(page, num_epochs="1")
    fields = again.form("/notebooks").fields
    assert (fields["lora_rank"], fields["seed"], fields["num_epochs"]) == ("64", "7", "1")
    assert "suggested is 16." not in recompute(again, lora_rank="16").text


def test_memory_time_and_steps_follow_the_settings(plan, recompute):
    page = plan("qwen3-1.7b")
    assert "About 5 steps" not in page.text
    assert "About 5 steps" in recompute(page, max_steps="5").text
    words = [
        each.html.split('class="memory"')[1].split("aria-label=")[1][:20]
        for each in (page, recompute(page, batch_size="1"))
    ]
    assert words[0] != words[1]


def test_a_check_box_can_be_taken_back(plan, recompute):
    page = plan("qwen3-1.7b")
    assert page.form("/notebooks").fields["gradient_checkpointing"] == "1"
    off = recompute(page, gradient_checkpointing=None)
    assert "You set it; the default is on." in off.text
    assert "gradient_checkpointing" not in off.form("/notebooks").fields
    on = recompute(off, gradient_checkpointing="1")
    assert "You set it; the default is on." not in on.text


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"lora_rank": "9000"}, "lora_rank", "less than or equal to 256"),
        ({"num_epochs": "many"}, "num_epochs", "Input should be a valid integer"),
        ({"max_seq_length": "65536"}, "max_seq_length", "ends at"),
        ({"batch_size": "512"}, "batch_size", "A batch_size of 1 with more gradient_accumulation"),
        ({"gpu": "cpu", "method": "qlora"}, "method", "QLoRA cannot be run on the"),
        ({"gpu": "rtx-4090", "method": "full"}, "method", "QLoRA fits with a batch_size of 1"),
        ({"gpu": "rtx-4090", "method": "full", "lora_rank": "8"}, "method", "QLoRA fits with a batch_size of 1"),
    ],
    ids=["rank", "epochs", "length", "memory", "method", "full", "full and a rank"],
)
def test_what_cannot_work_is_said_at_its_field(plan, recompute, changes, field, said):
    model = "qwen3-8b" if "full" in changes.values() else "smollm2-1.7b"
    page = recompute(plan(model), **changes)
    told = page.html.split(f'id="{field}-problem"')[1].split("</span>")[0]
    assert said in told
    refusal = page.html.split('id="refusal"')[1].split("</p>")[0]
    assert "makes no notebook" in refusal or f"Wrong above: {LABELS[field]}." in refusal
    assert page.form("/notebooks").fields.get(field) == changes[field]


def test_a_card_without_bf16_is_refused_at_the_gpu(plan):
    page = plan("gemma-3-4b")
    told = page.html.split('id="gpu-problem"')[1].split("</span>")[0]
    assert "has no bf16. Choose another GPU or another model." in told
    assert "cannot be trained on this GPU" in page.text


def test_too_few_rows_are_told_before_the_notebook_is_asked_for(visitor, analysed):
    dataset = analysed(line("Hello"))
    page = visitor.visit(f"/datasets/{dataset}/plan?model_id=smollm2-360m")
    assert "No notebook can be made of these rows" in page.text
    page = visitor.send(page.form("/notebooks"))
    assert visitor.status == 400
    assert "training needs at least 10" in page.text


def test_a_script_gets_the_form_alone(plan, visitor, sample):
    form = plan("qwen3-1.7b").form("/notebooks")
    form.action = f"/datasets/{sample}/plan/check?fragment=1"
    page = visitor.send(form)
    assert page.ids[0] == "plan"
    assert "<html" not in page.html
    assert "It fits." in page.text


def test_the_first_rows_are_shown_as_the_model_reads_them(plan):
    page = plan("smollm2-1.7b")
    assert f"Line 1 as {find_model('smollm2-1.7b').name} reads it" in page.text
    written = page.html.replace("&lt;", "<").replace("&gt;", ">")
    assert "<span><|im_start|>user\n</span><span>whats the deposit for<|im_end|>\n</span>" in written
    assert '<mark class="learned"><span class="unseen">learned: </span>You ask what the deposit is for.' in page.html


def test_it_makes_the_notebook_with_its_settings(visitor, plan):
    form = plan("qwen3-0.6b").form("/notebooks")
    page = visitor.send(form, lora_rank="8", learning_rate="0.0005", seed="", packing="1", dry_run=None)
    assert visitor.path.startswith("/notebooks/")
    assert "harbour_bikes-qwen3-0.6b.ipynb" in page.text
    for said in ("lora_rank 8", "learning_rate 0.0005", "seed 42", "packing True"):
        assert said in page.text
    assert "has not been run yet" in page.text


def test_the_plan_of_a_notebook_is_the_start_of_another(visitor, plan):
    made = visitor.send(
        plan("qwen3-0.6b", gpu="l4").form("/notebooks"),
        lora_rank="8",
        packing="1",
        gradient_checkpointing=None,
        dry_run=None,
    )
    (link,) = {link for link in made.links if "/plan?from=" in link}
    page = visitor.visit(link)
    assert "Training plan for Qwen3 0.6B" in page.text
    fields = page.form("/notebooks").fields
    assert (fields["lora_rank"], fields["packing"], fields["gpu"]) == ("8", "1", "l4")
    assert "gradient_checkpointing" not in fields
    again = visitor.send(page.form("/notebooks"), seed="7", dry_run=None)
    for said in ("lora_rank 8", "packing True", "gradient_checkpointing False", "seed 7"):
        assert said in again.text


@pytest.mark.parametrize(
    ("field", "value"), [("num_epochs", "0"), ("num_epochs", "many"), ("lora_rank", "1e9"), ("method", "magic")]
)
def test_a_wrong_setting_is_named_and_nothing_typed_is_lost(visitor, plan, field, value):
    page = visitor.send(plan("qwen3-0.6b").form("/notebooks"), **{"seed": "7", field: value}, dry_run=None)
    assert visitor.status == 400
    assert f"{field}:" in page.text
    kept = page.form("/notebooks").fields
    assert kept["seed"] == "7"
    assert "dry_run" not in kept
    if field != "method":
        assert kept[field] == value


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("model_id=gpt-17", 404, "There is no model named"),
        ("model_id=qwen3-1.7b&gpu=abacus", 400, "There is no gpu named"),
        ("model_id=qwen3-1.7b&preset=lazy", 400, "There is no preset named"),
        ("from=00000000-0000-0000-0000-000000000000", 404, "There is no notebook with this id"),
    ],
)
def test_a_query_that_cannot_be_is_told(visitor, sample, query, status, sentence):
    page = visitor.visit(f"/datasets/{sample}/plan?{query}")
    assert visitor.status == status
    assert sentence in page.text


def test_without_a_model_it_leads_to_the_choice_of_one(visitor, sample):
    visitor.visit(f"/datasets/{sample}/plan")
    assert visitor.path == f"/datasets/{sample}/models"
