"""Replicates: that the run has nothing that is made for one copy of its people alone."""

from typing import Final

from protocols.errors import ParameterError

LARGEST_SEED: Final = 2**63 - 1
MOST_WORDS: Final = 2**27  # of a vector: 1 GiB
MOST_NUMBERS: Final = 2**12  # public ones of a step, which one reply to a client that comes late has to hold


def check_replicates(copies: int, *, seed: int | None, words: int, numbers: int, refused: dict[str, bool]) -> None:
    """Refuse replicates of a run that has what there is once, whose last seed is none, or of too many numbers.

    Args:
        copies: how many.
        seed: of a testbed; each replicate has the next one.
        words: of all agents and cells of one replicate, for what they hear.
        numbers: public ones that the model hears in a step.
        refused: what cannot be, by its name, and whether the run has it.

    Raises:
        ParameterError: it is so.
    """
    if there := [name for name, has in refused.items() if has]:
        raise ParameterError(
            f"the run has {copies} replicates and {there[0]}, which is for one alone: make that many runs, or leave "
            "one of both out"
        )
    if copies * words > MOST_WORDS:
        raise ParameterError(
            f"{copies} replicates share vectors of {copies * words:,} words, and {MOST_WORDS:,} are allowed: make "
            "fewer at once"
        )
    if copies * numbers > MOST_NUMBERS:
        raise ParameterError(
            f"{copies} replicates hear {copies * numbers:,} public numbers in a step; {MOST_NUMBERS:,} are allowed: "
            "make fewer at once"
        )
    if seed is not None and seed + copies - 1 > LARGEST_SEED:
        raise ParameterError(f"the last of {copies} replicates would have the seed {seed + copies - 1}; begin lower")
