"""The stages of an infection."""

import enum
from typing import final


@final
class Stage(enum.IntEnum):
    """Susceptible, exposed, infectious, recovered: the values of the field `stage`."""

    S = 0
    E = 1
    I = 2  # noqa: E741 - the field's letter
    R = 3
