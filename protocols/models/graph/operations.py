"""The operations of a graph: for each its operands, its value on numpy, and its interval.

An operation is elementwise over agents, and exact: integers of 64 bits and booleans in, the same out. There is no loop,
no file, no call and no floating point. A new operation is one entry of `OPERATIONS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, final

import numpy as np

Interval = tuple[int, int]  # least and greatest value, both included; a boolean's is within (0, 1)
Kind = Literal["integer", "boolean", "any"]
Values = Any  # int64[n], bool[n], or one number
TRUTH: Final = (0, 1)


@final
@dataclass(frozen=True, slots=True)
class Operation:
    """What a node may do.

    Attributes:
        operands: the kind of each; "any" operands of one node are of the same kind.
        result: its kind; "any" is the kind of the operands that are "any".
        value: the operation on numpy.
        interval: from the operands' intervals to the result's.
        requires: None where it is defined, or what it asks of its operands' intervals, for a message.
        cost: relative to an addition.
    """

    operands: tuple[Kind, ...]
    result: Kind
    value: Callable[..., Values]
    interval: Callable[..., Interval]
    requires: Callable[..., str | None] = lambda *intervals: None
    cost: int = 1


def _hull(*intervals: Interval) -> Interval:
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def _corners(operate: Callable[[int, int], int], a: Interval, b: Interval) -> Interval:
    values = [operate(x, y) for x in a for y in b]
    return min(values), max(values)


def _less(a: Interval, b: Interval) -> Interval:
    return int(a[1] < b[0]), int(a[0] < b[1])


def _less_equal(a: Interval, b: Interval) -> Interval:
    return int(a[1] <= b[0]), int(a[0] <= b[1])


def _equal(a: Interval, b: Interval) -> Interval:
    return int(a[0] == a[1] == b[0] == b[1]), int(a[0] <= b[1] and b[0] <= a[1])


def _xor(a: Interval, b: Interval) -> Interval:
    decided = a[0] == a[1] and b[0] == b[1]
    return (a[0] ^ b[0],) * 2 if decided else TRUTH


def _where(condition: Interval, a: Interval, b: Interval) -> Interval:
    """Return the interval of the branch that is always taken, or of both."""
    branches = {(1, 1): (a,), (0, 0): (b,)}
    return _hull(*branches.get(condition, (a, b)))


def _positive(_: Interval, divisor: Interval) -> str | None:
    return None if divisor[0] > 0 else f"a divisor that is at least 1; it can be {divisor[0]}"


def _shift(_: Interval, by: Interval) -> str | None:
    return None if by[0] >= 0 and by[1] <= 62 else f"a shift by 0 to 62 bits; it can be {by[0] if by[0] < 0 else by[1]}"


def _integers(value: Callable[..., Values], interval: Callable[..., Interval], **more: Any) -> Operation:
    return Operation(("integer", "integer"), "integer", value, interval, **more)


def _comparison(value: Callable[..., Values], interval: Callable[..., Interval]) -> Operation:
    return Operation(("integer", "integer"), "boolean", value, interval)


def _logic(value: Callable[..., Values], interval: Callable[..., Interval]) -> Operation:
    return Operation(("boolean", "boolean"), "boolean", value, interval)


def _each(choose: Callable[[int, int], int]) -> Callable[[Interval, Interval], Interval]:
    return lambda a, b: (choose(a[0], b[0]), choose(a[1], b[1]))


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "add": _integers(np.add, lambda a, b: (a[0] + b[0], a[1] + b[1])),
        "subtract": _integers(np.subtract, lambda a, b: (a[0] - b[1], a[1] - b[0])),
        "multiply": _integers(np.multiply, lambda a, b: _corners(int.__mul__, a, b)),
        "divide": _integers(np.floor_divide, lambda a, b: _corners(int.__floordiv__, a, b), requires=_positive, cost=8),
        "modulo": _integers(np.mod, lambda a, b: (0, b[1] - 1), requires=_positive, cost=8),
        "left": _integers(np.left_shift, lambda a, b: _corners(int.__lshift__, a, b), requires=_shift),
        "right": _integers(np.right_shift, lambda a, b: _corners(int.__rshift__, a, b), requires=_shift),
        "minimum": _integers(np.minimum, _each(min)),
        "maximum": _integers(np.maximum, _each(max)),
        "less": _comparison(np.less, _less),
        "less_equal": _comparison(np.less_equal, _less_equal),
        "equal": _comparison(np.equal, _equal),
        "and": _logic(np.logical_and, _each(min)),
        "or": _logic(np.logical_or, _each(max)),
        "xor": _logic(np.logical_xor, _xor),
        "not": Operation(("boolean",), "boolean", np.logical_not, lambda a: (1 - a[1], 1 - a[0])),
        "integer": Operation(("boolean",), "integer", lambda a: np.asarray(a).astype(np.int64), lambda a: a),
        "where": Operation(("boolean", "any", "any"), "any", np.where, _where),
    }
)
