"""The three servers of the secret permutation, and which keys each of them has."""

import enum
from typing import final


@final
class Role(enum.IntEnum):
    """Who a server is: two aggregators that hold shares, and the dealer."""

    A = 0
    B = 1
    C = 2

    def others(self) -> tuple["Role", "Role"]:
        """Return the other two."""
        first, second = (role for role in Role if role != self)
        return first, second
