"""What the install cell says and does, with a pip that only listens."""

import sys
from types import ModuleType

import pytest

from webapp.training import packages
from webapp.training.packages import OLDEST, Finding, is_older, prepare_packages

PINS = ("transformers==5.23.0", "peft==0.21.2")
STOCK = {
    "torch": "2.11.0+cu128",
    "transformers": "5.15.0",
    "peft": "0.20.0",
    "accelerate": "1.14.0",
    "torchao": "0.10.0",
}


class Pip:
    """Stands in for pip and for what is installed."""

    def __init__(self, versions):
        self.versions, self.calls = dict(versions), []

    def run(self, command, check):
        assert check
        assert command[:3] == [sys.executable, "-m", "pip"]
        self.calls.append(command[3:])
        for package in command[3:]:
            name, equals, version = package.partition("==")
            if command[3] == "uninstall":
                self.versions.pop(name, None)
            elif equals:
                self.versions[name] = version
            elif ">=" in package:
                self.versions[package.partition(">=")[0]] = package.partition(">=")[2]


@pytest.fixture
def pip(monkeypatch):
    def install(versions):
        found = Pip(versions)
        monkeypatch.setattr(packages.subprocess, "run", found.run)
        monkeypatch.setattr(packages, "installed_version", lambda name: found.versions.get(name))
        return found

    return install


@pytest.fixture
def colab(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))


def states(findings):
    return [finding.state for finding in findings]


def test_on_colab_the_stock_image_gets_the_pins_and_loses_torchao(pip, colab):
    found = pip(STOCK)
    findings = list(prepare_packages(PINS, "lora"))
    assert found.calls == [
        ["uninstall", "--quiet", "--yes", "torchao"],
        ["install", "--quiet", "transformers==5.23.0", "peft==0.21.2"],
    ]
    assert states(findings) == ["FIX", "FIX", "OK", "OK", "OK", "OK"]
    assert str(findings[2]) == "OK   torch 2.11.0+cu128"


def test_on_colab_qlora_gets_bitsandbytes(pip, colab):
    found = pip(STOCK)
    list(prepare_packages((*PINS, "bitsandbytes==0.50.2"), "qlora"))
    assert found.versions["bitsandbytes"] == "0.50.2"


def test_a_second_run_mends_nothing(pip, colab):
    found = pip(STOCK)
    list(prepare_packages(PINS, "lora"))
    before = len(found.calls)
    assert set(states(prepare_packages(PINS, "lora"))) == {"OK"}
    assert len(found.calls) == before


def test_elsewhere_nothing_is_touched_and_the_lines_say_what_to_run(pip):
    found = pip(STOCK | {"peft": "0.17.1"})
    findings = list(prepare_packages(PINS, "qlora"))
    assert found.calls == []
    texts = [finding.text for finding in findings if finding.state == "FIX"]
    assert texts == [
        "torchao 0.10.0 keeps peft from adding adapters: run pip uninstall --quiet --yes torchao",
        "peft is 0.17.1: run pip install --quiet peft>=0.20",
        "bitsandbytes is missing: run pip install --quiet bitsandbytes>=0.46.1",
    ]


def test_what_is_installed_here_will_do():
    assert [finding for finding in prepare_packages((), "qlora") if finding.state != "OK"] == []
    assert len(list(prepare_packages((), "qlora"))) == len(OLDEST)


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [("2.11.0+cu128", "2.10", False), ("0.9", "0.16", True), ("5.15.0.dev0", "5.15", False), ("5.9.1", "5.15", True)],
)
def test_versions_are_compared_by_their_numbers(version, than, older):
    assert is_older(version, than) is older


def test_a_finding_is_a_line():
    assert str(Finding("NOTE", "x")) == "NOTE x"
