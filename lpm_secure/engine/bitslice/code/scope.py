"""A generated function: its code, its memory, and the arrays that it is given."""

from typing import Any, Final, final

from llvmlite import ir

from lpm_secure.engine.bitslice.words.kernels import GENERATOR, Kernels
from lpm_secure.engine.bitslice.words.vectors import I64, POINTER, Value, VectorCode, integer

BLOCK: Final = 4096  # agents that one stream of random words is for


@final
class Scope:
    """A function of a range of numbers and an array of pointers.

    Attributes:
        code: of it.
        kernels: that it calls.
        span: the first number, and the one after the last.
    """

    def __init__(self, module: Any, name: str, kernels: Kernels, elements: int, pointers: dict[str, int]) -> None:
        """Begin; the place of each array that it takes is noted in `pointers`."""
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), (I64, I64, POINTER)), name)
        self.code = VectorCode(ir.IRBuilder(function.append_basic_block("entry")), elements)
        self.kernels, self._pointers = kernels, pointers
        *span, self._given = function.args
        self.span: tuple[Value, Value] = (span[0], span[1])
        self._loaded: dict[str, Value] = {}
        self.code.builder.branch(start := function.append_basic_block("start"))
        self.code.builder.position_at_end(start)

    def pointer(self, name: str) -> Value:
        """Return an array by its name."""
        if name not in self._loaded:
            place = integer(self._pointers.setdefault(name, len(self._pointers)))
            with self.code.builder.goto_entry_block():
                self._loaded[name] = self.code.load(self.code.at(self._given, place, POINTER), POINTER)
        return self._loaded[name]

    def word(self, name: str, index: Value, width: int, offset: int) -> Value:
        """Return the place of a word: of so many for each index the one at an offset."""
        build = self.code.builder
        place = build.add(build.mul(index, integer(width)), integer(offset))
        return self.code.at(self.pointer(name), place)

    def number(self, name: str, index: Value) -> Value:
        """Return a number of an array of 64 bits each."""
        return self.code.load(self.code.at(self.pointer(name), index, I64), I64)

    def generator(self, block: Value) -> Value:
        """Return a copy of the generator of a block of agents."""
        slot = self.code.slot(count=GENERATOR)
        for place in range(GENERATOR):
            word = self.code.load(self.word("generators", block, GENERATOR, place))
            self.code.store(word, self.code.at(slot, integer(place)))
        return slot
