"""A stranger's chat template tried on some rows, in a process of its own: it is code, and may never end.

`python -m webapp.training.trial` reads `{family, conversations}` as JSON and answers `{fault}`: null, or in words what
the template does wrong.
"""

import json
import resource
import sys
from collections.abc import Iterable
from typing import Any

from webapp.training.families import Family, family_from, family_render
from webapp.training.turns import has_trained_text, prompt_completions

CPU_SECONDS = 10
MEMORY_BYTES = 2**30


def template_fault(family: Family, conversations: Iterable[dict[str, Any]]) -> str | None:
    """The first thing that keeps these conversations from being written and masked; None if nothing does."""
    try:
        render = family_render(family)
    except Exception as error:  # whatever compiling a stranger's template raises
        return f"it cannot be read: {type(error).__name__}: {error}"
    for number, conversation in enumerate(conversations, 1):
        try:
            turns = prompt_completions(conversation, render)
            if not has_trained_text(conversation, turns, render):
                return f"it writes no word of the answers of conversation {number}"
        except Exception as error:
            return f"conversation {number}: {type(error).__name__}: {error}"
    return None


def main() -> None:
    """Limits this process, tries, and answers on stdout."""
    request = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    fault = template_fault(family_from(request["family"]), request["conversations"])
    json.dump({"fault": fault}, sys.stdout)


if __name__ == "__main__":
    main()
