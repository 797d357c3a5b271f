"""How often a run sees each example."""

EPOCHS, LEAST_SEEN, MOST_SEEN, MOST_EPOCHS = 3, 100, 25_000, 25


def epochs(examples: int) -> int:
    """OpenAI's published rule for its own fine-tuning.

    3; for n examples 100 / n where 3 n is below 100, at most 25; 25,000 / n where 3 n is above 25,000, at least 1.
    """
    count = max(1, examples)
    if count * EPOCHS < LEAST_SEEN:
        return min(MOST_EPOCHS, LEAST_SEEN // count)
    if count * EPOCHS > MOST_SEEN:
        return max(1, MOST_SEEN // count)
    return EPOCHS
