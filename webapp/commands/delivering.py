"""How the command line hands out a dataset's rows: in the notebook, or in a file beside it."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from webapp.commands.arguments import output_file, refuse_to_overwrite

if TYPE_CHECKING:
    from webapp.notebooks import Delivery, Secret


def delivered(payload: Path, data: Path, output: Path, secret: "Secret | None") -> "Delivery":
    """The rows in the notebook where they fit, else in a file beside `output`.

    Problem `output_is_data` where that file is `data`, which they come from.
    """
    from webapp.notebooks.delivery import describe_file, embed, encrypt, fits, payload_name

    if fits(payload):
        return embed(payload, secret)
    path = output.with_name(payload_name(output.name, encrypted=secret is not None))
    refuse_to_overwrite(data, path)
    with payload.open("rb") as source, output_file(path) as target:
        if secret:
            encrypt(source, secret, target)
        else:
            shutil.copyfileobj(source, target)
    return describe_file(path, path.name, key=secret.text if secret else None)
