"""Numbers and names as people read them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from webapp.catalog import find_model
from webapp.hub.cards import PREFIX
from webapp.plurals import counted
from webapp.training.report_page import answers_in_words, figure_rows

_PLACES = {
    "local": "on this machine",
    "colab": "on Google Colab",
    "ray": "on a Ray cluster",
    "elsewhere": "wherever you run its notebook, which tells of it here",
}


def number(value: float | None) -> str:
    """With thousands separators; whole numbers, and those of four digits and more, without a fraction."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.4g}"


def figure(value: float) -> str:
    """An estimate: three digits at most."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def percent(share: float) -> str:
    """A share from 0 to 1."""
    return f"{share:.0%}"


def size(count: int) -> str:
    """Bytes, in the unit that suits them."""
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.4g} {unit}"
        amount /= 1024
    return f"{amount:.4g} GiB"


def seconds(value: float | None) -> str:
    """A time, in the unit that suits it."""
    if value is None:
        return "–"
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if value >= length:
            return f"{value / length:.3g} {unit}"
    return f"{value:.3g} s"


def moment(value: datetime) -> str:
    """A moment, to the minute."""
    return f"{value:%Y-%m-%d %H:%M}"


def words(name: str) -> str:
    """A name of a program, as words."""
    return name.replace("_", " ")


def listed(said: Sequence[str]) -> str:
    """At least one thing, as part of a sentence: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(said[:-1]), said[-1]]))


def settings(values: Mapping[str, Any]) -> str:
    """Settings as part of a sentence: "batch_size 1 and gradient_accumulation 8"."""
    return listed([f"{name} {value}" for name, value in values.items()])


def model_name(model_id: str) -> str:
    """The name of a base model; of one that the catalogue does not have, its name on the hub."""
    return model_id.removeprefix(PREFIX) if model_id.startswith(PREFIX) else find_model(model_id).name


def place(executor: str) -> str:
    """Where a run is done, as part of a sentence."""
    return _PLACES.get(executor, f"by {executor}")


def pretty_json(value: Any) -> str:
    """Indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


FILTERS = {
    "figure_rows": figure_rows,
    "answers_in_words": answers_in_words,
    "number": number,
    "counted": counted,
    "figure": figure,
    "percent": percent,
    "size": size,
    "seconds": seconds,
    "moment": moment,
    "words": words,
    "listed": listed,
    "settings": settings,
    "model_name": model_name,
    "place": place,
    "pretty_json": pretty_json,
}
