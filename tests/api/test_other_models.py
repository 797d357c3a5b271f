"""Models that the catalogue does not have, over HTTP: `hf:org/name`, and never a folder of the server."""

import json

import pytest

from tests.hub.conftest import COMMIT, QWEN3_14B, Hub
from tests.test_outbound import answers
from webapp.settings import Settings

NAME = "hf:Qwen/Qwen3-14B"
SMALL = QWEN3_14B | {"hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 128, "vocab_size": 1000}
TOKENIZER = {
    "eos_token": "</s>",
    "chat_template": "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}",
}


@pytest.fixture(scope="module")
def hub():
    made = Hub()
    made.publish(tokenizer_config__json=TOKENIZER)
    made.publish("org/base", config__json=SMALL, tokenizer_config__json={"eos_token": "</s>"})
    made.publish("org/broken", tokenizer_config__json=TOKENIZER | {"chat_template": "{{ raise_exception('No') }}"})
    made.publish("org/awq", config__json=QWEN3_14B | {"quantization_config": {"quant_method": "awq"}})
    made.routes["/org/closed/resolve/main/config.json"] = answers(401)
    made.routes["/api/models/org/closed"] = answers(200, b'{"gated": "auto"}')
    made.routes["/api/models/org/fault"] = answers(500)
    yield made
    made.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory, hub):
    """A store of its own, and the stand-in as its hub."""
    folder = tmp_path_factory.mktemp("home")
    return Settings(home=folder, hf_hub_cache=folder / "cache", hf_endpoint=hub.url)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("model")
    (made / "config.json").write_text(json.dumps(QWEN3_14B))
    return str(made)


def generate(client, dataset, model):
    return client.post("/generate", json={"session_id": dataset, "model_id": model})


def test_its_estimate_is_made_from_its_configuration(client):
    answer = client.get("/estimate", query_string={"model_id": NAME, "method": "qlora", "gpu": "a100-40"})
    assert answer.status_code == 200
    assert answer.json["model_id"] == NAME
    assert 10 < answer.json["memory_gib"]["mid"] < 20


def test_it_is_shown_as_an_entry_of_the_catalogue_is(client):
    for address in (f"/models/{NAME}", "/models/hf%3AQwen%2FQwen3-14B"):
        found = client.get(address).json
        assert (found["id"], found["parameters"], found["license"]) == (NAME, 14_768_307_200, "apache-2.0")
        assert (found["commercial_use"], found["tasks"], found["shape"]["layers"]) == (None, [], 40)


def test_its_notebook_writes_the_rows_with_its_own_template(client, sample):
    answer = generate(client, sample, NAME)
    assert answer.status_code == 200
    assert answer.json["chat_template"] == "Qwen/Qwen3-14B"
    with client.get(answer.json["download_url"]) as download:
        assert download.headers["Content-Disposition"].endswith("-Qwen-Qwen3-14B.ipynb")
        notebook = json.loads(download.data)
    assert notebook["metadata"]["tunebook"]["model"]["shape"]["layers"] == 40
    cells = "".join(line for cell in notebook["cells"] for line in cell["source"])
    assert "base_model = 'Qwen/Qwen3-14B'" in cells
    assert "<{{ m.role }}>" in cells
    assert client.get(f"/notebooks/{answer.json['notebook_id']}", headers={"Accept": "text/html"}).status_code == 200


def test_a_base_model_is_taught_chatml_and_the_notebook_says_so(client, sample):
    answer = generate(client, sample, "hf:org/base")
    assert answer.json["chat_template"] == "chatml"
    with client.get(answer.json["download_url"]) as download:
        assert "has no chat template, so it is taught chatml" in download.data.decode()


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("hf:org/broken", 400, "chat_template_failed"),
        ("hf:org/awq", 400, "unsupported_model"),
        ("hf:org/closed", 403, "model_gated"),
        ("hf:org/nothing", 404, "model_not_on_hub"),
        ("hf:org/fault", 502, "hub_unavailable"),
        ("hf:../../etc", 400, "invalid_model_name"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(client, sample, model, status, code):
    answer = generate(client, sample, model)
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)


@pytest.mark.parametrize("form", ["{}", "hf:{}", "./{}", "file://{}", "hf:.{}", "..{}"])
def test_a_folder_of_the_server_is_never_read(client, sample, folder, form):
    name = form.format(folder)
    for answer in (
        generate(client, sample, name),
        client.get("/estimate", query_string={"model_id": name}),
        client.get(f"/models/{name}", follow_redirects=True),
    ):
        assert answer.status_code in (400, 404)
        assert "layers" not in answer.text


def test_what_was_fetched_lies_under_the_home(client, sample, settings):
    assert generate(client, sample, NAME).status_code == 200
    snapshot = settings.root / "hub" / "models--Qwen--Qwen3-14B" / "snapshots" / COMMIT
    assert {path.name for path in snapshot.iterdir()} == {"config.json", "tokenizer_config.json"}
