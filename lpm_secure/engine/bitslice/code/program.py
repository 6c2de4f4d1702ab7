"""The functions of a plan: agents begin, venues add up, agents move on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, final

from llvmlite import ir

from lpm_secure.engine.bitslice.code.agent_code import AgentCode, CodeTables
from lpm_secure.engine.bitslice.code.exposure_code import ExposureCode
from lpm_secure.engine.bitslice.code.scope import BLOCK, Scope
from lpm_secure.engine.bitslice.nodes.plan import LanePlan, Term
from lpm_secure.engine.bitslice.words.integers import Integers, Slices, constant, fit, width_of
from lpm_secure.engine.bitslice.words.kernels import PAIRED, TALLY, Kernels, sum_row
from lpm_secure.engine.bitslice.words.logic import Word
from lpm_secure.engine.bitslice.words.vectors import I64, Value, integer


@final
@dataclass(frozen=True, slots=True)
class Count:
    """A sum over agents that a step yields.

    Attributes:
        kind: "stage" or "observable".
        name: of the field or observable.
        number: of the stage, or of the observable's plane.
    """

    kind: str
    name: str
    number: int


@final
@dataclass(slots=True, eq=False)
class Program:
    """A module that moves agents on, and what it is to be given.

    Attributes:
        plan: of the model.
        elements: of a word.
        n: agents.
        arrivals: a field of stages, and those of which arrivals are counted.
        tables: what the code reads.
        pointers: places of the arrays.
        module: of LLVM.
    """

    plan: LanePlan
    elements: int
    n: int
    arrivals: tuple[str, tuple[int, ...]]
    tables: CodeTables = field(init=False)
    pointers: dict[str, int] = field(default_factory=dict)
    module: Any = field(default_factory=ir.Module)
    _kernels: Kernels = field(init=False)

    def __post_init__(self) -> None:
        """Write all functions."""
        self.tables = CodeTables(self.plan)
        self._kernels = Kernels(self.module, self.elements)
        self._begin()
        self._advance()
        for link, term in self.plan.meetings.links.items():
            self._add_up(link, term)
        self._rest()

    @property
    def counts(self) -> tuple[Count, ...]:
        """What is counted of all agents; the last stage of a field is what the others leave."""
        graph = self.plan.model.graph
        stages = [
            Count("stage", name, number)
            for name, each in sorted(graph.fields.items())
            if each.stages
            for number in range(len(each.stages) - 1)
        ]
        observables = [
            Count("observable", name, place)
            for name in sorted(graph.observables)
            for place in range(width_of(self.plan.model.intervals[graph.totals[name]]))
        ]
        return (*stages, *observables)

    def _scope(self, name: str) -> Scope:
        return Scope(self.module, name, self._kernels, self.elements, self.pointers)

    @contextmanager
    def _agents(self, scope: Scope) -> Iterator[tuple[Value, Value]]:
        """Write what is done for each agent of each block, with the block's generator."""
        code, build = scope.code, scope.code.builder
        with code.loop(*scope.span) as (block, _):
            generator = scope.generator(block)
            low = build.mul(block, integer(BLOCK))
            high = build.add(low, integer(BLOCK))
            high = build.select(build.icmp_signed("<", high, integer(self.n)), high, integer(self.n))
            with code.loop(low, high) as (agent, _):
                yield agent, generator
        build.ret_void()

    def _begin(self) -> None:
        scope, graph = self._scope("begin"), self.plan.model.graph
        roots = {name: graph.begin[name] for name in self._fields() if name in graph.begin}
        with self._agents(scope) as (agent, generator):
            code = AgentCode(
                self.plan, scope, roots.values(), agent=agent, generator=generator, tables=self.tables, common="after"
            )
            state = {name: self._held(name, code.value(root)) for name, root in roots.items()}
            for name, value in state.items():
                self._keep(scope, agent, name, value, None)
            self._finish(scope, agent, generator, state, None)

    def _held(self, name: str, value: Slices) -> Slices:
        """Return a value in the planes of a field."""
        interval = self.plan.model.fields[name]
        return fit(value.extend(width_of(interval)), interval)

    def _fields(self) -> list[str]:
        """Return the fields whose values are known of each agent: those that are held, and constant ones."""
        model = self.plan.model
        fixed = [
            name for name, (low, high) in model.fields.items() if low == high and not model.graph.fields[name].private
        ]
        return [*self.plan.places, *fixed]

    def _advance(self) -> None:
        scope, graph = self._scope("advance"), self.plan.model.graph
        changing = {name: graph.update[name] for name in self.plan.places if name in graph.update}
        restarts = {name: root for name, root in graph.restarts.items() if graph.outcomes[name].keep}
        weights = [graph.weights[name] for name in graph.outcomes if name in graph.weights]
        limits = [graph.thresholds[name] for name in graph.thresholds if name not in self.plan.memoryless]
        with self._agents(scope) as (agent, generator):
            heard = ExposureCode(self.plan, scope, self.tables, agent, generator)
            code = AgentCode(
                self.plan,
                scope,
                [*changing.values(), *restarts.values(), *weights, *limits],
                agent=agent,
                generator=generator,
                tables=self.tables,
                outcome=lambda name: heard.bits[name],
                cell=heard.cell,
            )
            before = {name: code.state(name) for name in self._fields() if name not in self.plan.still}
            heard.decide(code)
            state = {name: self._held(name, code.value(root)) for name, root in changing.items()}
            anew = {name: code.value(root).truth for name, root in restarts.items()}
            self._keep_outcomes(scope, agent, heard, anew)
            for name, value in state.items():
                self._keep(scope, agent, name, value, before[name])
            self._finish(scope, agent, generator, {**before, **state}, before)

    def _keep(self, scope: Scope, agent: Value, name: str, value: Slices, before: Slices | None) -> None:
        """Write a field into memory, where it has changed in some lane."""
        if name not in self.plan.places:
            return
        places = [
            scope.word("state", agent, self.plan.planes, self.plan.places[name] + each)
            for each in range(len(value.planes))
        ]
        changed: Word = True
        if before is not None:
            changed = False
            for one, other in zip(value.planes, before.planes, strict=True):
                changed = scope.code.either(changed, scope.code.differ(one, other))
        self._put(scope, changed, list(zip(value.planes, places, strict=True)))

    def _put(self, scope: Scope, changed: Word, words: list[tuple[Word, Value]]) -> None:
        if changed is False:
            return
        with scope.code.where_any(changed):
            for word, place in words:
                scope.code.store(word, place)

    def _keep_outcomes(self, scope: Scope, agent: Value, heard: ExposureCode, anew: Mapping[str, Word]) -> None:
        """Write what is held of outcomes into memory."""
        code, plan = scope.code, self.plan
        kept = {plan.crossed[name]: (name, word) for name, word in heard.crossed.items()}
        for name, words in heard.grown.items():
            kept |= {plan.held[name] + place: (name, word) for place, word in enumerate(words)}
        for first, (name, word) in kept.items():
            place = scope.word("state", agent, plan.planes, first)
            new = code.every(word, code.negate(anew.get(name, False)))
            self._put(scope, code.differ(new, code.load(place)), [(new, place)])

    def _finish(
        self,
        scope: Scope,
        agent: Value,
        generator: Value,
        state: Mapping[str, Slices],
        before: Mapping[str, Slices] | None,
    ) -> None:
        """Write what an agent says by its new state, and count it."""
        graph = self.plan.model.graph
        said = sorted({graph.messages[each] for each in self.plan.channels})
        totals = sorted(graph.totals.items())
        code = AgentCode(
            self.plan,
            scope,
            [*said, *(root for _, root in totals)],
            agent=agent,
            generator=generator,
            tables=self.tables,
            common="after",
            state=state,
        )
        for root in said:
            scope.code.store(code.value(root).truth, scope.word(f"next {root}", agent, 1, 0))
        words: list[Word] = []
        for each in self.counts:
            if each.kind == "stage":
                words.append(code.integers.equal(code.state(each.name), constant(each.number)).truth)
            else:
                words.append(code.value(graph.totals[each.name]).at(each.number))
        self._tally(scope, words, integer(0), integer(0))
        name, stages = self.arrivals
        if stages:
            arrived = []
            for stage in stages:
                now = code.integers.equal(code.state(name), constant(stage)).truth
                then = (stage == 0) if before is None else code.integers.equal(before[name], constant(stage)).truth
                arrived.append(scope.code.every(now, scope.code.negate(then)))
            build = scope.code.builder
            place = scope.number("places", agent)
            first = build.add(integer(len(words)), build.mul(place, integer(len(stages))))
            self._tally(scope, arrived, build.add(place, integer(1)), first)

    def _tally(self, scope: Scope, words: list[Word], counter: Value, first: Value) -> None:
        """Write the count of some words by one counter."""
        if not words:
            return
        code, build = scope.code, scope.code.builder
        at = code.at(scope.pointer("counters"), counter, I64)
        number = code.load(at, I64)
        for place, word in enumerate(words):
            if word is False:
                continue
            tally = scope.word("tallies", build.add(first, integer(place)), TALLY, 0)
            build.call(self._kernels.tally, [tally, number, code.word(word)])
        code.put(build.add(number, integer(1)), at)

    def _rest(self) -> None:
        """Write `rest`: what counts nobody until every digit has had its pairs."""
        scope = self._scope("rest")
        code, build, (_, stages) = scope.code, scope.code.builder, self.arrivals
        always = len(self.counts)
        for part in (0, 1):
            width = len(stages) if part else always
            low, high = (integer(1), scope.span[1]) if part else (integer(0), integer(1))
            if not width:
                continue
            with code.loop(low, high) as (counter, _):
                at = code.at(scope.pointer("counters"), counter, I64)
                with code.loop(integer(0), integer(2**PAIRED)) as (_, end):
                    number = code.load(at, I64)
                    full = build.icmp_signed("==", build.and_(number, integer(2**PAIRED - 1)), integer(0))
                    code.end_if(full, end)
                    first = build.mul(build.sub(counter, integer(1)), integer(width)) if part else integer(0)
                    first = build.add(first, integer(always)) if part else first
                    self._tally(scope, [code.spread(0)] * width, counter, first)
        build.ret_void()

    def _add_up(self, link: int, term: Term) -> None:
        """Write `sum LINK`: what is said in each venue; of a mean also what is left without one who speaks."""
        scope = self._scope(f"sum {link}")
        code, integers = scope.code, Integers(scope.code)
        with code.loop(*scope.span) as (venue, _):
            edges = tuple(scope.pointer(f"{each} of {term.setting}") for each in ("starts", "ends"))
            said = scope.pointer(f"next {self.plan.model.graph.messages[term.channel]}")
            members = self.plan.meetings.members[link]
            starts, ends = edges
            total = sum_row(code, venue, (starts, ends, ends), said, digits=max(members.bit_length(), 1))
            parts = [total]
            if term.scale:
                size = scope.number(f"size of {term.setting}", venue)
                divisor = Slices(tuple(code.digit(size, place) for place in range(self.plan.meetings.divisors[link])))
                others = integers.subtract(total, constant(1), (-1, members))
                others = integers.maximum(others, constant(0), (0, members))
                parts = []
                for each in (total, others):
                    product = integers.multiply(each, constant(term.scale), (0, members * term.scale))
                    parts.append(integers.divide(product, divisor, (0, term.most)))
            width = max(term.digits, 1)
            for at, part in enumerate(parts):
                for place in range(width):
                    code.store(
                        part.at(place), scope.word(f"sums {link}", venue, width * len(parts), at * width + place)
                    )
        code.builder.ret_void()
