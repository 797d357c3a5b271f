"""Whether a notebook can be run on this machine."""

import pytest

from webapp import catalog
from webapp.catalog import find_model
from webapp.notebooks import TrainingConfig, here

CONFIG = TrainingConfig().model_dump()


@pytest.fixture
def machine(monkeypatch):
    """This machine as if it were one of the catalogue's, with all packages."""

    def be(gpu):
        monkeypatch.setattr(here, "find_gpu", lambda _: catalog.find_gpu(gpu))
        monkeypatch.setattr(here, "missing_packages", list)

    return be


def test_a_card_with_room_can_run_it(machine):
    machine("l4")
    found = here.look_here(find_model("smollm2-360m"), CONFIG)
    assert (found.able, found.has_gpu, found.fit) == (True, True, "fits")
    assert 0 < found.needed_gib < found.gib


def test_a_card_without_room_cannot(machine):
    machine("t4")
    found = here.look_here(find_model("smollm2-1.7b"), CONFIG | {"method": "full", "batch_size": 32})
    assert (found.able, found.fit) == (False, "no")


def test_a_method_that_the_machine_does_not_have_is_its_obstacle(machine):
    machine("cpu")
    found = here.look_here(find_model("smollm2-360m"), CONFIG | {"method": "qlora"})
    assert (found.able, found.has_gpu, found.fit) == (False, False, None)
    assert "cannot be run on the CPU" in found.obstacle


def test_packages_that_are_not_installed_keep_it_from_running(machine, monkeypatch):
    machine("l4")
    monkeypatch.setattr(here, "missing_packages", lambda: ["torch"])
    found = here.look_here(find_model("smollm2-360m"), CONFIG)
    assert (found.able, found.missing, found.fit) == (False, ("torch",), "fits")
