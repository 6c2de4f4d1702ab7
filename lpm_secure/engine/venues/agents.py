"""Agents of any model who meet in venues or along contacts, compiled from its graph: the bits of `ModelAgents`."""

from collections.abc import Callable, Mapping
from typing import Any, Final, final

import msgspec
import numpy as np

from lpm_secure.engine.backends.field_ranges import ranges_of
from lpm_secure.engine.backends.folding import beginning_of
from lpm_secure.engine.backends.numba_backend import NumbaBackend, compile_module, law_bounds, table_of
from lpm_secure.engine.backends.step_plan import plan_of
from lpm_secure.engine.backends.step_source import write
from lpm_secure.engine.kernels.draws import key_of
from lpm_secure.engine.kernels.exposure import Traversal
from lpm_secure.engine.kernels.workers import Span, Workers
from lpm_secure.engine.model_agents import EMPTY, STEPS
from lpm_secure.engine.venues.channels import VenueChannels
from lpm_secure.engine.venues.contacts import SIGNED, ContactExposures, fitting
from lpm_secure.engine.venues.sums import VenueSums
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ParameterError
from protocols.models.graph import ModelGraph
from protocols.models.graph.bounds import bounds_of, growth_bound, prove_levels
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.inputs import check_columns, check_parameters, check_public
from protocols.models.graph.interpreter import Inputs, evaluate
from protocols.models.graph.operations import Interval

TOGETHER: Final = 2**17  # agents that are drawn at a time
NOBODY: Final[U64] = np.zeros(0, dtype=np.uint64)


@final
class VenueAgents:
    """n agents in the clear, on the CPU. The bits do not depend on the number of threads.

    Attributes:
        step: steps done.
    """

    def __init__(
        self,
        graph: ModelGraph,
        parameters: Mapping[str, int | tuple[int, ...]],
        channels: VenueChannels,
        *,
        key: tuple[int, int],
        agents: U64 | int = 0,
        columns: Mapping[str, Any] = EMPTY,
        steps: int = STEPS,
        threads: int = 1,
        route: Traversal = Traversal.AUTO,
        filters: bool = True,
    ) -> None:
        """Draw the agents' beginning.

        Args:
            graph: of the model, checked and proved.
            parameters: an integer of each, or a law's weights.
            channels: where each of the model's channels meets.
            key: of the simulation generator.
            agents: their numbers, uint64[n], or the first of consecutive ones.
            columns: whole numbers [n] of each private column.
            steps: that the run has at most: levels that add up without end are proved for so many.
            threads: how many share the work.
            route: how to add up what is told along contacts.
            filters: whether agents with contacts are passed over where nothing can change of them.

        Raises:
            DataError: a column is missing or out of its range.
            ParameterError: a parameter is missing or out of its range, or a channel meets nowhere.
            WouldWrap: an outcome's level could leave its proved range.
        """
        n = channels.venues.n
        self._graph, self._parameters, self._steps = graph, check_parameters(graph, parameters), steps
        degree = channels.degree_of(graph)
        prove_levels(graph, degree=degree, steps=steps, parameters=self._parameters, saturate=True)
        self._sums = VenueSums(channels, graph, self._parameters, threads=threads)
        self._workers, self._member = Workers(n, threads), channels.venues.member
        self._heard = ContactExposures(channels.contacts, graph, self._workers, route=route)
        self._numbers = (NOBODY, np.uint64(agents)) if isinstance(agents, int) else (agents, np.uint64(0))
        self._key, self.step = key, 0
        self._ranges = ranges_of(graph, self._parameters)
        self._plan = plan_of(graph, self._sums.shapes, contacts=self._heard.names, filters=filters, ranges=self._ranges)
        self._source = write(self._plan)
        self._module = compile_module(self._source.text)
        private = check_columns(graph, columns, n)
        self._tables = tuple(table_of(node, self._parameters) for node in self._source.tables)
        self._laws = tuple(law_bounds(node, self._parameters) for node in self._source.laws)
        self._uniform = self._begin_uniform()
        self._begin(private, threads, degree)
        self._stages = [name for name in sorted(graph.fields) if graph.fields[name].stages]
        self._counts = (
            np.stack([self._count(name) for name in self._stages]) if self._stages else np.zeros((0, 1), np.int64)
        )
        self._public: dict[str, int] = {name: low for name, (low, _) in graph.public.items()}
        self._send()
        self._advancer()(0, (0, 0), np.zeros_like(self._counts))  # of nobody: it is compiled here, and not in a step

    def tally(self) -> I64:
        """Return the totals of the model's stages, and of its observables, int64[q], in the order of `tally_of`."""
        stages = [
            row[: len(self._graph.fields[name].stages)] for name, row in zip(self._stages, self._counts, strict=True)
        ]
        return np.concatenate([*stages, self._totals]).astype(np.int64)

    @property
    def stage(self) -> np.ndarray[Any, Any]:
        """Values of the first field of stages, [n]; the engine's own memory, for reading."""
        return self.column(self._stages[0]) if self._stages else np.zeros(len(self._member), dtype=np.uint8)

    @property
    def text(self) -> str:
        """Text of the loops that compute a step."""
        return self._source.text

    @property
    def routes(self) -> Mapping[Traversal, int]:
        """How often each route along contacts was taken."""
        return self._heard.routes

    @property
    def exposures(self) -> tuple[np.ndarray[Any, Any], ...]:
        """What reaches agents on each channel along contacts, partial sums by thread; the engine's own memory."""
        return self._heard.exposures

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that are held: those that never change may be drawn anew instead."""
        return self._plan.stored

    def column(self, name: str) -> np.ndarray[Any, Any]:
        """Return a field that is held, [n], for reading.

        Raises:
            ParameterError: it is not held: it never changes, or nothing reads it.
        """
        if name not in self._plan.stored:
            raise ParameterError(f"{name} is not held; {', '.join(self._plan.stored)} are")
        view = self._fields[self._plan.stored.index(name)].view()
        view.flags.writeable = False
        return view

    def cell_totals(self, channel: str) -> I64:
        """Return what agents say to each venue of a cell channel, int64[v]; of none where it meets nowhere."""
        return self._sums.cell_totals(channel)

    def update(self, public: Mapping[str, int] = EMPTY, *, everybody: Mapping[str, I64] = EMPTY) -> None:
        """Move on by one step.

        Args:
            public: the environment's numbers.
            everybody: int64[v] of a cell channel, what all say there, others than these agents too.

        Raises:
            ParameterError: a public number is missing, or out of its range; or the run has no more steps.
        """
        if self.step >= self._steps:
            raise ParameterError(
                f"the run has {self._steps} steps, for which its levels are proved; set it up for more"
            )
        self._public = check_public(self._graph.public, public)
        for name, totals in everybody.items():
            self._sums.replace_totals(name, totals)
        advance, changes = self._advancer(), np.zeros((len(self._workers), *self._counts.shape), dtype=np.int64)
        self._workers.each(lambda thread, span: advance(thread, span, changes[thread]))
        self._counts += changes.sum(axis=0)
        self._move_uniform()
        self.step += 1
        if self._plan.said is None:
            self._send()
        else:
            self._heard.add_up(self.step)

    def _advancer(self) -> Callable[[int, Span, I64], None]:
        """Return what moves a range of agents on by the step that comes, and adds up who changed stages."""
        received = (*self._sums.inputs_of(self.step, self._source.factors), self._heard.exposures)
        state, given, agents = (self._fields, self._levels), self._given(), (*self._numbers, key_of(self._key))
        advance, member, now = self._module.advance, self._member, np.int64(self.step)
        told = [self._heard.outputs(each) for each in range(len(self._workers))]
        return lambda thread, span, change: advance(
            span, agents, now, state, given, member, received, told[thread], change
        )

    def _send(self) -> None:
        """Add up what all say in the step that comes, and what is observed of them."""
        sums = np.zeros((len(self._workers), len(self._graph.observables)), dtype=np.int64)
        given, agents = self._given(), (*self._numbers, key_of(self._key))
        send, member, now, fields = self._module.send, self._member, np.int64(self.step), self._fields
        total = self._sums.begin()
        outs = [(total[each], sums[each], self._heard.outputs(each)) for each in range(len(self._workers))]
        self._workers.each(lambda thread, span: send(span, agents, now, fields, given, member, *outs[thread]))
        self._sums.add_up(self.step)
        self._heard.add_up(self.step)
        self._totals: I64 = sums.sum(axis=0)

    def _given(self) -> tuple[Any, ...]:
        held = {"parameter": self._parameters, "public": self._public, "field": self._uniform}
        return tuple(np.int64(held[op][name]) for op, name in self._source.scalars), self._tables, self._laws

    def _begin(self, private: Mapping[str, I64], threads: int, degree: int) -> None:
        """Draw what is held for each agent, so many at a time that their numbers of 64 bits are no matter."""
        graph, plan, n = self._graph, self._plan, len(self._member)
        fields = {name: np.empty(n, dtype=smallest_type(self._ranges[name])) for name in plan.stored}
        drawn = [name for name in plan.stored if name not in private]
        levels = {name: np.zeros(n, dtype=self._level_type(name, degree)) for name in plan.lasting}
        levels |= {name: np.zeros(n, dtype=np.int64) for name in plan.adding}
        backend = NumbaBackend(beginning_of(graph, drawn), threads=threads)
        for first in range(0, n, TOGETHER):
            rows = slice(first, min(first + TOGETHER, n))
            own = {name: np.ascontiguousarray(values[rows]) for name, values in private.items()}
            inputs = Inputs(own, self._parameters, DrawSource(self._numbers_of(rows), 0, self._key))
            into = {("begin", name): fields[name][rows] for name in drawn}
            into |= {("thresholds", name): levels[name][rows] for name in plan.lasting}
            backend.evaluate(("begin", "thresholds"), inputs, into=into)
            for name in own.keys() & fields.keys():
                fields[name][rows] = own[name]
        self._fields, self._levels = tuple(fields.values()), tuple(levels.values())

    def _level_type(self, name: str, degree: int) -> Any:
        """Return the smallest type of what is left of a threshold: it is less than 0 by one step's growth at most."""
        graph, bounds = self._graph, bounds_of(self._graph, self._ranges)
        growth = growth_bound(graph, name, degree=degree, parameters=self._parameters)
        weight = bounds[graph.weights[name]][1] if name in graph.weights else 1
        return fitting(SIGNED[2:], max(growth * weight, bounds[graph.thresholds[name]][1]))

    def _numbers_of(self, rows: slice) -> U64:
        numbers, base = self._numbers
        return numbers[rows] if numbers.size else np.arange(rows.start, rows.stop, dtype=np.uint64) + base

    def _begin_uniform(self) -> dict[str, int]:
        graph = beginning_of(self._graph, self._plan.uniform)
        begun = evaluate(graph, ("begin",), Inputs({}, self._parameters, DrawSource(np.zeros(1, np.uint64), 0, (0, 0))))
        return {name: int(begun["begin"][name][0]) for name in self._plan.uniform}

    def _move_uniform(self) -> None:
        source = DrawSource(np.zeros(1, np.uint64), self.step, (0, 0))
        state = {name: np.array([value]) for name, value in self._uniform.items()}
        inputs = Inputs(state, self._parameters, source, public=self._public)
        roots = {name: self._graph.update[name] for name in self._uniform if name in self._graph.update}
        graph = msgspec.structs.replace(self._graph, update=roots)
        self._uniform |= {name: int(value[0]) for name, value in evaluate(graph, ("update",), inputs)["update"].items()}

    def _count(self, name: str) -> I64:
        most = max(len(self._graph.fields[each].stages) for each in self._stages)
        return np.array([np.count_nonzero(self.column(name) == value) for value in range(most)], dtype=np.int64)

    def save(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what a checkpoint needs: arrays that `load` takes; the large ones are the engine's own memory."""
        small = {"step": np.array(self.step), "counts": self._counts}
        small["uniform"] = np.array(list(self._uniform.values()), dtype=np.int64)
        return self._held() | small

    def _held(self) -> dict[str, np.ndarray[Any, Any]]:
        levels = zip((*self._plan.lasting, *self._plan.adding), self._levels, strict=True)
        fields = {f"field_{name}": values for name, values in zip(self._plan.stored, self._fields, strict=True)}
        return fields | {f"level_{name}": values for name, values in levels}

    def load(self, saved: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Go on from what `save` returned, for agents made with the same arguments.

        Raises:
            ParameterError: it is of other agents.
        """
        for name, array in self.save().items():
            if name not in saved or saved[name].shape != array.shape:
                raise ParameterError(f"the checkpoint has no {name} of {array.size} numbers; it is of another run")
            if not np.array_equal(saved[name].astype(array.dtype), saved[name]):  # versions before held larger types
                raise ParameterError(f"the checkpoint has values of {name} that this run cannot reach; begin anew")
        for name, array in self._held().items():  # nothing is written over before all of it fits
            array[:] = saved[name]
        self.step, self._counts = int(saved["step"]), saved["counts"].astype(np.int64)
        self._uniform = dict(zip(self._uniform, saved["uniform"].tolist(), strict=True))
        self._heard.begin_anew()
        self._send()


def smallest_type(field: Interval) -> np.dtype[Any]:
    """Return the smallest type that holds a range."""
    kinds = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64)
    fitting = (kind for kind in kinds if np.iinfo(kind).min <= field[0] and field[1] <= np.iinfo(kind).max)
    return np.dtype(next(fitting))
