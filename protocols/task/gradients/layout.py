"""How many words a run's vectors have when they carry derivatives."""

from protocols.models.gradient import Gradient
from protocols.task.gradients.hidden_score import COLUMNS, count_factors, score_words


def gradient_words(gradient: Gradient | None, *, channels: int, cells: int, q: int, mode: str) -> tuple[int, int, int]:
    """Return the words of each agent, of all cells, and of the tally.

    Tangents: beside every value stand its p tangents; contacts have none, and no words, outside of sum mode.
    Adjoints: one block holds cells and tally, or on the way back the derivatives by cells and by parameters. The engine
    announces the other: cells and parameters forth, derivatives by cells and tally, and their unit, back.
    Scores: p more words in the tally, zero until the closing round; where aggregators add some up, one more that tells
    whether they hold, and three more of each for each agent.

    Args:
        channels: c, of contacts.
        cells: words of cell totals.
        q: words of the tally.
        mode: of the run.
    """
    if gradient is None:
        return channels, cells, q
    if gradient.way == "tangents":
        width = gradient.width
        return channels * width if mode == "sum" else 0, cells * width, q * width
    if gradient.way == "adjoints":
        return channels if mode == "sum" else 0, cells + max(gradient.p, q + 1), 0
    return channels + COLUMNS * count_factors(gradient, mode), cells, q + score_words(gradient)
