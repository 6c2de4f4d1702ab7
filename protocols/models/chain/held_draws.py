"""Draws that have been made, and at which nobody has looked; and stays that may end in each step.

A stay as a compartment's has the mean of its law, and no memory: it ends in a step with probability 1 / mean, and while
it lasts, what is left of it is a stay of the same law. So no agent's state counts its days.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

Law = tuple[str, int, tuple[int, ...]]  # op and node of a draw, and what its law depends on
STAY: Final = "stay"  # op of a draw of days that is a compartment's; a decision on it is whether it ends
LASTS, ENDS = 0, 1


class HeldDraw(NamedTuple):
    """A draw that has been made, and that nobody has looked at.

    Attributes:
        law: by which it was made.
        name: tells it from other draws: of the step itself its node, of a state a number.
    """

    law: Law
    name: tuple[str, int]

    @property
    def left(self) -> "HeldDraw":
        """Return what is left of a stay that did not end."""
        return HeldDraw(self.law, (f"{self.name[0]}, left", self.name[1]))


class LongerStay(NamedTuple):
    """A stay that nobody has looked at, and so many steps more."""

    draw: HeldDraw
    more: int


def is_stay(value: Any) -> bool:
    """Tell whether a value is a stay, of which it is not known how long it lasts."""
    return isinstance(value, LongerStay) or (isinstance(value, HeldDraw) and value.law[0] == STAY)


def draw_of(value: Any) -> HeldDraw | None:
    """Return the draw that a value holds, if it does."""
    return value.draw if isinstance(value, LongerStay) else value if isinstance(value, HeldDraw) else None


def settle(value: Any, decisions: Mapping[Any, int]) -> Any:
    """Return a value with what was decided on it: a number, or what is left of a stay and the steps before."""
    draw, more = (value.draw, value.more) if isinstance(value, LongerStay) else (value, 0)
    if not isinstance(draw, HeldDraw) or draw not in decisions:
        return value
    if draw.law[0] != STAY:
        return decisions[draw]
    while decisions.get(draw) == LASTS:
        draw, more = draw.left, more + 1
    return 1 + more if draw in decisions else lengthen(draw, more)


def lengthen(value: Any, by: int) -> HeldDraw | LongerStay:
    """Return a stay of so many steps more."""
    draw, more = (value.draw, value.more) if isinstance(value, LongerStay) else (value, 0)
    return LongerStay(draw, more + by) if more + by else draw


def shortest(value: Any) -> int:
    """Return the least that a stay can be."""
    return 1 + (value.more if isinstance(value, LongerStay) else 0)
