"""How the rows travel: embedded or as a file, in the clear or encrypted; the notebook's own code opens each."""

import ast
import base64
import gzip
from io import BytesIO
from pathlib import Path

import nbformat
import pytest

from webapp.catalog import find_model
from webapp.errors import Problem
from webapp.notebooks import Embedded, Fetched, Secret, assemble, render
from webapp.notebooks.delivery import MAX_EMBEDDED_BYTES, describe_file, embed, encrypt, fits, payload_name
from webapp.notebooks.reading import read_notebook
from webapp.training.data import decrypt_payload

SECRET = Secret(bytes(range(32)), bytes(range(12)))


@pytest.fixture
def deliveries(sample, tmp_path):
    """Every way, with its file written to the test's folder where it has one."""
    payload = sample[1].payload()
    plain, hidden = tmp_path / "a.data.jsonl.gz", tmp_path / "a.data.jsonl.gz.aes"
    plain.write_bytes(payload.read_bytes())
    with payload.open("rb") as source, hidden.open("wb") as target:
        encrypt(source, SECRET, target)
    url = "https://tunebook.example/data/token/"
    return {
        "embedded": embed(payload),
        "embedded, encrypted": embed(payload, SECRET),
        "by hand": describe_file(plain, plain.name),
        "link": describe_file(plain, plain.name, url=url + plain.name),
        "link, encrypted": describe_file(hidden, hidden.name, url=url + hidden.name, key=SECRET.text),
    }


WAYS = ["embedded", "embedded, encrypted", "by hand", "link", "link, encrypted"]


@pytest.fixture
def written(deliveries, sample, tmp_path):
    """Writes a notebook that delivers in the way named."""

    def write(way):
        path = tmp_path / "a.ipynb"
        spec = assemble(*sample, find_model("smollm2-360m"), "a.jsonl", delivery=deliveries[way])
        path.write_bytes(content := render(spec))
        assert content == render(spec)
        return path

    return write


def is_file(way):
    return "embedded" not in way


def cell(path, tag):
    cells = nbformat.read(path, as_version=4).cells
    return next(cell.source for cell in cells if tag in cell.metadata.get("tags", []))


@pytest.mark.parametrize("way", WAYS)
def test_the_cells_open_what_the_notebook_delivers(written, sample, way, monkeypatch):
    path = written(way)
    monkeypatch.chdir(path.parent)
    namespace = {}
    config = "from types import SimpleNamespace\nconfig = SimpleNamespace(eval_fraction=0.1, seed=42)"
    parameters = "\n".join(line for line in cell(path, "parameters").splitlines() if line.startswith("data_file"))
    for source in (config, parameters, cell(path, "data"), cell(path, "split")):
        exec(source, namespace)  # noqa: S102
    assert namespace["conversations"] == list(sample[1].conversations())
    assert ("data_file" in namespace) == is_file(way)


@pytest.mark.parametrize("way", WAYS)
def test_a_notebook_can_be_read_in_every_way(written, sample, way):
    path = written(way)
    contents = read_notebook(path)
    assert (contents.data_file is not None) == is_file(way)
    data_file = path.parent / contents.data_file if contents.data_file else None
    assert contents.conversations(data_file) == list(sample[1].conversations())


@pytest.mark.parametrize("way", WAYS)
def test_only_rows_in_the_clear_can_be_read_without_the_key(written, sample, way):
    text = written(way).read_text()
    compressed = sample[1].payload().read_bytes()
    assert (SECRET.text in text) == ("encrypted" in way)
    start = base64.b64encode(compressed[:600]).decode()
    assert (start in text) == (way == "embedded")


def test_a_file_that_is_missing_or_another_is_told(written, tmp_path):
    contents = read_notebook(written("link"))
    for given, code in ((None, "rows_missing"), (tmp_path / "nothing", "rows_missing")):
        with pytest.raises(Problem, match=r"a\.data\.jsonl\.gz beside it") as raised:
            contents.conversations(given)
        assert raised.value.code == code
    (tmp_path / "other").write_bytes(b"other")
    with pytest.raises(Problem, match="another file") as raised:
        contents.conversations(tmp_path / "other")
    assert raised.value.code == "rows_damaged"


def test_a_notebook_without_its_key_says_so_instead_of_asking(written):
    path = written("embedded, encrypted")
    path.write_text(path.read_text().replace(SECRET.text, ""))
    with pytest.raises(Problem, match="dataset_key") as raised:
        read_notebook(path).conversations()
    assert raised.value.code == "key_missing"


def sealed(text, secret=SECRET):
    target = BytesIO()
    encrypt(BytesIO(text), secret, target)
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 3_000_001])
def test_what_is_encrypted_in_blocks_is_one_message_of_aes_gcm(size):
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    text = bytes(size)
    assert sealed(text) == SECRET.nonce + AESGCM(SECRET.key).encrypt(SECRET.nonce, text, None)
    assert decrypt_payload(sealed(text), SECRET.text) == text


def test_another_key_or_changed_data_is_refused():
    other = Secret(b"x" * 32, SECRET.nonce)
    good = sealed(gzip.compress(b"rows"))
    changed = [good[:-1] + bytes([good[-1] ^ 1]), bytes([good[0] ^ 1]) + good[1:], good[:20] + b"x" + good[20:], b""]
    for payload, key in [(good, other.text), (good, "short"), (good, "not base64 é")] + [
        (bad, SECRET.text) for bad in changed
    ]:
        with pytest.raises(ValueError, match="cannot be decrypted"):
            decrypt_payload(payload, key)


def test_a_withheld_key_is_asked_for(monkeypatch):
    from webapp.training import data

    monkeypatch.setattr(data, "getpass", lambda _: f" {SECRET.text}\n")
    assert decrypt_payload(sealed(b"rows"), "") == b"rows"


def test_every_secret_is_new_and_has_the_sizes_of_aes_256_gcm():
    assert Secret.new() != Secret.new()
    with pytest.raises(ValueError, match="32 bytes"):
        Secret(b"short", bytes(12))


def test_five_megabytes_are_embedded_and_not_a_byte_more(tmp_path):
    path = tmp_path / "payload"
    for size, expected in ((MAX_EMBEDDED_BYTES - 28, True), (MAX_EMBEDDED_BYTES - 27, False)):
        path.write_bytes(bytes(size))
        assert fits(path) is expected
        if expected:
            assert len(embed(path, SECRET).payload) == MAX_EMBEDDED_BYTES


def test_the_file_of_rows_is_named_after_its_notebook():
    assert payload_name("support-qwen3-1.7b.ipynb", encrypted=False) == "support-qwen3-1.7b.data.jsonl.gz"
    assert payload_name("support.py", encrypted=True) == "support.data.jsonl.gz.aes"


HOSTILE = ['"""\nimport os', "'); import os #", "{{ 7*7 }}", "# %% tags=[]", "\\", "\u2028\x00", "</script>"]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_names_links_and_keys_are_inert_data(sample, tmp_path, value):
    delivery = Fetched(value, 1, value, value, value)
    path = tmp_path / "a.ipynb"
    path.write_bytes(render(assemble(*sample, find_model("smollm2-360m"), "a.jsonl", delivery=delivery)))
    tree = ast.parse(cell(path, "data"))
    assert all(isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) for node in tree.body)
    data = read_notebook(path).data
    assert (data["dataset_file"], data["dataset_url"], data["dataset_key"]) == (value, value, value)
    embedded = render(assemble(*sample, find_model("smollm2-360m"), "a.jsonl", delivery=Embedded(b"x", value)))
    Path(path).write_bytes(embedded)
    assert read_notebook(path).data["dataset_key"] == value
