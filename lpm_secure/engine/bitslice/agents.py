"""Agents in many runs at once: the same people and meetings, and draws of each run's own."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, final

import numpy as np
from msgspec.structs import replace

from lpm_secure.engine.bitslice.code.program import Program
from lpm_secure.engine.bitslice.code.scope import BLOCK
from lpm_secure.engine.bitslice.lane_model import LaneModel, elements_of
from lpm_secure.engine.bitslice.meetings import Arrays
from lpm_secure.engine.bitslice.words.chances import law_chances
from lpm_secure.engine.bitslice.words.integers import width_of
from lpm_secure.engine.bitslice.words.kernels import COUNTED, GENERATOR, PAIRED, TALLY
from lpm_secure.engine.bitslice.words.machine import Machine
from lpm_secure.engine.bitslice.words.vectors import BITS
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ParameterError
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.interpreter import Inputs, evaluate

MOST: Final = 512  # lanes: bits of the longest vector
LINE: Final = 64  # bytes of a cache line
NOTHING: Final[Mapping[str, Any]] = {}
Publics = Mapping[str, I64]


@final
class LaneAgents:
    """n agents in the clear, in as many runs as there are lanes, each of which obeys the law of `VenueAgents`.

    A lane is no run of a seed: its bits depend on the key, and not on the number of threads.

    Attributes:
        step: steps done.
        lanes: how many runs.
        totals: int64[lanes, q], of stages and observables, in the order of `tally_of`.
        arrivals: int64[lanes, places, e], who arrived in a stage in the last step.
    """

    def __init__(
        self,
        model: LaneModel,
        *,
        lanes: int,
        key: bytes,
        places: np.ndarray[Any, Any] | None = None,
        arrivals: Sequence[int] = (),
        threads: int = 1,
    ) -> None:
        """Draw the agents' beginning.

        Args:
            model: whose runs can be computed many at once.
            lanes: runs, 1 to 512.
            key: of the simulation generator.
            places: by which arrivals are counted, [n]; one for all without it.
            arrivals: stages of the first field of stages, into which arrivals are counted.
            threads: how many share the work.

        Raises:
            ParameterError: there are too many lanes.
        """
        if not 1 <= lanes <= MOST:
            raise ParameterError(f"got {lanes} runs at once; 1 to {MOST} fit")
        self._model, self._parameters, self._meetings = model.bound, model.parameters, model.meetings
        self._plan, self._n, self._steps = model.plan, model.n, model.steps
        self.lanes, self._elements = lanes, elements_of(lanes)
        graph = self._model.graph
        field = min((name for name, each in graph.fields.items() if each.stages), default="")
        self._program = Program(self._plan, self._elements, self._n, (field, tuple(arrivals)))
        self._machine = Machine(self._program.module)
        self._places = 1 if places is None else int(places.max(initial=0)) + 1
        self._key, self.step = key, 0
        self._threads, self._pool = threads, ThreadPoolExecutor(threads)
        self._public: Publics = {name: np.full(self._width, low) for name, (low, _) in graph.public.items()}
        self._allocate(model.columns, places)
        self._begin()

    @property
    def _width(self) -> int:
        """How many lanes are computed."""
        return self._elements * BITS

    def update(self, public: Publics = NOTHING) -> None:
        """Move on by one step; of each public number int64[lanes].

        Raises:
            ParameterError: the model was bound for fewer steps.
        """
        if self.step >= self._steps:
            raise ParameterError(f"step {self.step + 1} of runs that were bound for {self._steps}; bind more")
        self._public = {
            name: np.resize(np.asarray(value, dtype=np.int64), self._width) for name, value in public.items()
        }
        self._arrays["common"] = self._commons()
        self._move_uniform()
        self._arrays |= self._meetings.contacts(self.step)
        if self._meetings.varies():
            self._arrays["chances"] = self._chances()
        self.step += 1
        self._arrays["after"] = self._commons()
        self._pass("advance")

    def _allocate(self, private: Mapping[str, I64], places: np.ndarray[Any, Any] | None) -> None:
        n, elements, program = self._n, self._elements, self._program
        laws = [law_chances(self._model.entries(number)) for number in program.tables.laws]
        self._arrays: Arrays = {
            "state": _aligned((n, max(self._plan.planes, 1), elements)),
            "laws": np.concatenate([np.zeros(0, dtype=np.uint64), *laws]),
            "places": np.zeros(n, np.int64) if places is None else places.astype(np.int64),
            "chances": self._chances(),
            **self._meetings.arrays(),
            **self._meetings.contacts(0),
        }
        roots = {self._model.graph.messages[name] for name in self._plan.channels}
        self._arrays |= {f"{kind} {root}": _aligned((n, elements)) for root in roots for kind in ("said", "next")}
        for link, term in self._plan.meetings.links.items():
            width = max(term.digits, 1) * (2 if term.scale else 1)
            self._arrays[f"sums {link}"] = _aligned((self._meetings.venues[link] + 1, width, elements))
        source = DrawSource(np.arange(n, dtype=np.uint64), 0, (0, 0))
        for number, name in program.tables.columns.items():
            graph = replace(self._model.graph, totals={"column": number})
            inputs = Inputs(private, self._parameters, source)
            self._arrays[name] = evaluate(graph, ("totals",), inputs)["totals"]["column"].astype(np.int64)
        always, per = len(program.counts), len(program.arrivals[1])
        self._tallies = [_aligned((always + per * self._places, TALLY, elements)) for _ in range(self._threads)]
        self._counters = [np.zeros(1 + self._places, dtype=np.int64) for _ in range(self._threads)]

    def _begin(self) -> None:
        graph = self._model.graph
        roots = {name: graph.begin[name] for name in self._model.uniform}
        inputs = Inputs({}, self._parameters, self._source())
        begun = evaluate(replace(graph, begin=roots), ("begin",), inputs)["begin"]
        self._uniform = {name: np.resize(value, self._width) for name, value in begun.items()}
        self._arrays["common"] = self._arrays["after"] = self._commons()
        self._pass("begin")

    def _source(self) -> DrawSource:
        return DrawSource(np.zeros(self._width, np.uint64), self.step, (0, 0))

    def _commons(self) -> U64:
        """Return the planes of what all agents share."""
        tables, graph = self._program.tables, self._model.graph
        if not tables.commons:
            return np.zeros(1, dtype=np.uint64)
        wanted = {f"common_{number}": number for number in tables.commons}
        public: Any = self._public
        inputs = Inputs(self._uniform, self._parameters, self._source(), public=public)
        values = evaluate(replace(graph, totals=wanted), ("totals",), inputs)["totals"]
        planes = np.zeros((tables.width, self._elements), dtype=np.uint64)
        for number, first in tables.commons.items():
            value = np.resize(values[f"common_{number}"].astype(np.int64), self._width)
            for place in range(width_of(self._model.intervals[number])):
                bits = (value >> min(place, 63) & 1).astype(np.uint8)
                planes[first + place] = np.packbits(bits, bitorder="little").view(np.uint64)
        return planes

    def _move_uniform(self) -> None:
        graph = self._model.graph
        roots = {name: graph.update[name] for name in self._uniform if name in graph.update}
        public: Any = self._public
        inputs = Inputs(self._uniform, self._parameters, self._source(), public=public)
        moved = evaluate(replace(graph, update=roots), ("update",), inputs)["update"]
        self._uniform = {name: np.resize(moved.get(name, value), self._width) for name, value in self._uniform.items()}

    def _chances(self) -> U64:
        return self._meetings.chances(self._program.tables.chances, self._plan.memoryless, self.step)

    def _pass(self, name: str) -> None:
        """Call a function for all agents, add up what they say, and count."""
        blocks = -(-self._n // BLOCK)
        self._arrays["generators"] = generators(self._key, step=self.step, blocks=blocks, elements=self._elements)
        for tally, counter in zip(self._tallies, self._counters, strict=True):
            tally[:], counter[:] = 0, 0
        self._each(name, blocks)
        for thread in range(self._threads):
            self._machine.call("rest", (0, 1 + self._places), self._pointers(thread))
        for link, count in self._meetings.venues.items():
            self._each(f"sum {link}", count)
        for each in [each for each in self._arrays if each.startswith("said ")]:
            other = f"next {each.removeprefix('said ')}"
            self._arrays[each], self._arrays[other] = self._arrays[other], self._arrays[each]
        self._count()

    def _each(self, name: str, count: int) -> None:
        cuts = [count * each // self._threads for each in range(self._threads + 1)]

        def call(thread: int) -> None:
            self._machine.call(name, (cuts[thread], cuts[thread + 1]), self._pointers(thread))

        list(self._pool.map(call, range(self._threads)))

    def _pointers(self, thread: int) -> list[int]:
        own = {"tallies": self._tallies[thread], "counters": self._counters[thread]}
        arrays = self._arrays | own
        return [arrays[name].ctypes.data for name in self._program.pointers]

    def _count(self) -> None:
        """Read what was counted."""
        digits = np.sum([_numbers(tally[:, PAIRED:], self.lanes) for tally in self._tallies], axis=0)
        graph, rows, columns = self._model.graph, iter(digits), list[I64]()
        for _, each in sorted(graph.fields.items()):
            if each.stages:
                counted = [next(rows) for _ in each.stages[1:]]
                left = np.full(self.lanes, self._n) - np.sum(counted, axis=0, dtype=np.int64)
                columns += [*counted, left]
        for _, root in sorted(graph.totals.items()):
            low, high = self._model.intervals[root]
            width = width_of((low, high))
            signs = [-1 if low < 0 and place == width - 1 else 1 for place in range(width)]
            parts = [sign * (next(rows) << place) for place, sign in enumerate(signs)]
            columns.append(np.sum(parts, axis=0, dtype=np.int64) if parts else np.zeros(self.lanes, np.int64))
        self.totals: I64 = np.stack(columns, axis=1)
        arrived = np.array(list(rows), dtype=np.int64).reshape(self._places, -1, self.lanes)
        self.arrivals: I64 = np.moveaxis(arrived, 2, 0)


def generators(key: bytes, *, step: int, blocks: int, elements: int) -> U64:
    """Return the state of each block's generators in a step, uint64[blocks, 4, elements]: no two are alike.

    They depend on the key, the step, the block and the element of a word, and on nothing else.
    """
    digest = hashlib.sha256(key + step.to_bytes(8, "little")).digest()
    stream = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
    states = np.ones((blocks, GENERATOR, elements), dtype=np.uint64)
    drawn = stream.random_raw(blocks * (GENERATOR - 1) * elements)
    states[:, :-1] = drawn.reshape(blocks, -1, elements)
    return states


def _numbers(tally: U64, lanes: int) -> I64:
    """Return the number of each lane, int64[sums, lanes], of planes uint64[sums, digits, elements]."""
    bits = np.unpackbits(np.ascontiguousarray(tally).view(np.uint8), axis=2, bitorder="little")[:, :, :lanes]
    weights = np.left_shift(np.int64(1), np.arange(COUNTED, dtype=np.int64))
    numbers: I64 = np.einsum("sdl,d->sl", bits.astype(np.int64), weights)
    return numbers


def _aligned(shape: tuple[int, ...]) -> U64:
    """Return zeros that begin at a cache line."""
    size = int(np.prod(shape))
    whole = np.zeros(size + LINE // 8, dtype=np.uint64)
    first = -(whole.ctypes.data // 8) % (LINE // 8)
    return whole[first : first + size].reshape(shape)
