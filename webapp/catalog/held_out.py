"""How many of the conversations are held out of training, to measure what was learnt."""

from webapp.training.data import MAX_HELD_OUT

SHARE, SHARE_OF_FEW, FEW = 0.10, 0.20, 100  # a tenth of fewer than 100 would be too few to measure anything
LEAST_SHARE = 0.01


def held_out_share(examples: int) -> float:
    """The share, 0 to 1 with four digits, of so many examples that a run holds out where nothing else is set.

    20 % of fewer than 100 examples, else 10 %, of more than 5,000 about 500 examples, and never less than 1 %.
    """
    share = SHARE_OF_FEW if examples < FEW else min(SHARE, max(LEAST_SHARE, MAX_HELD_OUT / examples))
    return round(share, 4)


def really_held_out(examples: int, share: float) -> float:
    """What of this share of the examples is held out: a run stops at about 500, however many there are."""
    return min(share, MAX_HELD_OUT / max(1, examples))
