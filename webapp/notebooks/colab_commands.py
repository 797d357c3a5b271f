"""What runs a notebook on Colab by hand: the commands of Google's `colab` tool."""

from pathlib import Path

from webapp.notebooks.results import REPORT, RESULTS


def colab_commands_of(notebook: str, gpu: str, method: str, rows: str | None = None) -> list[str]:
    """To be run where the notebook is, and its file of `rows` if it has one; the report and the adapter come back."""
    adapter = [f"{RESULTS}/model/adapter_{name}" for name in ("model.safetensors", "config.json")]
    results = [REPORT, *([] if method == "full" else adapter)]
    return [
        f"colab new --gpu {gpu}",
        *([f"colab upload {rows} content/{rows}"] if rows else []),
        f"colab exec -f {notebook} --timeout 86400",  # by itself it gives a cell 30 s
        *(f"colab download content/{result} {Path(result).name}" for result in results),
        "colab stop",
    ]
