"""Puts the stand-in for Google's `colab` tool where it is found."""

import sys
from pathlib import Path

STAND_IN = Path(__file__).with_name("colab_stand_in.py")


def install_stand_in(folder: Path, machines: Path) -> Path:
    """A program in `folder`; its machines, and what goes wrong with them, are in `machines`."""
    machines.mkdir()
    program = folder / "colab"
    program.write_text(f'#!/bin/sh\nSTAND_IN={machines} exec {sys.executable} {STAND_IN} "$@"\n')
    program.chmod(0o755)
    return program
