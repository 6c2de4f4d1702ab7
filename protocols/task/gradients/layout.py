"""How many words a run's vectors have when they carry derivatives."""

from protocols.models import Stage
from protocols.models.seir.relaxed import names
from protocols.task.gradients.hidden_score import COLUMNS, is_hidden, score_words
from protocols.task.manifest import Manifest


def gradient_words(manifest: Manifest) -> tuple[int, int, int]:
    """Return the words of each agent, of all cells, and of the tally.

    Tangents: beside every value stand its p tangents; contacts have none, and no words, outside of sum mode.
    Adjoints: one block holds cells and tally, or on the way back the derivatives by cells and by parameters. The engine
    announces the other: cells and parameters forth, derivatives by cells and tally back.
    Scores: p more words in the tally, zero until the closing round; where aggregators add one up, one more that tells
    whether it holds, and two more for each agent.
    Calibrations: the draws that are announced, and the gradient that is summed, stand in place of cell totals.
    """
    if manifest.calibration is not None:
        return 0, manifest.calibration.words, 0
    c, cells, q, given = len(manifest.channels), len(manifest.cells), len(Stage), manifest.gradient
    if given is None:
        return c, cells, q
    if given.way == "tangents":
        return c * (1 + given.p) if manifest.mode == "sum" else 0, cells * (1 + given.p), q * (1 + given.p)
    if given.way == "adjoints":
        return c if manifest.mode == "sum" else 0, cells + len(names(manifest)), 0
    return c + COLUMNS * is_hidden(manifest), cells, q + score_words(manifest)
