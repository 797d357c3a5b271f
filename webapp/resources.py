"""Finds the files that travel with the package: page assets, notebook templates, token encodings."""

from pathlib import Path

from webapp.errors import Problem

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The folder `static`, `notebook_templates` or `encodings`; raises `Problem("installation_incomplete")`.

    An installed wheel has all three under webapp/_data; in a checkout the first two lie at the top of the repository.
    """
    packaged = _PACKAGE / "_data" / name
    in_checkout = _PACKAGE.parent / name
    if packaged.is_dir():
        return packaged
    # Beside an installed package lie other people's folders; only a checkout has this file next to webapp/.
    if in_checkout.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file():
        return in_checkout
    raise Problem(
        "installation_incomplete",
        f"The files of {name!r} are missing from this installation of tunebook; install it again "
        "(pip install --force-reinstall tunebook, or pip install -e . in a checkout).",
        status=500,
    )
