"""Draws of a graph in many lanes: each lane's own, and only where they are needed."""

import math

from lpm_secure.engine.bitslice.code.scope import Scope
from lpm_secure.engine.bitslice.words.chances import probability
from lpm_secure.engine.bitslice.words.integers import Integers, Slices, fit, width_of
from lpm_secure.engine.bitslice.words.kernels import CHANCE
from lpm_secure.engine.bitslice.words.logic import Word
from lpm_secure.engine.bitslice.words.vectors import I64, Value, integer
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.graph.operations import Interval


def draw_happens(scope: Scope, chance: Slices, lanes: Word, generator: Value) -> Word:
    """Write whether something happens, with a probability in units of 2**-32."""
    code = scope.code
    if all(isinstance(plane, bool) for plane in chance.planes):
        number = sum(plane << place for place, plane in enumerate(chance.planes))
        if number in (0, LAW_TOTAL) or lanes is False:
            return number == LAW_TOTAL
        given = [integer(number << 32), code.word(lanes), generator]
        return code.builder.call(scope.kernels.bernoulli, given)
    slot = code.slot(count=CHANCE)
    for place in range(CHANCE):
        code.store(chance.at(place), code.at(slot, integer(place)))
    return code.builder.call(scope.kernels.chance, [slot, code.word(lanes), generator])


def draw_days(scope: Scope, law: tuple[Value, int], width: int, lanes: Word, generator: Value) -> tuple[Word, ...]:
    """Write a number of days by a law that begins in some place, and has so many days."""
    code, (place, length) = scope.code, law
    slot = _zeros(scope, width)
    with code.where_any(lanes):
        given = [code.at(scope.pointer("laws"), place, I64), integer(length), code.word(lanes)]
        code.builder.call(scope.kernels.days, [*given, slot, integer(width), generator])
    return _planes(scope, slot, width)


def draw_uniform(
    scope: Scope, low: Slices, count: Slices, lanes: Word, generator: Value, *, interval: Interval
) -> Slices:
    """Write a whole number from `low` on, of so many."""
    code, width = scope.code, len(count.planes)
    slot, bound = _zeros(scope, width), code.slot(count=width)
    for place in range(width):
        code.store(count.at(place), code.at(bound, integer(place)))
    with code.where_any(lanes):
        given = [bound, integer(width), code.word(lanes), slot, generator]
        code.builder.call(scope.kernels.uniform, given)
    return Integers(code).add(low, Slices(_planes(scope, slot, width)), interval)


def draw_exponential(scope: Scope, bits: int, lanes: Word, generator: Value, *, interval: Interval) -> Slices:
    """Write a draw of Exp(1), of which each digit is drawn by itself."""
    code = scope.code
    width = width_of(interval)
    slot = _zeros(scope, width)
    with code.where_any(lanes):
        for place in range(width):
            chance = probability(1 / (1 + math.exp(2.0 ** (place - bits))))
            given = [integer(chance), code.word(lanes), generator]
            code.store(code.builder.call(scope.kernels.bernoulli, given), code.at(slot, integer(place)))
    return fit(_planes(scope, slot, width), interval)


def _zeros(scope: Scope, width: int) -> Value:
    slot = scope.code.slot(count=max(width, 1))
    for place in range(width):
        scope.code.store(False, scope.code.at(slot, integer(place)))
    return slot


def _planes(scope: Scope, slot: Value, width: int) -> tuple[Word, ...]:
    return tuple(scope.code.load(scope.code.at(slot, integer(place))) for place in range(width))
