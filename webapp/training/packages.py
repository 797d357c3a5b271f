"""The packages a run needs: on Colab the versions the notebook was tested with, elsewhere what is there, if it will do.

Nothing is imported before this is done, so that no runtime has to be restarted.
"""

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from webapp.training.runtime import on_colab

# The oldest that the cells are tested with are those of Colab's stock image.
OLDEST = {"torch": "2.10", "transformers": "5.15", "peft": "0.20", "accelerate": "1.14", "bitsandbytes": "0.46.1"}
OLDEST_TORCHAO = "0.16"  # peft refuses an older one, and Colab's image has 0.10


@dataclass(frozen=True)
class Finding:
    """One line of the report: `state` is OK, FIX (was or has to be mended) or NOTE (worth knowing)."""

    state: str
    text: str

    def __str__(self) -> str:
        return f"{self.state:<4} {self.text}"


def prepare_packages(pins: Sequence[str], method: str) -> Iterator[Finding]:
    """A line for each package; on Colab, `pins` ("name==version") are installed and what stands in the way removed."""
    if (torchao := installed_version("torchao")) and is_older(torchao, OLDEST_TORCHAO):
        yield mended(f"torchao {torchao} keeps peft from adding adapters", "uninstall", "torchao")
    others = [pin for pin in pins if installed_version(pin.partition("==")[0]) != pin.partition("==")[2]]
    if on_colab() and others:
        yield mended(f"{len(others)} packages are not the tested ones", "install", *others)
    for name, oldest in OLDEST.items():
        found = installed_version(name)
        if name == "bitsandbytes" and method != "qlora":
            continue
        if found is None or is_older(found, oldest):
            yield mended(f"{name} is {found or 'missing'}", "install", f"{name}>={oldest}")
        else:
            yield Finding("OK", f"{name} {found}")


def mended(what: str, command: str, *packages: str) -> Finding:
    """Has pip mend it on Colab; elsewhere the environment is the person's own, and the line says what to run."""
    yes = ["--yes"] if command == "uninstall" else []
    arguments = ["pip", command, "--quiet", *yes, *packages]
    if not on_colab():
        return Finding("FIX", f"{what}: run {' '.join(arguments)}")
    subprocess.run([sys.executable, "-m", *arguments], check=True)
    return Finding("FIX", f"{what}: done, {' '.join(arguments)}")


def installed_version(package: str) -> str | None:
    """The version of an installed package, None when it is missing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def is_older(version: str, than: str) -> bool:
    """Whether a version's leading numbers are below another's: 2.13.0+cpu is (2, 13, 0)."""
    return version_numbers(version) < version_numbers(than)


def version_numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version."""
    found = []
    for part in version.partition("+")[0].split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)
