"""Words as vectors of LLVM: the logic of generated code, and the loops and branches that it is made of."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, final

from llvmlite import ir

from lpm_secure.engine.bitslice.words.logic import Logic, Word

BITS: Final = 64  # of an element of a vector
I64: Final = ir.IntType(BITS)
I1: Final = ir.IntType(1)
POINTER: Final = ir.PointerType()
Value = Any  # of LLVM


@final
class VectorCode(Logic):
    """A function's code, where a word is a vector of so many elements of 64 lanes.

    Attributes:
        builder: at the end of what has been written.
        vector: the type of a word.
        elements: of it.
    """

    def __init__(self, builder: Any, elements: int) -> None:
        """Write where a builder stands."""
        self.builder, self.elements = builder, elements
        self.vector = ir.VectorType(I64, elements)

    def conjunction(self, a: Word, b: Word) -> Word:
        """Return `a & b`."""
        return self.builder.and_(a, b)

    def disjunction(self, a: Word, b: Word) -> Word:
        """Return `a | b`."""
        return self.builder.or_(a, b)

    def difference(self, a: Word, b: Word) -> Word:
        """Return `a ^ b`."""
        return self.builder.xor(a, b)

    def complement(self, a: Word) -> Word:
        """Return `~a`."""
        return self.builder.xor(a, self.spread(-1))

    def word(self, word: Word) -> Value:
        """Return a word as a vector, whether or not it is known."""
        return self.spread(-int(word)) if isinstance(word, bool) else word

    def spread(self, number: int) -> Value:
        """Return the vector whose elements are all one number."""
        return ir.Constant(self.vector, [number] * self.elements)

    def broadcast(self, element: Value) -> Value:
        """Return the vector whose elements are all one value."""
        first = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), element, ir.Constant(I64, 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.elements), [0] * self.elements)
        return self.builder.shuffle_vector(first, first, lanes)

    def digit(self, number: Value, place: int) -> Value:
        """Return the plane of a digit of a number that all lanes share."""
        moved = self.builder.ashr(self.builder.shl(number, integer(BITS - 1 - place)), integer(BITS - 1))
        return self.broadcast(moved)

    def is_any(self, word: Word) -> Value:
        """Return whether a word is true in some lane."""
        if isinstance(word, bool):
            return ir.Constant(I1, int(word))
        each = self.builder.icmp_unsigned("!=", word, self.spread(0))
        mask = ir.IntType(self.elements)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(each, mask), ir.Constant(mask, 0))

    @contextmanager
    def where_any(self, word: Word) -> Iterator[None]:
        """Write what is done if a word is true in some lane."""
        with self.builder.if_then(self.is_any(word)):
            yield

    def slot(self, kind: Any = None, count: int = 1) -> Value:
        """Return memory of the function, of words unless said otherwise."""
        with self.builder.goto_entry_block():
            return self.builder.alloca(kind or self.vector, size=integer(count))

    def at(self, pointer: Value, index: Value, kind: Any = None) -> Value:
        """Return the place of an entry of an array, of words unless said otherwise."""
        return self.builder.gep(pointer, [index], source_etype=kind or self.vector)

    def load(self, pointer: Value, kind: Any = None) -> Value:
        """Return what is in a place, a word unless said otherwise."""
        return self.builder.load(pointer, typ=kind or self.vector, align=8)

    def store(self, word: Word, pointer: Value) -> None:
        """Write a word into its place."""
        self.builder.store(self.word(word), pointer, align=8)

    def put(self, number: Value, pointer: Value) -> None:
        """Write a number into its place."""
        self.builder.store(number, pointer, align=8)

    @contextmanager
    def loop(self, low: Value, high: Value) -> Iterator[tuple[Value, Any]]:
        """Write what is done for each number in [low, high); yields it, and the block to which whoever ends it goes."""
        function, counter = self.builder.function, self.slot(I64)
        head, body, end = (function.append_basic_block(name) for name in ("head", "body", "end"))
        self.put(low, counter)
        self.builder.branch(head)
        self.builder.position_at_end(head)
        now = self.load(counter, I64)
        self.builder.cbranch(self.builder.icmp_signed("<", now, high), body, end)
        self.builder.position_at_end(body)
        yield now, end
        self.put(self.builder.add(now, integer(1)), counter)
        self.builder.branch(head)
        self.builder.position_at_end(end)

    def end_if(self, condition: Value, end: Any) -> None:
        """End a loop if a condition holds."""
        after = self.builder.function.append_basic_block("after")
        self.builder.cbranch(condition, end, after)
        self.builder.position_at_end(after)


def integer(number: int) -> Any:
    """Return a number as code has it."""
    return ir.Constant(I64, number)
