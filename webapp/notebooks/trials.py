"""Whether a model's own chat template can write the rows, before a notebook is made that would stop at it."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from itertools import islice

from webapp.datasets import Examples
from webapp.errors import Problem
from webapp.jobs import scrubbed_environment
from webapp.training.families import Family

TRIED = 32  # conversations; the dry run tries all of them
SECONDS = 20.0
_MOST_MESSAGES = 100  # a template is rendered for each message, so that time grows with the square of their number


def require_template(family: Family | None, examples: Examples) -> None:
    """Problem `chat_template_failed` when a model's own format cannot write the first conversations, or mask them."""
    if family is None:
        return
    some = islice((one for one in examples.conversations() if len(one["messages"]) <= _MOST_MESSAGES), TRIED)
    asked = json.dumps({"family": asdict(family), "conversations": list(some)})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "webapp.training.trial"],
            input=asked.encode(),
            capture_output=True,
            check=True,
            timeout=SECONDS,
            env=scrubbed_environment(os.environ),
        )
        fault = json.loads(done.stdout)["fault"]
    except (subprocess.SubprocessError, ValueError):
        fault = "it takes too long, or too much memory"
    if fault:
        raise Problem(
            "chat_template_failed",
            f"The chat template of {family.name} does not suit these rows: {fault[:300]}. Choose another model, or a "
            "folder of this one whose tokenizer has another template.",
            param="model_id",
        )
