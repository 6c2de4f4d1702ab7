"""Integers of many lanes as planes of bits: the operations of a graph, each a circuit of words.

A plane is a word that holds one binary digit of every lane's number. Numbers that can be negative are in two's
complement. How many planes a result has follows from its interval, which is proved: none is lost.

Source: Biham 1997, A fast new DES implementation in software (FSE), for the form; the circuits are of textbooks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from lpm_secure.engine.bitslice.words.logic import Logic, Word
from protocols.models.graph.operations import Interval

LONGEST: Final = 64  # planes


@final
@dataclass(frozen=True, slots=True)
class Slices:
    """A number of each lane.

    Attributes:
        planes: from the lowest digit to the highest.
        signed: whether the highest one counts negative.
    """

    planes: tuple[Word, ...]
    signed: bool = False

    @property
    def truth(self) -> Word:
        """The word of a boolean."""
        return self.planes[0] if self.planes else False

    def at(self, place: int) -> Word:
        """Return the plane of a digit, as if there were any number of them."""
        if place < len(self.planes):
            return self.planes[place]
        return self.planes[-1] if self.signed and self.planes else False

    def extend(self, width: int) -> tuple[Word, ...]:
        """Return so many planes."""
        return tuple(self.at(place) for place in range(width))


def width_of(interval: Interval) -> int:
    """Return how many planes hold all numbers of an interval."""
    low, high = interval
    return max(high.bit_length(), (-low - 1).bit_length()) + 1 if low < 0 else high.bit_length()


def fit(planes: Sequence[Word], interval: Interval) -> Slices:
    """Return planes of a number of which its interval is known."""
    low, high = interval
    if low == high:
        return constant(low)
    return Slices(tuple(planes[: width_of(interval)]), low < 0)


def constant(number: int) -> Slices:
    """Return a number that is the same in all lanes."""
    width = width_of((number, number))
    return Slices(tuple(bool(number >> place & 1) for place in range(width)), number < 0)


@final
class Integers:
    """Circuits of a logic. Operands are of any width; `interval` is that of the result."""

    def __init__(self, logic: Logic) -> None:
        """Compute with a logic."""
        self._logic = logic

    def add(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return a + b."""
        width = width_of(interval)
        return fit(self._sum(a.extend(width), b.extend(width), False), interval)

    def subtract(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return a - b."""
        width = width_of(interval)
        return fit(self._sum(a.extend(width), self._complements(b.extend(width)), True), interval)

    def _complements(self, planes: Sequence[Word]) -> tuple[Word, ...]:
        return tuple(self._logic.negate(plane) for plane in planes)

    def _sum(self, a: Sequence[Word], b: Sequence[Word], carry: Word) -> tuple[Word, ...]:
        logic, out = self._logic, []
        for mine, other in zip(a, b, strict=True):
            out.append(logic.differ(logic.differ(mine, other), carry))
            carry = logic.majority(mine, other, carry)
        return tuple(out)

    def multiply(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return a * b."""
        logic, width = self._logic, width_of(interval)
        if sum(not isinstance(each, bool) for each in a.planes) < sum(not isinstance(each, bool) for each in b.planes):
            a, b = b, a
        total: tuple[Word, ...] = (False,) * width
        for place, plane in enumerate(b.planes[:width]):
            if plane is False:
                continue
            moved = (*(False,) * place, *a.extend(width))[:width]
            addend = tuple(logic.every(plane, each) for each in moved)
            negative = b.signed and place == len(b.planes) - 1
            total = self._sum(total, self._complements(addend) if negative else addend, negative)
        return fit(total, interval)

    def divide(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return a // b, rounded down, of a divisor that is at least 1."""
        places = _power(b)
        if places is not None:
            return fit([a.at(place + places) for place in range(width_of(interval))], interval)
        quotient, _ = self._divide(a, b)
        return fit(quotient.extend(width_of(interval)), interval)

    def modulo(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return a % b, at least 0, of a divisor that is at least 1."""
        places = _power(b)
        if places is not None:
            return fit(a.extend(places), interval)
        _, rest = self._divide(a, b)
        return fit(rest.extend(width_of(interval)), interval)

    def _divide(self, a: Slices, b: Slices) -> tuple[Slices, Slices]:
        """Return quotient and rest by long division; of a negative number -(~a // b) - 1 is the quotient."""
        logic, width = self._logic, len(b.planes) + 1
        sign = a.planes[-1] if a.signed else False
        divisor = (*b.planes, False)[:width]
        rest: tuple[Word, ...] = (False,) * width
        quotient: list[Word] = []
        for plane in reversed(a.planes):
            rest = (logic.differ(plane, sign), *rest[:-1])
            less = self._borrow(rest, divisor)
            lowered = self._sum(rest, self._complements(divisor), True)
            rest = tuple(logic.choose(less, old, new) for old, new in zip(rest, lowered, strict=True))
            quotient.insert(0, logic.differ(logic.negate(less), sign))
        other = self._sum(self._sum(divisor, self._complements(rest), True), (True,) * width, False)
        positive = tuple(logic.choose(sign, yes, no) for yes, no in zip(other, rest, strict=True))
        return Slices(tuple(quotient), a.signed), Slices(positive)

    def _borrow(self, a: Sequence[Word], b: Sequence[Word]) -> Word:
        """Return whether a < b, of unsigned planes."""
        logic, borrow = self._logic, False
        for mine, other in zip(a, b, strict=True):
            borrow = logic.majority(logic.negate(mine), other, borrow)
        return borrow

    def double(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return a << b."""
        width = width_of(interval)
        planes = a.extend(width)
        for place, plane in enumerate(b.planes):
            moved = (*(False,) * min(1 << place, width), *planes)[:width]
            planes = tuple(self._logic.choose(plane, yes, no) for yes, no in zip(moved, planes, strict=True))
        return fit(planes, interval)

    def halve(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return a >> b, rounded down."""
        planes = a.extend(max(len(a.planes), width_of(interval)))
        for place, plane in enumerate(b.planes):
            whole = Slices(planes, a.signed)
            moved = [whole.at(each + min(1 << place, LONGEST)) for each in range(len(planes))]
            planes = tuple(self._logic.choose(plane, yes, no) for yes, no in zip(moved, planes, strict=True))
        return fit(planes, interval)

    def minimum(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return the lesser one."""
        return self.where(self.less(a, b), a, b, interval)

    def maximum(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return the greater one."""
        return self.where(self.less(a, b), b, a, interval)

    def less(self, a: Slices, b: Slices, interval: Interval = (0, 1)) -> Slices:
        """Return whether a < b."""
        width = max(len(a.planes), len(b.planes)) + 1
        mine, other = list(a.extend(width)), list(b.extend(width))
        mine[-1], other[-1] = self._logic.negate(mine[-1]), self._logic.negate(other[-1])  # now both are unsigned
        return fit((self._borrow(mine, other),), interval)

    def less_equal(self, a: Slices, b: Slices, interval: Interval = (0, 1)) -> Slices:
        """Return whether a <= b."""
        return fit((self._logic.negate(self.less(b, a).truth),), interval)

    def equal(self, a: Slices, b: Slices, interval: Interval = (0, 1)) -> Slices:
        """Return whether a == b."""
        differs: Word = False
        for place in range(max(len(a.planes), len(b.planes)) + 1):
            differs = self._logic.either(differs, self._logic.differ(a.at(place), b.at(place)))
        return fit((self._logic.negate(differs),), interval)

    def where(self, condition: Slices, yes: Slices, no: Slices, interval: Interval) -> Slices:
        """Return one of two numbers."""
        width = width_of(interval)
        pairs = zip(yes.extend(width), no.extend(width), strict=True)
        return fit([self._logic.choose(condition.truth, one, other) for one, other in pairs], interval)

    def both(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return whether both hold."""
        return fit((self._logic.every(a.truth, b.truth),), interval)

    def any(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return whether one of them holds."""
        return fit((self._logic.either(a.truth, b.truth),), interval)

    def xor(self, a: Slices, b: Slices, interval: Interval) -> Slices:
        """Return whether just one of them holds."""
        return fit((self._logic.differ(a.truth, b.truth),), interval)

    def negation(self, a: Slices, interval: Interval) -> Slices:
        """Return whether it does not hold."""
        return fit((self._logic.negate(a.truth),), interval)

    def same(self, a: Slices, interval: Interval) -> Slices:
        """Return a boolean as a number."""
        return fit(a.extend(width_of(interval)), interval)

    def lookup(self, entries: Sequence[int], index: Slices, interval: Interval) -> Slices:
        """Return an entry of a table that is the same for all."""
        table = [constant(each).extend(width_of(interval)) for each in entries]
        return fit(self._entry(table, index.planes), interval)

    def _entry(self, table: Sequence[tuple[Word, ...]], index: Sequence[Word]) -> tuple[Word, ...]:
        if not index or len(table) == 1:
            return table[0]
        *lower, top = index
        half = 1 << len(lower)
        low = self._entry(table[:half], lower)
        if half >= len(table):
            return low
        high = self._entry(table[half:], lower)
        return tuple(self._logic.choose(top, yes, no) for yes, no in zip(high, low, strict=True))

    def compute(self, op: str, operands: Sequence[Slices], interval: Interval) -> Slices:
        """Return the value of an operation of `OPERATIONS`."""
        result: Slices = getattr(self, METHODS.get(op, op))(*operands, interval)
        return result


METHODS: Final = {
    "and": "both",
    "or": "any",
    "not": "negation",
    "integer": "same",
    "left": "double",
    "right": "halve",
}


def _power(divisor: Slices) -> int | None:
    """Return of which power of 2 a divisor is, where it is one of all lanes."""
    if not all(isinstance(plane, bool) for plane in divisor.planes) or sum(divisor.planes) != 1:
        return None
    return divisor.planes.index(True)
