"""What reaches an agent, and what that decides, as generated code."""

from dataclasses import dataclass, field
from typing import final

from lpm_secure.engine.bitslice.code.agent_code import AgentCode, CodeTables
from lpm_secure.engine.bitslice.code.scope import Scope
from lpm_secure.engine.bitslice.nodes.plan import LanePlan, Term
from lpm_secure.engine.bitslice.words.integers import Integers, Slices, constant
from lpm_secure.engine.bitslice.words.kernels import sum_row
from lpm_secure.engine.bitslice.words.logic import Word
from lpm_secure.engine.bitslice.words.vectors import Value, integer


@final
@dataclass(slots=True, eq=False)
class ExposureCode:
    """Outcomes of one agent in a step.

    Attributes:
        plan, scope, tables: of the function.
        agent: its number.
        generator: of its block.
        crossed, grown: what is held of outcomes after the step.
        bits: of each outcome, what was decided.
    """

    plan: LanePlan
    scope: Scope
    tables: CodeTables
    agent: Value
    generator: Value
    crossed: dict[str, Word] = field(default_factory=dict)
    grown: dict[str, tuple[Word, ...]] = field(default_factory=dict)
    bits: dict[str, Slices] = field(default_factory=dict)

    def decide(self, agent: AgentCode) -> None:
        """Write all outcomes that matter."""
        for name in self.plan.model.graph.outcomes:
            if not self.plan.alive[name]:
                self.bits[name] = constant(0)
            elif name in self.plan.memoryless:
                self._cross(name, agent)
            else:
                self._compare(name, agent)

    def cell(self, op: str, channel: str) -> Slices:
        """Write the total of the agent's cell, or how many mix there."""
        if channel not in self.plan.meetings.cells:
            return constant(0)
        term = self.plan.meetings.cells[channel]
        if op == "cell":
            return self._heard(term)
        people = self.scope.number(f"people {term.setting}", self._venue(term))
        return Slices(tuple(self.scope.code.digit(people, place) for place in range(term.digits)))

    def _venue(self, term: Term) -> Value:
        return self.scope.number(f"member {term.setting}", self.agent)

    def _heard(self, term: Term) -> Slices:
        """Write an exposure."""
        scope, code = self.scope, self.scope.code
        said = f"said {self.plan.model.graph.messages[term.channel]}"
        if term.setting is None:
            starts, ends, weights = (scope.pointer(f"{each} {term.channel}") for each in ("starts", "ends", "weights"))
            digits, weighted = max(term.digits, 1), self.plan.meetings.weighted.get(term.channel, 0)
            edges = (starts, ends, weights)
            return sum_row(code, self.agent, edges, scope.pointer(said), digits=digits, weighted=weighted)
        venue = self._venue(term)
        width = max(term.digits, 1) * (2 if term.scale else 1)
        planes = [code.load(scope.word(f"sums {term.link}", venue, width, each)) for each in range(width)]
        if term.cell:
            return Slices(tuple(planes))
        own = code.load(scope.word(said, self.agent, 1, 0))
        somewhere = code.builder.icmp_signed("<", venue, scope.number("venues", integer(term.setting)))
        own = code.builder.select(somewhere, own, code.spread(0))
        integers = Integers(code)
        if term.scale:
            whole, others = Slices(tuple(planes[: width // 2])), Slices(tuple(planes[width // 2 :]))
            return integers.where(Slices((own,)), others, whole, (0, term.most))
        return integers.subtract(Slices(tuple(planes)), Slices((own,)), (0, term.most))

    def _alive(self, name: str, agent: AgentCode) -> Word:
        """Write the lanes in which an outcome matters by the agent's stage."""
        code, lanes = self.scope.code, False
        for stages in self.plan.alive[name]:
            inside: Word = True
            for each, value in stages.items():
                inside = code.every(inside, agent.integers.equal(agent.state(each), constant(value)).truth)
            lanes = code.either(lanes, inside)
        return lanes

    def _cross(self, name: str, agent: AgentCode) -> None:
        """Write which lanes cross a threshold without memory, by chance: each digit of the growth on its own."""
        code, model = self.scope.code, self.plan.model
        before = code.load(self.scope.word("state", self.agent, self.plan.planes, self.plan.crossed[name]))
        weight = agent.value(model.graph.weights[name]) if name in model.graph.weights else constant(1)
        lanes = code.every(self._alive(name, agent), code.negate(before))
        crossed = code.slot()
        code.store(False, crossed)
        with code.where_any(lanes):
            for term in self.plan.meetings.terms[name]:
                self._strike(name, term, weight, lanes, crossed)
        self.crossed[name] = code.either(before, code.load(crossed))
        self.bits[name] = Slices((self.crossed[name],))

    def _strike(self, name: str, term: Term, weight: Slices, lanes: Word, crossed: Value) -> None:
        code, build = self.scope.code, self.scope.code.builder
        heard = self._heard(term)
        length = len(heard.planes) + len(weight.planes) - 1
        sizes = self.plan.meetings.sizes[term.setting] if term.cell and term.setting is not None else 1
        first = integer(self.tables.chance(name, term, length, sizes=sizes))
        if term.cell:
            size = self.scope.number(f"size {term.setting}", self._venue(term))
            first = build.add(first, build.mul(size, integer(length)))
        for place, plane in enumerate(heard.planes):
            for times, other in enumerate(weight.planes):
                told = code.every(code.every(plane, other), lanes)
                if told is False:
                    continue
                chance = self.scope.number("chances", build.add(first, integer(place + times)))
                struck = code.load(crossed)
                open_ = code.every(told, code.complement(struck))
                given = [chance, code.word(open_), self.generator]
                code.store(code.either(struck, build.call(self.scope.kernels.bernoulli, given)), crossed)

    def _compare(self, name: str, agent: AgentCode) -> None:
        """Write a level, and whether it is above its threshold."""
        code, model, level = self.scope.code, self.plan.model, self.plan.levels[name]
        spec, integers = model.graph.outcomes[name], agent.integers
        grown = constant(0)
        for term in self.plan.meetings.terms[name]:
            factor, most = self.plan.meetings.factors[name, term.channel] * term.weight, max(term.most, 1)
            heard = self._heard(term)
            part = integers.multiply(heard, constant(factor), (0, factor * most))
            if term.cell:
                people = self.scope.number(f"people {term.setting}", self._venue(term))
                people = code.builder.select(code.builder.icmp_signed(">", people, integer(0)), people, integer(1))
                size = Slices(tuple(code.digit(people, place) for place in range(max(term.digits, 1))))
                part = integers.divide(part, size, (0, factor))
            grown = integers.add(grown, part, (0, level.growth[1]))
        if name in model.graph.weights:
            grown = integers.multiply(grown, agent.value(model.graph.weights[name]), level.growth)
        threshold = agent.value(model.graph.thresholds[name]) if spec.reveals == "bit" else constant(0)
        if not spec.keep:
            self.bits[name] = integers.less(threshold, grown) if spec.reveals == "bit" else grown
            return
        first = self.plan.held[name]
        before = [self.scope.word("state", self.agent, self.plan.planes, first + each) for each in range(level.width)]
        over = code.load(self.scope.word("state", self.agent, self.plan.planes, first + level.width))
        held = Slices(tuple(map(code.load, before)))
        most = level.growth[1] + 2**level.width - 1
        now = integers.add(held, grown, (0, most))
        for place in range(level.width, most.bit_length()):
            over = code.either(over, now.at(place))
        self.grown[name] = (*now.extend(level.width), over)
        above = integers.less(threshold, Slices(now.extend(level.width)))
        self.bits[name] = Slices((code.either(over, above.truth),))
