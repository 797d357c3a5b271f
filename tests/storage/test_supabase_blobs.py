"""The blob store in Supabase Storage: complete in both places, fetched where it is missing, gone from both."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.supabase import Project, running
from webapp.errors import Problem
from webapp.storage.buckets import Buckets
from webapp.storage.supabase_blobs import SupabaseBlobs

DATASET = "datasets/1"


@pytest.fixture
def project() -> Iterator[Project]:
    with running() as made:
        yield made


def machine(project: Project, folder: Path) -> SupabaseBlobs:
    return SupabaseBlobs(folder, Buckets(project.url, project.service_key))


@pytest.fixture
def blobs(project, tmp_path):
    return machine(project, tmp_path / "here")


@pytest.fixture
def elsewhere(project, tmp_path):
    """The same store on a machine that has nothing yet."""
    return machine(project, tmp_path / "elsewhere")


def write(blobs: SupabaseBlobs, key: str, text: bytes) -> None:
    with blobs.new_file(key) as file:
        file.write(text)


def write_folder(blobs: SupabaseBlobs, key: str, *names: str) -> None:
    with blobs.new_folder(key) as folder:
        for name in names:
            (folder / name).write_text(name)


def here(blobs: SupabaseBlobs) -> list[str]:
    return sorted(str(path.relative_to(blobs.root)) for path in blobs.root.rglob("*") if path.is_file())


def code(problem: pytest.ExceptionInfo[Problem]) -> str:
    return problem.value.code


class TestWriting:
    def test_an_uploaded_file_is_in_both_places(self, blobs, project):
        stored = blobs.add(DATASET, [b"a", b"b"], ".jsonl")
        assert blobs.path(stored.key).read_bytes() == b"ab"
        assert project.content("datasets", stored.key) == b"ab"

    @pytest.mark.parametrize(
        ("key", "bucket"),
        [
            ("datasets/1/rows.jsonl", "datasets"),
            ("uploads/1/part", "datasets"),
            ("notebooks/1.ipynb", "notebooks"),
            ("runs/1/executed.ipynb", "artifacts"),
        ],
    )
    def test_each_kind_of_file_has_its_private_bucket(self, blobs, project, key, bucket):
        write(blobs, key, b"x")
        assert project.objects() == [f"{bucket}/{key}"]

    def test_the_buckets_are_made_once(self, blobs, project):
        for number in range(3):
            write(blobs, f"notebooks/{number}.ipynb", b"x")
        assert sorted(project.buckets) == ["artifacts", "datasets", "notebooks"]
        assert project.asked_for("GET /storage/v1/bucket") == 1

    def test_a_public_bucket_takes_nothing(self, blobs, project):
        project.buckets["datasets"] = {}
        project.public.add("datasets")
        with pytest.raises(Problem) as refused:
            write(blobs, "datasets/1/rows.jsonl", b"x")
        assert (code(refused), here(blobs), project.objects()) == ("bucket_public", [], [])

    def test_a_new_file_replaces_the_old_one_in_both(self, blobs, project):
        for text in (b"old", b"new"):
            write(blobs, "notebooks/1.ipynb", text)
        assert blobs.path("notebooks/1.ipynb").read_bytes() == b"new"
        assert project.content("notebooks", "notebooks/1.ipynb") == b"new"

    @pytest.mark.parametrize("fault", ["away", "full"])
    def test_what_storage_does_not_take_is_in_neither(self, blobs, project, fault):
        project.away, project.refuse_uploads_after = fault == "away", 0
        with pytest.raises(Problem) as refused:
            blobs.add(DATASET, [b"x"])
        assert code(refused) == ("supabase_unavailable" if fault == "away" else "storage_refused")
        project.away = False
        assert (here(blobs), project.objects()) == ([], [])

    def test_what_breaks_off_is_in_neither(self, blobs, project):
        def broken() -> Iterator[bytes]:
            yield b"x"
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            blobs.add(DATASET, broken())
        assert (here(blobs), project.objects()) == ([], [])

    def test_a_file_is_kept_under_another_name_too(self, blobs, project, tmp_path):
        source = tmp_path / "rows"
        source.write_bytes(b"x")
        blobs.keep(source, "notebooks/1.data")
        assert blobs.path("notebooks/1.data").read_bytes() == project.content("notebooks", "notebooks/1.data") == b"x"

    def test_a_folder_is_in_both_places(self, blobs, project):
        write_folder(blobs, f"{DATASET}/examples", "a", "b")
        assert here(blobs) == [f"{DATASET}/examples/a", f"{DATASET}/examples/b"]
        assert project.objects() == [f"datasets/{name}" for name in here(blobs)]

    def test_a_new_folder_replaces_all_of_the_old_one(self, blobs, project):
        write_folder(blobs, f"{DATASET}/examples", "a", "b")
        write_folder(blobs, f"{DATASET}/examples", "b")
        assert project.objects() == [f"datasets/{DATASET}/examples/b"]

    def test_a_folder_that_storage_does_not_take_is_not_here(self, blobs, project):
        project.refuse_uploads_after = 1
        with pytest.raises(Problem, match="exceeded the maximum"):
            write_folder(blobs, f"{DATASET}/examples", "a", "b")
        assert here(blobs) == []


class TestReading:
    def test_a_file_comes_to_a_machine_that_does_not_have_it(self, blobs, elsewhere, project):
        stored = blobs.add(DATASET, [b"text"])
        assert elsewhere.exists(stored.key)
        assert elsewhere.path(stored.key).read_bytes() == b"text"
        asked = len(project.asked)
        assert elsewhere.path(stored.key).read_bytes() == b"text"
        assert len(project.asked) == asked

    def test_a_folder_comes_whole(self, blobs, elsewhere):
        write_folder(blobs, f"{DATASET}/examples", "a", "b")
        assert elsewhere.exists(f"{DATASET}/examples")
        assert elsewhere.files(f"{DATASET}/examples") == {"a": 1, "b": 1}
        assert {path.name for path in elsewhere.path(f"{DATASET}/examples").iterdir()} == {"a", "b"}

    def test_a_folder_is_whole_after_one_file_of_it_was_asked_for(self, blobs, elsewhere):
        write_folder(blobs, f"{DATASET}/examples", "a", "b")
        assert elsewhere.path(f"{DATASET}/examples/a").read_text() == "a"
        assert (elsewhere.path(f"{DATASET}/examples") / "b").read_text() == "b"

    def test_one_that_was_added_later_comes_too(self, blobs, elsewhere):
        write_folder(blobs, f"{DATASET}/examples", "a")
        elsewhere.path(f"{DATASET}/examples")
        write(blobs, f"{DATASET}/examples/findings.json", b"{}")
        assert elsewhere.path(f"{DATASET}/examples/findings.json").read_bytes() == b"{}"

    def test_what_is_nowhere_is_not_there(self, blobs):
        assert not blobs.exists("notebooks/none.ipynb")
        assert not blobs.path("notebooks/none.ipynb").exists()
        assert blobs.files("runs/none") == {}

    def test_sizes_are_told_without_fetching(self, blobs, elsewhere):
        key = blobs.add(DATASET, [b"text"]).key
        write_folder(blobs, f"{DATASET}/examples", "a", "b")
        assert (elsewhere.sizes(key), elsewhere.sizes(f"{DATASET}/examples")) == ([4], [1, 1])
        assert elsewhere.sizes("datasets/none") == []
        assert here(elsewhere) == []

    def test_a_whole_bucket_never_comes(self, blobs, elsewhere):
        blobs.add(DATASET, [b"x"])
        assert not elsewhere.path("datasets").exists()

    def test_a_damaged_file_is_refused_by_its_name(self, blobs, elsewhere, project):
        key = blobs.add(DATASET, [b"text"]).key
        project.buckets["datasets"][key].path.write_bytes(b"evil")
        with pytest.raises(Problem) as refused:
            elsewhere.path(key)
        assert (code(refused), here(elsewhere)) == ("stored_file_damaged", [])

    def test_a_damaged_file_is_refused_by_the_sum_that_was_kept_with_it(self, blobs, elsewhere, project):
        write(blobs, "notebooks/1.ipynb", b"text")
        project.buckets["notebooks"]["notebooks/1.ipynb"].path.write_bytes(b"evil")
        with pytest.raises(Problem) as refused:
            elsewhere.path("notebooks/1.ipynb")
        assert (code(refused), here(elsewhere)) == ("stored_file_damaged", [])

    def test_a_file_comes_once_to_many_who_ask_at_once(self, blobs, elsewhere, project):
        key = blobs.add(DATASET, [b"text"]).key
        threads = [threading.Thread(target=elsewhere.path, args=(key,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert project.asked_for(f"GET /storage/v1/object/datasets/{key}") == 1

    def test_storage_that_is_away_is_no_missing_file(self, blobs, project):
        project.away = True
        with pytest.raises(Problem) as refused:
            blobs.path("notebooks/1.ipynb")
        assert code(refused) == "supabase_unavailable"

    @pytest.mark.parametrize("key", ["../x", "/etc/passwd", "datasets/../x", "a//b", "", ".x"])
    def test_no_key_leaves_the_store(self, blobs, project, key):
        asks = (blobs.path, blobs.exists, blobs.files, blobs.delete, blobs.folder, blobs.upload_url)
        for ask in asks:
            with pytest.raises(Problem) as refused:
                ask(key)
            assert code(refused) == "invalid_path"
        assert project.asked == []

    def test_a_name_in_storage_that_leads_out_is_not_followed(self, blobs, elsewhere, project):
        write(blobs, "runs/1/a", b"x")
        kept = project.buckets["artifacts"]
        kept["runs/1/=2E=2E/=2E=2E/=2E=2E/evil"] = kept["runs/1/a"]
        with pytest.raises(Problem) as refused:
            elsewhere.path("runs/1")
        assert (code(refused), here(elsewhere)) == ("invalid_path", [])


class TestDeleting:
    def test_a_file_goes_from_both(self, blobs, project):
        key = blobs.add(DATASET, [b"x"]).key
        blobs.delete(key)
        assert (here(blobs), project.objects()) == ([], [])

    @pytest.mark.parametrize("key", [DATASET, f"{DATASET}/"])
    def test_a_folder_goes_from_both_with_all_that_is_below_it(self, blobs, project, key):
        blobs.add(DATASET, [b"x"])
        write_folder(blobs, f"{DATASET}/examples", "a", "b")
        write(blobs, "datasets/11/rows.jsonl", b"another's")
        blobs.delete(key)
        assert (here(blobs), project.objects()) == (["datasets/11/rows.jsonl"], ["datasets/datasets/11/rows.jsonl"])

    def test_more_than_a_page_goes(self, blobs, project):
        project.page = 3
        names = [f"f{number}" for number in range(8)]
        write_folder(blobs, f"{DATASET}/examples", *names)
        blobs.delete(f"{DATASET}/examples")
        assert project.objects() == []

    def test_what_another_machine_made_goes(self, blobs, elsewhere, project):
        key = blobs.add(DATASET, [b"x"]).key
        elsewhere.delete(key)
        assert project.objects() == []

    def test_nothing_is_lost_here_while_storage_is_away(self, blobs, project):
        key = blobs.add(DATASET, [b"x"]).key
        project.away = True
        with pytest.raises(Problem, match="does not answer"):
            blobs.delete(key)
        assert here(blobs) == [key]

    def test_it_is_fine_when_there_is_none(self, blobs):
        blobs.delete("datasets/none")


class TestRuns:
    """A run's folder is written in place; what it left is kept once it has ended."""

    NAMES = ("executed.ipynb", "tunebook-run/report.json", "tunebook-run/Üben & \U0001f3b5/a=b %20.txt")

    @pytest.fixture
    def run(self, blobs) -> str:
        folder = blobs.folder("runs/1")
        for name in (*self.NAMES, "scratch"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        return "runs/1"

    def test_what_is_settled_is_served_when_the_machine_is_gone(self, blobs, elsewhere, run):
        blobs.settle(run, self.NAMES)
        assert elsewhere.files(run) == {name: len(name.encode()) for name in self.NAMES}
        for name in self.NAMES:
            assert (elsewhere.path(run) / name).read_text() == name

    def test_a_later_attempt_leaves_nothing_of_an_earlier_one(self, blobs, elsewhere, run):
        blobs.settle(run, self.NAMES)
        blobs.settle(run, self.NAMES[:1])
        assert set(elsewhere.files(run)) == {self.NAMES[0]}

    def test_names_in_storage_are_such_as_it_takes(self, blobs, project, run):
        blobs.settle(run, self.NAMES)
        assert all(set(name) <= set(f"{ALLOWED}=") for name in project.objects())

    def test_another_machine_goes_on_from_what_was_settled(self, blobs, elsewhere, run):
        blobs.settle(run, self.NAMES)
        assert (elsewhere.folder(run) / self.NAMES[1]).read_text() == self.NAMES[1]

    def test_a_file_named_as_a_sum_is_not_taken_for_damaged(self, blobs, elsewhere):
        name = f"tunebook-run/{'0' * 64}"
        (blobs.folder("runs/1") / "tunebook-run").mkdir()
        (blobs.path("runs/1") / name).write_text("x")
        blobs.settle("runs/1", [name])
        assert (elsewhere.path("runs/1") / name).read_text() == "x"


ALLOWED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/"


class TestLinks:
    def test_a_link_fetches_the_file_under_its_name(self, blobs):
        write(blobs, "notebooks/1.ipynb", b"text")
        answer = requests.get(blobs.download_url("notebooks/1.ipynb", 60, "My notebook.ipynb"), timeout=10)
        assert (answer.status_code, answer.content) == (200, b"text")
        assert "My notebook.ipynb" in answer.headers["Content-Disposition"].replace("%20", " ")

    def test_a_link_to_another_file_needs_another_signature(self, blobs):
        for name in ("1", "2"):
            write(blobs, f"notebooks/{name}.ipynb", b"text")
        link = blobs.download_url("notebooks/1.ipynb", 60, "x")
        assert requests.get(link.replace("/1.ipynb", "/2.ipynb"), timeout=10).status_code == 400

    def test_there_is_no_link_to_what_is_not_there(self, blobs):
        assert blobs.download_url("notebooks/none.ipynb", 60, "x") is None

    def test_a_file_can_be_sent_by_a_link(self, blobs, elsewhere):
        answer = requests.put(blobs.upload_url("datasets/1/rows.jsonl"), data=b"sent", timeout=10)
        assert answer.status_code == 200
        assert elsewhere.path("datasets/1/rows.jsonl").read_bytes() == b"sent"


SENDER = """
import resource, sys
from pathlib import Path
from webapp.storage.buckets import Buckets
from webapp.storage.supabase_blobs import SupabaseBlobs
url, key, here, there, size = sys.argv[1:]
buckets = Buckets(url, key)
buckets.size("datasets/none")  # the packages are loaded
chunk = bytes(1 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
stored = SupabaseBlobs(Path(here), buckets).add("datasets/1", (chunk for _ in range(int(size))))
path = SupabaseBlobs(Path(there), buckets).path(stored.key)
assert path.stat().st_size == int(size) << 20
print(stored.sha256, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_large_file_goes_both_ways_at_constant_memory(project, tmp_path):
    size = 128
    command = [sys.executable, "-c", SENDER, project.url, project.service_key]
    answer = subprocess.run(
        [*command, tmp_path / "here", tmp_path / "there", str(size)], capture_output=True, text=True, check=True
    )
    sha256, grown = answer.stdout.split()
    assert sha256 == hashlib.sha256(bytes(size << 20)).hexdigest()
    assert int(grown) < size / 8, f"{grown} MiB more for a file of {size} MiB"
