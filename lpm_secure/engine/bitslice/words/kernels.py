"""Functions that generated code calls: random words, draws of many lanes, sums of messages, tallies.

Security: a simulation generator. Masks, keys and privacy noise never come from here.
Source: the generator is SFC64 (Doty-Humphrey, PractRand), one in each element of a vector, as numpy has it. A word that
    is true with a given probability compares random digits with the probability's, from the highest on: Devroye 1986,
    Non-Uniform Random Variate Generation, chapter XV. Sums are carry-save (Harley and Seal).
"""

from typing import Any, Final, final

from llvmlite import ir

from lpm_secure.engine.bitslice.words.integers import Integers, Slices
from lpm_secure.engine.bitslice.words.logic import Word
from lpm_secure.engine.bitslice.words.vectors import I64, POINTER, Value, VectorCode, integer

GENERATOR: Final = 4  # words of a generator's state
PAIRED: Final = 10  # digits of a tally to which pairs are added
COUNTED: Final = 40  # digits of a tally
TALLY: Final = PAIRED + COUNTED  # words of a tally: those that wait for another one, and the digits
CHANCE: Final = 33  # planes of a probability in units of 2**-32
LONGEST: Final = 31  # planes of a uniform draw


@final
class Kernels:
    """The functions, in a module of LLVM."""

    def __init__(self, module: Any, elements: int) -> None:
        """Write all of them."""
        self._module, self._elements = module, elements
        vector = ir.VectorType(I64, elements)
        self.bernoulli = self._define("bernoulli", vector, (I64, vector, POINTER), self._bernoulli)
        self.chance = self._define("chance", vector, (POINTER, vector, POINTER), self._chance)
        self.days = self._define("days", ir.VoidType(), (POINTER, I64, vector, POINTER, I64, POINTER), self._days)
        self.uniform = self._define("uniform", ir.VoidType(), (POINTER, I64, vector, POINTER, POINTER), self._uniform)
        self.tally = self._define("tally", ir.VoidType(), (POINTER, I64, vector), self._tally)

    def _define(self, name: str, result: Any, given: tuple[Any, ...], write: Any) -> Any:
        function = ir.Function(self._module, ir.FunctionType(result, given), name)
        function.linkage = "internal"
        code = VectorCode(ir.IRBuilder(function.append_basic_block("entry")), self._elements)
        write(code, *function.args)
        return function

    def _bernoulli(self, code: VectorCode, probability: Value, lanes: Value, generator: Value) -> None:
        """Write: return the lanes in which it happens, with a probability in units of 2**-64."""
        local, out, open_ = _Generator(code, generator), code.slot(), code.slot()
        rest = code.slot(I64)
        code.store(False, out)
        code.store(lanes, open_)
        code.put(probability, rest)
        with code.loop(integer(0), integer(64)) as (_, end):
            now = code.load(rest, I64)
            undecided = code.load(open_)
            nothing = code.builder.icmp_unsigned("==", now, integer(0))
            decided = code.builder.not_(code.is_any(undecided))
            code.end_if(code.builder.or_(nothing, decided), end)
            word, digit = local.next(), code.digit(now, 63)
            differs = code.builder.xor(word, digit)
            hit = code.builder.and_(code.builder.and_(undecided, differs), digit)
            code.store(code.builder.or_(code.load(out), hit), out)
            code.store(code.every(undecided, code.complement(differs)), open_)
            code.put(code.builder.shl(now, integer(1)), rest)
        local.keep()
        code.builder.ret(code.load(out))

    def _chance(self, code: VectorCode, planes: Value, lanes: Value, generator: Value) -> None:
        """Write: return the lanes in which it happens, with each lane's own probability in units of 2**-32."""
        local, out, open_ = _Generator(code, generator), code.slot(), code.slot()
        sure = code.load(code.at(planes, integer(CHANCE - 1)))
        code.store(code.every(sure, lanes), out)
        code.store(code.every(code.complement(sure), lanes), open_)
        with code.loop(integer(0), integer(CHANCE - 1)) as (place, end):
            undecided = code.load(open_)
            code.end_if(code.builder.not_(code.is_any(undecided)), end)
            digit = code.load(code.at(planes, code.builder.sub(integer(CHANCE - 2), place)))
            differs = code.builder.xor(local.next(), digit)
            hit = code.builder.and_(code.builder.and_(undecided, differs), digit)
            code.store(code.builder.or_(code.load(out), hit), out)
            code.store(code.every(undecided, code.complement(differs)), open_)
        local.keep()
        code.builder.ret(code.load(out))

    def _days(self, code: VectorCode, *given: Value) -> None:
        """Write: add to planes which day it is, by the probability of each day given that it is none before."""
        law, count, lanes, out, width, generator = given
        open_ = code.slot()
        code.store(lanes, open_)
        last = code.builder.sub(count, integer(1))
        with code.loop(integer(0), count) as (day, end):
            undecided = code.load(open_)
            code.end_if(code.builder.not_(code.is_any(undecided)), end)
            probability = code.load(code.at(law, day, I64), I64)
            drawn = code.builder.call(self.bernoulli, [probability, undecided, generator])
            hit = code.builder.select(code.builder.icmp_signed("==", day, last), undecided, drawn)
            code.store(code.every(undecided, code.complement(hit)), open_)
            number = code.builder.add(day, integer(1))
            with code.loop(integer(0), width) as (place, _):
                digit = code.broadcast(
                    code.builder.sub(integer(0), code.builder.and_(code.builder.lshr(number, place), integer(1)))
                )
                to = code.at(out, place)
                code.store(code.either(code.load(to), code.every(hit, digit)), to)
        code.builder.ret_void()

    def _uniform(self, code: VectorCode, *given: Value) -> None:
        """Write: add to planes a number below each lane's count, each as likely; what is not below is drawn anew."""
        count, width, lanes, out, generator = given
        open_, drawn, borrow = code.slot(), code.slot(count=LONGEST + 1), code.slot()
        code.store(lanes, open_)
        local = _Generator(code, generator)
        with code.loop(integer(0), integer(2**62)) as (_, end):
            undecided = code.load(open_)
            code.end_if(code.builder.not_(code.is_any(undecided)), end)
            code.store(False, borrow)
            with code.loop(integer(0), width) as (place, _):
                word, bound = local.next(), code.load(code.at(count, place))
                code.store(word, code.at(drawn, place))
                code.store(code.majority(code.complement(word), bound, code.load(borrow)), borrow)
            below = code.every(undecided, code.load(borrow))
            code.store(code.every(undecided, code.complement(below)), open_)
            with code.loop(integer(0), width) as (place, _):
                to = code.at(out, place)
                code.store(code.either(code.load(to), code.every(below, code.load(code.at(drawn, place)))), to)
        local.keep()
        code.builder.ret_void()

    def _tally(self, code: VectorCode, tally: Value, number: Value, lanes: Value) -> None:
        """Write: count the lanes of the word of a number, counted from 0; a digit takes two words at a time."""
        carry = code.slot()
        code.store(lanes, carry)
        digits = code.at(tally, integer(PAIRED))
        with code.loop(integer(0), integer(PAIRED)) as (place, _):
            waiting = code.at(tally, place)
            odd = code.builder.trunc(code.builder.lshr(number, place), ir.IntType(1))
            with code.builder.if_then(code.builder.not_(odd)):
                code.store(code.load(carry), waiting)
                code.builder.ret_void()
                unreachable = code.builder.function.append_basic_block("unreachable")
                code.builder.position_at_end(unreachable)
            to = code.at(digits, place)
            one, two, three = code.load(to), code.load(waiting), code.load(carry)
            code.store(code.differ(code.differ(one, two), three), to)
            code.store(code.majority(one, two, three), carry)
        with code.loop(integer(PAIRED), integer(COUNTED)) as (place, end):
            word, to = code.load(carry), code.at(digits, place)
            code.end_if(code.builder.not_(code.is_any(word)), end)
            before = code.load(to)
            code.store(code.differ(before, word), to)
            code.store(code.every(before, word), carry)
        code.builder.ret_void()


@final
class _Generator:
    """A generator in registers: `next` is a random word; `keep` writes its state back."""

    def __init__(self, code: VectorCode, pointer: Value) -> None:
        self._code, self._pointer = code, pointer
        self._slots = [code.slot() for _ in range(GENERATOR)]
        for place, slot in enumerate(self._slots):
            code.store(code.load(code.at(pointer, integer(place))), slot)

    def next(self) -> Value:
        """Return a random word."""
        code, build = self._code, self._code.builder
        a, b, c, counter = (code.load(slot) for slot in self._slots)
        word = build.add(build.add(a, b), counter)
        turned = build.or_(build.shl(c, code.spread(24)), build.lshr(c, code.spread(40)))
        new = (
            build.xor(b, build.lshr(b, code.spread(11))),
            build.add(c, build.shl(c, code.spread(3))),
            build.add(turned, word),
            build.add(counter, code.spread(1)),
        )
        for slot, value in zip(self._slots, new, strict=True):
            code.store(value, slot)
        return word

    def keep(self) -> None:
        """Write the state back."""
        for place, slot in enumerate(self._slots):
            self._code.store(self._code.load(slot), self._code.at(self._pointer, integer(place)))


def sum_row(
    code: VectorCode, row: Value, edges: tuple[Value, Value, Value], message: Value, *, digits: int, weighted: int = 0
) -> Slices:
    """Write the sum of what the ends of a row's edges say, and return its planes.

    Args:
        code: of a function.
        row: its number.
        edges: of compressed rows: where each begins, the other ends, and weights.
        message: words by end.
        digits: planes that hold the sum.
        weighted: digits of a weight; 0 where all are 1.
    """
    starts, ends, weights = edges
    integers, sums = Integers(code), [code.slot() for _ in range(digits)]
    for slot in sums:
        code.store(False, slot)
    low, high = (code.load(code.at(starts, code.builder.add(row, integer(each)), I64), I64) for each in (0, 1))
    first = low
    if not weighted:
        pairs = code.builder.add(low, code.builder.ashr(code.builder.sub(high, low), integer(1)))
        with code.loop(low, pairs) as (step, _):
            edge = code.builder.sub(code.builder.shl(step, integer(1)), low)
            one, other = (_said(code, ends, message, code.builder.add(edge, integer(each))) for each in (0, 1))
            before = code.load(sums[0])
            code.store(code.differ(code.differ(before, one), other), sums[0])
            _carry(code, code.majority(before, one, other), sums[1:])
        first = code.builder.sub(code.builder.shl(pairs, integer(1)), low)
    with code.loop(first, high) as (edge, _):
        said = _said(code, ends, message, edge)
        if not weighted:
            _carry(code, said, sums)
        else:
            weight = code.load(code.at(weights, edge, I64), I64)
            addend = Slices(tuple(code.every(said, code.digit(weight, place)) for place in range(weighted)))
            total = integers.add(Slices(tuple(map(code.load, sums))), addend, (0, 2**digits - 1))
            for slot, plane in zip(sums, total.planes, strict=True):
                code.store(plane, slot)
    return Slices(tuple(map(code.load, sums)))


def _said(code: VectorCode, ends: Value, message: Value, edge: Value) -> Word:
    end = code.builder.sext(code.load(code.at(ends, edge, ir.IntType(32)), ir.IntType(32)), I64)
    return code.load(code.at(message, end))


def _carry(code: VectorCode, word: Word, sums: list[Value]) -> None:
    """Write the addition of one digit."""
    for slot in sums:
        before = code.load(slot)
        code.store(code.differ(before, word), slot)
        word = code.every(before, word)
