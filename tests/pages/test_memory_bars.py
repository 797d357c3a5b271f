"""The bar of a card's memory."""

from webapp.pages.memory_bars import memory_bar


def test_the_parts_stand_side_by_side_on_the_card():
    bar = memory_bar(
        {"parts": {"weights": 4.0, "logits": 1.0}, "gib": 5.0, "low": 4.2, "high": 5.8, "gpu_gib": 10.0, "fits": True}
    )
    assert [(part.name, part.x, part.width) for part in bar.parts] == [("weights", 0, 400), ("logits", 400, 100)]
    assert (bar.card, bar.room) == (1000, 850)
    assert bar.words == "5.0 of 10.0 GiB"


def test_what_is_more_than_the_card_goes_beyond_it():
    bar = memory_bar(
        {"parts": {"weights": 20.0}, "gib": 20.0, "low": 17.0, "high": 23.0, "gpu_gib": 10.0, "fits": False}
    )
    assert (bar.parts[0].width, bar.card, bar.room) == (1000, 500, 425)
