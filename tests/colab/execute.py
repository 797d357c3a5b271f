"""Runs one notebook with whatever is installed here: `python execute.py NOTEBOOK`, run by the stock image's Python."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

path = Path(sys.argv[1])
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
nbformat.write(notebook, path)
