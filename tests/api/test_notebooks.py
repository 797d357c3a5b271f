"""`POST /generate` and the signed download."""

import ast
import base64
import json
from time import time

import pytest

from webapp import workflow
from webapp.jobs import request_cancel
from webapp.storage import links
from webapp.training.data import decode_conversations, decrypt_payload


def generate(client, dataset, **changes):
    return client.post("/generate", json={"session_id": dataset, "model_id": "smollm2-360m", **changes})


def fetch(client, url):
    """The notebook behind a link."""
    with client.get(url) as answer:
        assert answer.status_code == 200
        return json.loads(answer.data)


def parameters(notebook):
    (cell,) = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse("".join(cell["source"])).body
        if isinstance(node, ast.Assign)
    }


def test_the_answer_points_to_a_notebook_that_can_be_downloaded(client, sample):
    answer = generate(client, sample)
    assert answer.status_code == 200
    assert answer.json["colab_url"] is answer.json["colab"]["colab_url"] is None
    assert "GITHUB_TOKEN" in answer.json["colab"]["reason"]
    assert answer.json["colab"]["commands"][0] == "colab new --gpu T4"
    assert answer.json["delivery"] == {
        "kind": "embedded", "encrypted": False, "filename": None, "size": None, "data_url": None,
    }  # fmt: skip
    assert answer.json["dry_run"] is None
    assert not answer.json["notebook_path"].startswith("/")
    with client.get(answer.json["download_url"]) as download:
        content = json.loads(download.data)
    assert download.mimetype == "application/x-ipynb+json"
    assert download.headers["Content-Disposition"] == "attachment; filename=harbour_bikes-smollm2-360m.ipynb"
    assert content["metadata"]["tunebook"]["model_id"] == "smollm2-360m"


def test_the_same_run_is_a_script_too(client, sample):
    url = generate(client, sample).json["script_url"]
    with client.get(url) as answer:
        assert (answer.status_code, answer.mimetype) == (200, "text/x-python")
        compile(answer.data, "script", "exec")
    assert client.get(url.replace(".py", ".pyc")).status_code == 404


def test_an_encrypted_notebook_holds_ciphertext_and_its_key(client, sample):
    answer = generate(client, sample, delivery={"encrypt": True, "colab": False}).json
    assert answer["delivery"]["encrypted"] is True
    assert answer["colab"]["reason"] == "It was not asked for."
    (cell,) = [
        "".join(cell["source"])
        for cell in fetch(client, answer["download_url"])["cells"]
        if "data" in cell["metadata"].get("tags", [])
    ]
    data = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(cell).body}
    payload = decrypt_payload(base64.b64decode(data["dataset_base64"]), data["dataset_key"])
    assert len(decode_conversations(payload, data["dataset_sha256"])) == 300
    again = generate(client, sample, delivery={"encrypt": True}).json
    assert data["dataset_key"] not in json.dumps(fetch(client, again["download_url"]))


def test_a_way_into_colab_is_looked_for_as_the_request_says(client, sample, monkeypatch):
    url, asked = "https://colab.research.google.com/gist/a/b/c", []
    opened = workflow.ColabLink(url, None, ["colab stop"], "key")
    monkeypatch.setattr(workflow, "colab_link", lambda *given, **more: asked.append((given[2], more)) or opened)
    answer = generate(client, sample, delivery={"share_rows": True}).json
    assert answer["colab_url"] == url
    assert answer["colab"] == {"colab_url": url, "reason": None, "commands": ["colab stop"], "key": "key"}
    again = client.post(f"/notebooks/{answer['notebook_id']}/colab", json={})
    assert again.json == answer["colab"]
    assert asked == [(answer["notebook_id"], {"share_rows": True}), (answer["notebook_id"], {"share_rows": False})]
    generate(client, sample, delivery={"colab": False})
    assert len(asked) == 2


def test_every_given_setting_reaches_the_notebook_and_the_rest_is_suggested(client, sample):
    wanted = {
        "lora_rank": 8,
        "lora_alpha": 24,
        "learning_rate": 0.0005,
        "num_epochs": 2,
        "batch_size": 1,
        "gradient_accumulation": 16,
        "max_seq_length": 512,
        "method": "full",
        "seed": 7,
    }
    answer = generate(client, sample, training_config=wanted).json
    found = parameters(fetch(client, answer["download_url"]))
    assert wanted.items() <= found.items()
    assert wanted.items() <= answer["training_config"].items()
    assert found["lr_scheduler"] == answer["training_config"]["lr_scheduler"]


def test_a_hub_id_names_a_model_too(client, sample):
    assert generate(client, sample, model_id="HuggingFaceTB/SmolLM2-360M-Instruct").status_code == 200


def test_a_dry_run_is_a_job_with_a_status_url(client, services, sample):
    answer = generate(client, sample, dry_run=True).json
    assert answer["dry_run"]["status"] == "queued"
    job = client.get(answer["dry_run"]["status_url"]).json
    assert job["kind"] == "dry_run"
    assert job["notebook_id"] == answer["notebook_id"]
    assert job["session_id"] == sample
    with services.db.session() as session:
        request_cancel(session, job["id"])  # the next analysis of this module must not wait for it


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"model_id": "gpt-17"}, 404, "model_id"),
        ({"model_id": ["phi-4-mini"]}, 400, "model_id"),
        ({"training_config": {"epochs": True}}, 400, "training_config.epochs"),
        ({"training_config": {"num_epochs": True}}, 400, "training_config.num_epochs"),
        ({"training_config": {"num_epochs": "3"}}, 400, "training_config.num_epochs"),
        ({"training_config": {"num_epochs": 0}}, 400, "training_config.num_epochs"),
        ({"training_config": {"learning_rate": "fast"}}, 400, "training_config.learning_rate"),
        ({"training_config": {"max_seq_length": 100_000}}, 400, "training_config.max_seq_length"),
        ({"training_config": []}, 400, "training_config"),
        ({"dry_run": "yes"}, 400, "dry_run"),
        ({"delivery": {"encrypt": "yes"}}, 400, "delivery.encrypt"),
        ({"delivery": {"public": True}}, 400, "delivery.public"),
        ({"epochs": True}, 400, "epochs"),
        ({"session_id": "0e7a4c1e-5f5f-4a53-9a3c-0d9f7f3b8a11"}, 404, "session_id"),
    ],
)
def test_a_wrong_field_is_named(client, sample, changes, status, param):
    answer = generate(client, sample, **changes)
    assert answer.status_code == status
    assert answer.json["error"]["param"] == param


def test_a_wrong_name_is_answered_with_the_nearest_right_one(client, sample):
    answer = generate(client, sample, training_config={"epochs": 3})
    assert "num_epochs" in answer.json["error"]["message"]


def test_before_the_analysis_is_done_it_is_409(client, send):
    answer = generate(client, send(b"x").json["session_id"])
    assert answer.status_code == 409
    assert answer.headers["Retry-After"] == "1"


def examples(count):
    return b"\n".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"{n}?"},
                    {"role": "assistant", "content": f"That is number {n}."},
                ]
            }
        ).encode()
        for n in range(count)
    )


def test_nine_examples_are_too_few_to_train_on_and_ten_are_enough(client, analysed):
    answer = generate(client, analysed(examples(9)))
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "too_few_examples"
    assert "9 valid examples" in answer.json["error"]["message"]
    assert generate(client, analysed(examples(10))).status_code == 200


def test_rows_that_have_nothing_to_learn_are_refused_by_their_lines(client, analysed):
    blank = json.dumps({"messages": [{"role": "user", "content": "x?"}, {"role": "assistant", "content": "\n"}]})
    answer = generate(client, analysed(examples(12) + b"\n" + blank.encode()))
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "no_trained_text"
    assert answer.json["error"]["details"] == {"count": 1, "lines": [13]}
    assert "on line 13:" in answer.json["error"]["message"]


def test_a_failed_analysis_is_told_again(client, analysed):
    answer = generate(client, analysed(b"not json"))
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "no_valid_examples"


def test_hostile_names_stay_inert(client, send, work):
    session_id = send(examples(12), '"); import os # {{ 7*7 }}</script>\u2028%%bash.jsonl').json["session_id"]
    work()
    answer = generate(client, session_id).json
    assert answer["download_url"].endswith("-smollm2-360m.ipynb")
    notebook = fetch(client, answer["download_url"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            ast.parse("".join(cell["source"]))


class TestDownload:
    @pytest.fixture
    def url(self, client, sample):
        return generate(client, sample).json["download_url"]

    def test_needs_its_exact_token(self, client, url):
        for wrong in (
            url.replace("/download/", "/download/x", 1),
            url.rsplit("/", 1)[0] + "/other.ipynb",
            url.replace(".", "-", 1),
            "/download/x/y.ipynb",
            "/download/0e7a4c1e-5f5f-4a53-9a3c-0d9f7f3b8a11.99999999999.abc/y.ipynb",
        ):
            answer = client.get(wrong)
            assert answer.status_code == 404, wrong
            assert answer.json["error"]["request_id"]

    def test_of_another_notebook_needs_another_token(self, client, sample, url):
        other = generate(client, sample).json["notebook_id"]
        token = url.split("/")[2]
        assert client.get(url.replace(token[:36], other)).status_code == 404

    def test_ends_with_the_link(self, client, url, services):
        notebook_id = url.split("/")[2][:36]
        stale = links.sign(services.secret, f"notebooks/{notebook_id}.ipynb", -1)
        answer = client.get(f"/download/{notebook_id}.{stale}/{url.rsplit('/', 1)[1]}")
        assert answer.status_code == 404
        assert answer.json["error"]["code"] == "link_expired"

    def test_lasts_as_long_as_the_setting_says(self, url, settings):
        expires = int(url.split("/")[2].split(".")[1])
        assert expires == pytest.approx(time() + settings.link_seconds, abs=10)

    def test_is_open_to_colabs_page_and_to_no_other(self, client, url):
        colab, other = "https://colab.research.google.com", "https://evil.example"
        for method in ("GET", "HEAD", "OPTIONS"):
            with client.open(url, method=method, headers={"Origin": colab}) as answer:
                assert answer.status_code == 200
                assert answer.headers["Access-Control-Allow-Origin"] == colab
                assert "Origin" in answer.headers["Vary"]
                assert "Set-Cookie" not in answer.headers
                assert "Access-Control-Allow-Credentials" not in answer.headers
            with client.open(url, method=method, headers={"Origin": other}) as answer:
                assert "Access-Control-Allow-Origin" not in answer.headers
        asked = {"Origin": colab, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
        with client.options(url, headers=asked) as answer:
            assert "GET" in answer.headers["Access-Control-Allow-Methods"]
            assert answer.headers["Access-Control-Allow-Headers"] == "range"

    def test_nothing_else_is_open_to_colabs_page(self, client, sample):
        for path in ("/health", f"/preview/{sample}", "/generate"):
            answer = client.get(path, headers={"Origin": "https://colab.research.google.com"})
            assert "Access-Control-Allow-Origin" not in answer.headers
