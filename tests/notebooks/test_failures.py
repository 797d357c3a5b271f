"""Why a run failed: each known failure by the error itself, raised where this machine can raise it.

Where it cannot (a GPU, Colab, the hub), the text is that of the library's source or of the report that is named.
"""

import errno
import importlib.metadata
import json
import os
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from webapp.errors import Problem
from webapp.jobs.executors import execute
from webapp.notebooks import TrainingConfig
from webapp.notebooks.failure_rules import RULES
from webapp.notebooks.failures import UNKNOWN, decode
from webapp.training import data, probe
from webapp.training.alarms import not_finite_alarm
from webapp.training.masking import build_rows

SETTINGS = TrainingConfig().model_dump() | {"base_model": "Qwen/Qwen3-1.7B"}
FULL = Path("/dev/full")
# c10/cuda/CUDACachingAllocator.cpp, with the numbers of a T4.
CUDA_MEMORY = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.74 GiB of which 1.06 GiB is free."
    " Process 4242 has 13.68 GiB memory in use. Of the allocated memory 13.02 GiB is allocated by PyTorch"
)


def failed(error, tag=None):
    """The error of an Execution whose cell raised this."""
    name, value = type(error).__name__, str(error)
    return {"code": "cell_failed", "message": f"{name} in cell 3 of 12: {value}", "tag": tag} | {
        "ename": name,
        "evalue": value[:1000],
        "traceback": f"----> 1 work()\n\n{name}: {value}",
    }


def raised(work, *arguments, **named):
    """What `work` raises."""
    try:
        work(*arguments, **named)
    except BaseException as error:
        return error
    raise AssertionError(f"{work} raised nothing")


def code_of(error, tag=None, **settings):
    return decode(failed(error, tag), SETTINGS | settings).code


def change_for(error, tag, fixed=(), **settings):
    return decode(failed(error, tag), SETTINGS | settings, fixed).change


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip("torch")
    module.set_num_threads(1)
    return module


def test_every_rule_has_a_code_of_its_own_and_says_what_to_do():
    codes = [rule.code for rule in RULES]
    assert len(codes) == len(set(codes))
    for rule in RULES:
        assert not rule.cause.endswith(".")
        assert rule.sentence.endswith(".")


# What is not known


def test_an_unknown_error_is_shown_by_the_last_line_of_its_traceback_without_a_guess():
    failure = decode(failed(LookupError("first line\nno such row")), SETTINGS)
    assert (failure.code, failure.cause, failure.change, failure.hint) == (UNKNOWN, None, None, None)
    assert failure.sentence == "no such row"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("learning_rate is 3; it must be at most 1"),
        RuntimeError("the memory of the past"),
        KeyError("labels"),
        AssertionError(),
        OSError(errno.EACCES, "Permission denied"),
        TypeError("'NoneType' object is not subscriptable"),
        IndexError("list index out of range"),
        NameError("name 'nan' is not defined"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("tag", ["mask", "train", None])
def test_an_everyday_error_is_taken_for_nothing_else(error, tag):
    assert code_of(error, tag) == UNKNOWN


def test_lines_of_code_in_the_traceback_decide_nothing():
    error = failed(ZeroDivisionError("division by zero")) | {"traceback": "# CUDA out of memory\nZeroDivisionError"}
    assert decode(error, SETTINGS).code == UNKNOWN


# How the process ended


@pytest.fixture
def ended(tmp_path):
    """Runs a cell for real and answers the failure of the run."""

    def run(source, **options):
        cells = [
            {
                "cell_type": "code",
                "metadata": {"tags": ["train"]},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
        ]
        path = tmp_path / "notebook.ipynb"
        path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
        done = execute(
            path,
            workdir=tmp_path,
            output=tmp_path / "done.ipynb",
            parameters={},
            timeout=options.pop("timeout", 60),
            environment={"PATH": os.environ["PATH"]},
            on_event=lambda _: None,
            **options,
        )
        return decode(done.error, SETTINGS)

    return run


def test_a_kernel_that_the_system_killed_had_too_little_memory(ended):
    failure = ended("import os; os.kill(os.getpid(), 9)")
    assert failure.code == "out_of_memory"
    assert failure.change == {"batch_size": 1, "gradient_accumulation": 8}


def test_a_kernel_that_left_is_not_said_to_have_lacked_memory(ended):
    failure = ended("import os; os._exit(3)")
    assert (failure.code, failure.change) == ("kernel_died", None)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ("was ended by signal 9 (SIGKILL), often a sign of too little memory", "out_of_memory"),
        ("ended with exit status 1", "kernel_died"),
    ],
)
def test_a_job_whose_own_process_ended_is_read_as_its_kernel_is(ended, code):
    error = {"code": "job_died", "message": f"The process of this job {ended}.", "details": {}}
    assert decode(error, {}).code == code


@pytest.mark.parametrize(
    ("code", "parameters", "change"),
    [
        ("memory_exceeded", {"gradient_checkpointing": False}, {"gradient_checkpointing": True}),
        ("disk_exceeded", {"export_merged": True}, None),
    ],
)
def test_a_run_that_took_more_than_it_may_is_told_by_the_supervisors_own_error(code, parameters, change):
    failure = decode({"code": code, "message": "The job was stopped: ..."}, parameters)
    assert (failure.code, failure.change) == (code, change)


def test_a_run_that_took_too_long_can_be_run_again(ended):
    assert ended("import time; time.sleep(60)", timeout=2).code == "timed_out"


def test_a_run_that_was_stopped_was_stopped_by_somebody(ended):
    assert ended("1", cancelled=lambda: True).code == "cancelled"
    assert code_of(KeyboardInterrupt()) == "cancelled"


def test_a_package_that_is_missing_is_named_by_the_real_error(ended):
    failure = ended("import a_package_that_nobody_has.part")
    assert (failure.code, failure.hint) == ("package_missing", "pip install a_package_that_nobody_has")
    assert code_of(raised(importlib.metadata.version, "nobody-has-this")) == "package_missing"


# Memory


def test_a_full_gpu_is_told_by_torchs_own_exception(torch):
    assert code_of(torch.OutOfMemoryError(CUDA_MEMORY)) == "gpu_out_of_memory"
    assert code_of(RuntimeError("CUDA error: out of memory")) == "gpu_out_of_memory"


def test_a_batch_is_halved_and_accumulated_so_that_a_step_sees_the_same_rows(torch):
    error = torch.OutOfMemoryError(CUDA_MEMORY)
    assert change_for(error, "train", batch_size=2, gradient_accumulation=4) == {
        "batch_size": 1,
        "gradient_accumulation": 8,
    }
    changed = change_for(error, "train", batch_size=5, gradient_accumulation=2)
    assert changed == {"batch_size": 2, "gradient_accumulation": 5}


def test_what_costs_least_is_tried_first(torch):
    settings = {"method": "full", "batch_size": 2, "max_seq_length": 1024, "gradient_checkpointing": False}
    seen = []
    while change := change_for(torch.OutOfMemoryError(CUDA_MEMORY), "train", **settings):
        seen += [name for name in change if name not in ("gradient_accumulation", "learning_rate")]
        settings |= change
        TrainingConfig(**settings)
    assert seen == ["gradient_checkpointing", "batch_size", "method", "method", "max_seq_length", "max_seq_length"]
    assert (settings["method"], settings["max_seq_length"]) == ("qlora", 256)


def test_adapters_in_place_of_all_weights_get_a_rate_that_suits_them(torch):
    change = change_for(torch.OutOfMemoryError(CUDA_MEMORY), "model", method="full", learning_rate=2e-5)
    assert change == {"method": "lora", "learning_rate": pytest.approx(2e-4)}


@pytest.mark.parametrize("tag", ["probe", "before", "after", "model"])
def test_cells_that_halve_their_batches_themselves_are_not_offered_a_smaller_one(torch, tag):
    assert change_for(torch.OutOfMemoryError(CUDA_MEMORY), tag, batch_size=8) == {"method": "qlora"}


def test_what_a_dry_run_sets_itself_is_not_offered(torch):
    fixed = {"base_model", "batch_size", "gradient_accumulation", "max_seq_length"}
    error = torch.OutOfMemoryError(CUDA_MEMORY)
    assert change_for(error, "train", fixed, batch_size=8) is None
    assert change_for(error, "train", fixed, gradient_checkpointing=False) == {"gradient_checkpointing": True}


def test_the_probes_own_error_leads_to_less(torch, monkeypatch):
    monkeypatch.setattr(probe, "plan_batches", lambda *_: SimpleNamespace(batch_size=1))
    monkeypatch.setattr(probe, "longest_batch", lambda *_: {})
    monkeypatch.setattr(probe, "probe_fits", lambda *_: False)
    config = SimpleNamespace(max_seq_length=1024, gradient_checkpointing=True, method="lora")
    error = raised(probe.find_batch_plan, None, [], config, None, 0)
    assert code_of(error, "probe") == "row_too_large"
    assert change_for(error, "probe") == {"method": "qlora"}


def test_main_memory_runs_out_in_torch_and_in_python(torch):
    assert code_of(raised(torch.empty, 10**15)) == "out_of_memory"
    assert code_of(raised(bytearray, 2**62)) == "out_of_memory"


def test_an_export_that_takes_too_much_is_left_out():
    assert change_for(MemoryError(), "export", export_merged=True) == {"export_merged": False}
    assert change_for(MemoryError(), "gguf", export_merged=True, export_gguf=True) == {
        "export_merged": False,
        "export_gguf": False,
    }


# Disk and Drive


def fill_disk():
    with FULL.open("wb", buffering=0) as file:
        file.write(b"x")


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
def test_a_full_disk_is_told_by_python_and_by_torch(torch):
    assert code_of(raised(fill_disk), "save") == "disk_full"
    assert code_of(raised(torch.save, {"a": torch.zeros(100_000)}, FULL), "save") == "disk_full"


# google/colab/drive.py and _message.py; issues 1568, 2782 and 3950 of googlecolab/colabtools.
@pytest.mark.parametrize(
    "error",
    [
        ValueError("mount failed: invalid oauth code"),
        ValueError("Mountpoint must not already contain files"),
        type("MessageError", (Exception,), {})("Error: credential propagation was unsuccessful"),
        OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), "/content/drive/MyDrive"),
        FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/content/drive/MyDrive/tunebook-run-1/run.json"),
    ],
    ids=str,
)
def test_drive_that_cannot_be_reached_can_be_done_without(error):
    assert code_of(error, "drive") == "drive_not_mounted"
    assert change_for(error, "drive", keep_on_drive=True) == {"keep_on_drive": False}
    assert change_for(error, "drive", keep_on_drive=False) is None


# The rows


def test_rows_that_are_others_are_told_by_the_notebooks_own_errors(sample, tmp_path):
    payload = sample[1].payload().read_bytes()
    assert code_of(raised(data.decode_conversations, payload, "0" * 64), "split") == "rows_changed"
    other = tmp_path / "other.gz"
    other.write_bytes(b"x")
    assert code_of(raised(data.read_data_file, str(other), "rows.gz", None, 5, "0" * 64), "split") == "rows_changed"
    assert code_of(raised(data.decrypt_payload, b"x" * 40, "A" * 43 + "="), "split") == "rows_changed"


def test_rows_that_are_not_there_are_told_by_the_notebooks_own_error():
    assert code_of(raised(data.read_data_file, "", "no-such.gz", None, 5, "0" * 64), "split") == "rows_missing"


def test_one_conversation_is_too_few():
    assert code_of(raised(data.split_conversations, [{"messages": []}], 0.1, 1), "split") == "too_few_rows"


def one_token(_):
    return [1]


def rows_error(answer, render):
    conversation = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": answer}]}
    return raised(build_rows, [conversation], [0], render, one_token, 64)


def test_a_row_without_an_answer_is_told_by_the_notebooks_own_error():
    def render(messages, tools, generation):
        return "".join(f"<{m['role']}>{m['content']}" for m in messages) + ("<assistant>" if generation else "")

    assert code_of(rows_error(" ", render), "mask") == "no_trained_text"
    # unsloth/trainer.py, as in its issues 1128, 2095 and 3198
    assert code_of(ZeroDivisionError("Unsloth: All labels in your dataset are -100.")) == "no_trained_text"


def template_error(template, messages):
    from transformers import PreTrainedTokenizerFast

    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(tokenizers.models.BPE()))
    tokenizer.chat_template = template
    return raised(tokenizer.apply_chat_template, messages, tokenize=False)


TWICE = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]


def test_roles_that_a_template_refuses_are_told_by_its_own_words(torch):
    # The check of Mistral's and Gemma's templates.
    refusing = (
        "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
        "{% endif %}{% endfor %}"
    )
    error = template_error(refusing, TWICE)
    assert code_of(error, "mask") == "template_refuses_roles"

    def render(*_):
        raise error

    failure = decode(failed(rows_error("b", render), "mask"), SETTINGS)
    assert failure.code == "template_refuses_roles"
    assert "--merge-turns" in failure.hint


@pytest.mark.parametrize("template", [None, "{% for m in %}", "{{ messages[0].no.such }}"])
def test_a_template_that_fails_is_told_by_the_real_error(torch, template):
    assert code_of(template_error(template, TWICE), "mask") == "template_failed"


# The hub


def config_error(model, **options):
    """What transformers says when it cannot read the configuration of a model."""
    return raised(pytest.importorskip("transformers").AutoConfig.from_pretrained, model, **options)


def hub_answer(status, code="", message=""):
    """The error that huggingface_hub raises for an answer of the hub, and what transformers says of it."""
    pytest.importorskip("transformers")
    import httpx2
    from huggingface_hub.utils import hf_raise_for_status

    url = "https://huggingface.co/api/models/Qwen/Qwen3-1.7B"
    headers = {"X-Error-Code": code, "X-Error-Message": message}
    answer = httpx2.Response(status, headers=headers, request=httpx2.Request("GET", url))
    return raised(hf_raise_for_status, answer)


def test_a_model_behind_a_licence_is_told_by_the_hubs_own_error():
    error = hub_answer(403, "GatedRepo", "Access to model Qwen/Qwen3-1.7B is restricted.")
    assert code_of(error) == "model_gated"
    # transformers/utils/hub.py, cached_files
    assert code_of(OSError(f"You are trying to access a gated repo.\n{error}"), "model") == "model_gated"
    failure = decode(failed(error), SETTINGS)
    assert failure.hint == "https://huggingface.co/Qwen/Qwen3-1.7B"


def test_the_notebooks_own_refusal_of_a_gated_model_is_known(monkeypatch):
    environment = pytest.importorskip("webapp.training.environment")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert code_of(raised(environment.require_access, "google/gemma-3-1b-it"), "access") == "model_gated"


@pytest.mark.parametrize("status", [401, 404])
def test_a_model_that_is_not_there_is_told_by_the_hubs_own_error(status):
    code = "RepoNotFound" if status == 404 else ""
    assert code_of(hub_answer(status, code, "Invalid username or password.")) == "model_not_found"


def test_a_name_that_no_model_has_is_told_by_transformers():
    assert code_of(config_error("a/b/c/d"), "mask") == "model_not_found"


def test_a_token_that_is_refused_is_told_by_the_hubs_own_error():
    assert code_of(hub_answer(401, "", "Invalid credentials in Authorization header")) == "token_refused"
    assert code_of(hub_answer(403, "", "")) == "token_refused"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_is_down_or_busy_is_told_by_its_own_error(status):
    assert code_of(hub_answer(status)) == "hub_unreachable"


def test_no_way_to_the_hub_is_told_by_transformers(tmp_path):
    error = config_error("Qwen/Qwen3-1.7B", local_files_only=True, cache_dir=tmp_path)
    assert code_of(error, "mask") == "hub_unreachable"


def test_a_server_that_refuses_the_connection_is_told_by_the_real_error():
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert code_of(raised(urllib.request.urlopen, f"http://127.0.0.1:{port}/")) == "hub_unreachable"
    error = ConnectionError("6 attempts failed, the last with: timed out")
    assert code_of(error, "split") == "hub_unreachable"


def test_a_name_that_nobody_knows_is_told_by_the_real_error():
    # RFC 6761: .invalid never resolves
    assert code_of(raised(urllib.request.urlopen, "https://tunebook.invalid/")) == "name_not_resolved"


def test_a_port_that_is_taken_is_told_by_the_real_error():
    with closing(socket.socket()) as first, closing(socket.socket()) as second:
        first.bind(("127.0.0.1", 0))
        first.listen()
        assert code_of(raised(second.bind, first.getsockname())) == "port_in_use"


# Packages


def test_an_old_torchao_is_told_by_pefts_own_error(monkeypatch):
    import_utils = pytest.importorskip("peft.import_utils")
    monkeypatch.setattr(import_utils.importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(import_utils.importlib_metadata, "version", lambda _: "0.10.0")
    import_utils.is_torchao_available.cache_clear()
    error = raised(import_utils.is_torchao_available)
    monkeypatch.undo()
    import_utils.is_torchao_available.cache_clear()
    failure = decode(failed(error, "model"), SETTINGS)
    assert (failure.code, failure.hint) == ("torchao_too_old", "pip uninstall --yes torchao")


@pytest.mark.parametrize(
    "reason",
    ["libcudart.so.12: cannot open shared object file", "CUDA binary not found at libbitsandbytes_cuda131.so", ""],
)
def test_bitsandbytes_without_cuda_is_told_by_its_own_error_and_done_without(reason):
    cextension = pytest.importorskip("bitsandbytes.cextension")
    library = cextension.ErrorHandlerMockBNBNativeLibrary(reason)
    error = raised(library.cquantize_blockwise_fp32_nf4)
    assert code_of(error, "model") == "bitsandbytes_unusable"
    assert change_for(error, "model", method="qlora") == {"method": "lora"}


def test_bitsandbytes_that_is_missing_is_told_by_transformers(monkeypatch):
    quantizer = pytest.importorskip("transformers.quantizers.quantizer_bnb_4bit")
    monkeypatch.setattr(quantizer, "is_bitsandbytes_available", lambda: False)
    error = raised(quantizer.Bnb4BitHfQuantizer.validate_environment, SimpleNamespace())
    assert code_of(error, "model") == "bitsandbytes_unusable"


def test_a_class_that_transformers_does_not_know_is_told_by_its_own_error(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "qwen9"}')
    assert code_of(config_error(str(tmp_path)), "mask") == "transformers_too_old"
    code = raised(exec, "from transformers import Qwen9ForCausalLM")
    assert code_of(code, "model") == "transformers_too_old"


def test_a_tokenizer_without_its_files_is_told_by_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    assert code_of(raised(transformers.AutoTokenizer.from_pretrained, tmp_path), "mask") == "tokenizer_unreadable"


def test_a_failure_of_pip_is_told_by_its_command():
    error = raised(subprocess.run, [sys.executable, "-c", "raise SystemExit(1)", "-m", "pip", "install"], check=True)
    assert code_of(error, "install") == "packages_not_installed"
    assert code_of(error, "gguf") == UNKNOWN


# The card


def test_fp16_gradients_are_told_by_torchs_own_error(torch):
    def unscale():
        weight = torch.nn.Parameter(torch.zeros(2, dtype=torch.float16))
        optimizer, scaler = torch.optim.SGD([weight]), torch.amp.GradScaler("cpu")
        scaler.scale(torch.zeros(1))
        weight.grad = torch.zeros_like(weight)
        scaler.unscale_(optimizer)

    assert code_of(raised(unscale), "train") == "no_fp16_training"


def test_16_bit_weights_on_a_t4_are_told_by_the_notebooks_own_error(torch):
    model = pytest.importorskip("webapp.training.model")
    hardware = model.Hardware("cuda", torch.float16, "Tesla T4", 15 * 2**30)
    config = SimpleNamespace(method="full", master_weights="16-bit")
    error = raised(model.weights_dtype, config, hardware)
    assert change_for(error, "model", method="full", master_weights="16-bit") == {"master_weights": "auto"}


def test_a_card_without_bf16_is_told_by_torch():
    # pytorch/pytorch issue 127176
    kernel = "_amp_foreach_non_finite_check_and_unscale_cuda"
    assert code_of(NotImplementedError(f"\"{kernel}\" not implemented for 'BFloat16'"), "train") == "no_bf16"
    # transformers/training_args.py
    assert code_of(ValueError("Your setup doesn't support bf16/gpu."), "train") == "no_bf16"


def test_no_gpu_is_told_by_torchs_own_error(torch):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert code_of(raised(torch.zeros(1).cuda), "model") == "no_gpu"


# c10/cuda/CUDAException.cpp with the words of CUDA's runtime
def test_a_card_that_torch_has_no_code_for_is_not_a_card_that_failed():
    text = "CUDA error: no kernel image is available for execution on the device"
    assert code_of(RuntimeError(text), "model") == "gpu_unsuited"
    assert code_of(RuntimeError("CUDA error: an illegal memory access was encountered"), "train") == "gpu_fault"


# The loss and the weights


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_asks_for_smaller_steps(loss):
    error = RuntimeError(not_finite_alarm(loss, 7).message)
    assert code_of(error, "train") == "loss_not_finite"
    assert change_for(error, "train", learning_rate=4e-4) == {"learning_rate": pytest.approx(1e-4)}


def test_a_base_model_whose_loss_is_no_number_is_not_mended_by_smaller_steps(torch):
    evaluation = pytest.importorskip("webapp.training.evaluation")
    losses, hardware = [evaluation.RowLoss(0, float("nan"), 1)], SimpleNamespace(needs_scaler=True)
    error = raised(evaluation.starting_loss, losses, hardware)
    assert code_of(error, "before") == "model_overflows"
    assert change_for(error, "before") is None


def test_weights_of_another_shape_are_told_by_torchs_own_errors(torch):
    layer = torch.nn.Linear(2, 3)
    other = {"weight": torch.zeros(4, 2), "bias": torch.zeros(3)}
    assert code_of(raised(layer.load_state_dict, other), "train") == "other_checkpoint"
    optimizer, fewer = torch.optim.AdamW(layer.parameters()), torch.optim.AdamW([layer.weight])
    assert code_of(raised(optimizer.load_state_dict, fewer.state_dict()), "train") == "other_checkpoint"
    mismatch = raised(torch.zeros(3, 2).copy_, torch.zeros(4, 2))
    assert code_of(mismatch, "train") == "other_checkpoint"
    assert code_of(mismatch, "mask") == UNKNOWN


def test_a_file_of_weights_that_was_cut_off_is_told_by_safetensors(torch, tmp_path):
    from safetensors.torch import load_file, save_file

    path = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-8])
    assert code_of(raised(load_file, path), "model") == "weights_damaged"


# What comes before the notebook's own cells


def test_a_miniature_that_could_not_be_made_is_explained_too():
    problem = Problem("miniature_failed", "The miniature model could not be made: No module named 'peft'", status=500)
    error = {"code": problem.code, "message": problem.message, "cell": 3, "tag": "access"}
    assert decode(error, SETTINGS).code == "package_missing"


def test_every_rule_is_tested_here():
    text = Path(__file__).read_text(encoding="utf-8")
    assert {rule.code for rule in RULES if f'"{rule.code}"' not in text} == set()
