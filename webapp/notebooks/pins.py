"""The package versions a notebook installs on Colab: one tested set, in one place."""

# The same versions as constraints.txt, which the dry runs are tested with; torch and numpy stay Colab's own, since
# replacing them needs a restart.
PINS = {
    "transformers": "5.23.0",
    "peft": "0.21.2",
    "accelerate": "1.15.0",
    "bitsandbytes": "0.50.2",
}

COLAB_RUNTIME = "2026.07"


def requirements(method: str) -> list[str]:
    """Requirement strings for a method; only QLoRA needs bitsandbytes."""
    return [f"{name}=={version}" for name, version in PINS.items() if name != "bitsandbytes" or method == "qlora"]
