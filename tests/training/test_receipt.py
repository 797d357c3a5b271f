import json

from webapp.training.receipt import installed_versions, make_receipt, split_sha256, template_sha256

REPORT = {
    "dataset_sha256": "ab" * 32,
    "steps": 7,
    "loss": {"eval_before": 2.5, "eval_after": 1.25, "train": [3.0, 2.0]},
    "perplexity": {"before": 12.2, "after": 3.5},
    "interval": {"loss": None},
    "metrics": {"kind": "text", "answers": 0, "worse": 0, "figures": []},
    "template_sha256": "cd" * 32,
    "versions": {"torch": "2.13.0"},
    "hardware": "Tesla T4",
}


def test_the_receipt_holds_what_the_run_was_made_of(tmp_path, run_config):
    config = run_config(tmp_path)
    receipt = json.loads(json.dumps(make_receipt(config, REPORT, ([0, 2], [1]))))
    assert receipt["dataset_sha256"] == "ab" * 32
    assert receipt["split"] == {"train": 2, "held_out": 1, "sha256": split_sha256([0, 2], [1])}
    assert receipt["parameters"]["lora_rank"] == config.lora_rank
    assert receipt["fingerprint"] == config.fingerprint("ab" * 32)
    assert (receipt["hardware"], receipt["versions"]) == ("Tesla T4", {"torch": "2.13.0"})
    assert receipt["measured"]["loss"] == {"eval_before": 2.5, "eval_after": 1.25}


def test_another_split_has_another_digest():
    assert split_sha256([0, 2], [1]) != split_sha256([0, 1], [2]) != split_sha256([0, 1, 2], [])


def test_a_template_is_known_by_its_text():
    assert template_sha256("{{ x }}") != template_sha256("{{ y }}")
    assert template_sha256({"b": "1", "a": "2"}) == template_sha256({"a": "2", "b": "1"})


def test_versions_are_those_installed_here():
    found = installed_versions()
    assert {"python", "torch", "transformers", "peft"} <= set(found)
