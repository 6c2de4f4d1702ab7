"""A step of compiled agents as Python text for numba: one pass that sends messages, and one that moves agents on.

Both have a branch for each stage, in which the graph is folded. Where agents have contacts, each pass goes block by
block, and looks at one agent after the other only where something can change: who that is, vector instructions find.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from lpm_secure.engine.backends.placement import place
from lpm_secure.engine.backends.source import IMPORTS, BlockWriter, is_table
from lpm_secure.engine.backends.step_plan import StagePlan, StepPlan, VenueShape, is_zero
from protocols.models.graph import GraphNode
from protocols.models.graph.bounds import saturates

Leaf = tuple[str, str]
SEND: Final = '''

@compile_kernel
def send(span, agents, step, state, given, member, total, sums, told):
    """Add up messages of agents span[0] to span[1] - 1 in their venues, what is observed, and changes of messages."""
    numbers, base, key = agents
    sent, changed, shifts, ends = told
'''
ADVANCE: Final = '''

@compile_kernel
def advance(span, agents, step, state, given, member, received, told, change):
    """Move agents span[0] to span[1] - 1 on by one step, and list who may say something else."""
    numbers, base, key = agents
    sent, changed, shifts, ends = told
    fields, levels = state
    share, total, size, people, weights, factors, exposures = received
'''
KERNEL_IMPORTS: Final = "from lpm_secure.engine.kernels.blocks import BLOCK, part_sums\n"
BLOCKS: Final = """    words = np.zeros(BLOCK // 8, dtype=np.uint64)
    flags, hits = words.view(np.uint8), np.empty(BLOCK + 8, dtype=np.int64)
    for low in range(span[0], span[1], BLOCK):
        end = min(low + BLOCK, span[1])
        count = end - low
        flag = flags[:count]
        flags[count:] = 0
"""
LOOK: Final = """        found = 0
        for w in range((count + 7) // 8):
            if words[w] != 0:
                for k in range(8 * w, 8 * w + 8):
                    hits[found] = k
                    found += flags[k]
        for k in hits[:found]:
            i = low + k
"""


@final
@dataclass(frozen=True, slots=True)
class StepSource:
    """A generated module and what its functions are to be given.

    Attributes:
        text: of the module; its functions are `send` and `advance`.
        scalars: (op, name) of each number.
        tables, laws: nodes whose entries are looked up, and drawn from.
        factors: (outcome, channel) of each factor.
    """

    text: str
    scalars: tuple[Leaf, ...]
    tables: tuple[GraphNode, ...]
    laws: tuple[GraphNode, ...]
    factors: tuple[tuple[str, str], ...]


def write(plan: StepPlan) -> StepSource:
    """Return the text of a plan's step."""
    writer = _StepWriter(plan)
    text = "".join([IMPORTS, KERNEL_IMPORTS, *writer.send(), *writer.advance()])
    return StepSource(text, tuple(writer.scalars), tuple(writer.tables), tuple(writer.laws), tuple(writer.factors))


@final
@dataclass(slots=True)
class _StepWriter:
    """Writes both functions; what they are to be given it notes as it goes."""

    plan: StepPlan
    scalars: dict[Leaf, str] = field(default_factory=dict)
    tables: dict[GraphNode, str] = field(default_factory=dict)
    laws: dict[GraphNode, str] = field(default_factory=dict)
    factors: dict[tuple[str, str], str] = field(default_factory=dict)

    def send(self) -> list[str]:
        """Return the lines of `send`."""
        plan, places = self.plan, range(len(self.plan.contacts))
        loop = self._branches([self._sent(each) for each in plan.stages])
        lines = [SEND, *self._opening("state")]
        slices = [f"        s{at} = said{at}[low:end]\n" for at in places]
        lines += self._loop(loop, slices, [], [self._sends(each) for each in plan.stages])
        return [*lines, *(f"    ends[{at}] = end{at}\n" for at in places)]

    def advance(self) -> list[str]:
        """Return the lines of `advance`."""
        plan, places = self.plan, range(len(self.plan.contacts))
        loop = self._branches([self._moved(each) for each in plan.stages])
        streams = [line for name in plan.streamed for line in self._streamed(name)]
        lines = [ADVANCE, *self._opening("fields")]
        for at in places:
            lines += [f"    exposure{at} = exposures[{at}]\n", f"    sum{at} = np.empty(BLOCK, exposure{at}.dtype)\n"]
        slices = [f"        x{at} = part_sums(exposure{at}, low, sum{at}[:count])\n" for at in places]
        slices += [f"        l{self._place(name)} = {self._level(name)}[low:end]\n" for name in plan.streamed]
        calm = [line for each in plan.stages for line in self._calm(each)]
        lines += self._loop(loop, slices, streams, [self._moves(each) for each in plan.stages], calm)
        return [*lines, *(f"    ends[{at}] = end{at}\n" for at in places if plan.said)]

    def _loop(
        self, loop: list[str], slices: list[str], streams: list[str], tests: list[str], calm: Sequence[str] = ()
    ) -> list[str]:
        """Return a loop over agents: over all one by one, or in blocks over those whom some stage's test finds."""
        if not self.plan.contacts and all(test == "True" for test in tests):
            return ["    for i in range(span[0], span[1]):\n", *(f"        {line}" for line in loop)]
        stages = zip(self.plan.stages, tests, strict=True)
        found = [f"({self._known(stage, 'f{}[k]')}) & ({test})" for stage, test in stages if test]
        lines = [BLOCKS, *(f"        f{at} = field{at}[low:end]\n" for at in range(len(self.plan.stored))), *slices]
        lines += ["        for k in range(count):\n", *(f"            {line}" for line in streams)]
        lines.append(f"            flag[k] = {' | '.join(f'({each})' for each in found) or 'False'}\n")
        if calm:
            lines += ["        for k in range(count):\n", *(f"            {line}" for line in calm)]
        return [*lines, LOOK, *(f"            {line}" for line in loop)]

    def _known(self, stage: StagePlan, form: str) -> str:
        """Return the test for agents of a stage."""
        known = [f"({form.format(self.plan.stored.index(name))} == {value})" for name, value in stage.stages.items()]
        return " & ".join(known) or "True"

    def _sends(self, stage: StagePlan) -> str:
        """Return the test for agents of a stage who say something new, or add to a sum; none for nobody."""
        graph, tests = stage.graph, []
        if any(not is_zero(graph, root) for root in [*self._said(stage).values(), *graph.totals.values()]):
            return "True"
        for at, name in enumerate(self.plan.contacts):
            node = graph.nodes[graph.messages[name]]
            tests.append(f"(s{at}[k] != {node.numbers[0]})" if node.op == "constant" else "True")
        return "True" if "True" in tests else " | ".join(tests)

    def _moves(self, stage: StagePlan) -> str:
        """Return the test for agents of a stage to whom something may happen; none for nobody."""
        crossed = [f"(l{self._place(name)}[k] < 0)" for name in stage.reads]
        return " | ".join([*crossed, *([stage.event.condition] if stage.event else [])]) if stage.rests else "True"

    def _calm(self, stage: StagePlan) -> list[str]:
        """Return the lines that change agents of a stage to whom nothing happens."""
        calm = {self.plan.stored.index(name): text for name, text in (stage.event.calm if stage.event else {}).items()}
        known = f"{self._known(stage, 'f{}[k]')} & (flag[k] == 0)"
        lines = [f"c{at} = {text} if {known} else f{at}[k]\n" for at, text in calm.items()]
        return [*lines, *(f"f{at}[k] = c{at}\n" for at in calm)]  # each is made of all the others as they were

    def _streamed(self, name: str) -> list[str]:
        """Return the line that takes what reaches an agent from what is left of its threshold, until it is crossed."""
        grown = [
            f"x{self.plan.contacts.index(channel)}[k] * {self._factor(name, channel)}"
            for channel in sorted(self.plan.graph.outcomes[name].coefficients)
            if channel in self.plan.contacts
        ]
        level = f"l{self._place(name)}[k]"
        return [f"{level} -= ({' + '.join(grown)}) * ({level} >= 0)\n"] if grown else []

    def _opening(self, fields: str) -> list[str]:
        kinds = {"scalar": len(self.scalars), "table": len(self.tables), "law": len(self.laws)}
        lines = [f"    field{at} = {fields}[{at}]\n" for at in range(len(self.plan.stored))]
        for at in range(len(self.plan.contacts)):
            lines.append(
                f"    said{at}, moved{at}, shift{at}, end{at} = sent[{at}], changed[{at}], shifts[{at}], span[0]\n"
            )
        lines.append("    scalars, tables, laws = given\n")
        for kind, count in kinds.items():
            lines += [f"    {kind}{at} = {kind}s[{at}]\n" for at in range(count)]
        if fields == "fields":
            names = (*self.plan.lasting, *self.plan.adding)
            lines += [f"    level{at} = levels[{at}]\n" for at in range(len(names))]
            lines += [f"    factor{at} = factors[{at}]\n" for at in range(len(self.factors))]
        return lines

    def _branches(self, bodies: list[list[str]]) -> list[str]:
        """Return a branch for each stage."""
        lines: list[str] = []
        for stage, body in zip(self.plan.stages, bodies, strict=True):
            lines.append(f"{'elif' if lines else 'if'} {self._known(stage, 'field{}[i]')}:\n")
            if any("number," in line for line in body):
                lines.append("    number = numbers[i] if numbers.size else base + np.uint64(i)\n")
            lines += [f"    {line}" for line in body] or ["    pass\n"]
        return lines

    def _nodes(self, stage: StagePlan, roots: Iterable[int], own: Mapping[Leaf, str]) -> list[str]:
        """Return the lines that compute some nodes; what these need beside is noted."""
        graph = stage.graph
        placement = place(graph, list(roots))
        leaves: dict[Leaf, str] = {
            ("field", name): f"np.int64(field{at}[i])" for at, name in enumerate(self.plan.stored)
        }
        for number in placement.block:
            node = graph.nodes[number]
            leaf = (node.op, node.name)
            uniform = node.op == "field" and node.name in self.plan.uniform
            if uniform or (node.op in ("parameter", "public") and not is_table(graph, node)):
                leaves[leaf] = self.scalars.setdefault(leaf, f"scalar{len(self.scalars)}")
            if node.op in ("cell", "size"):
                leaves[leaf] = self._cell(node)
            if node.op == "lookup":
                self.tables.setdefault(graph.nodes[node.inputs[0]], f"table{len(self.tables)}")
            if node.op == "days":
                self.laws.setdefault(graph.nodes[node.inputs[0]], f"law{len(self.laws)}")
        writer = BlockWriter(graph, placement, {**leaves, **own}, self.tables, self.laws, "number", stage.prefix)
        return writer.lines((), 0)

    def _cell(self, node: GraphNode) -> str:
        if not self.plan.shapes[node.name]:
            return "np.int64(0)"
        (shape,) = self.plan.shapes[node.name]
        return f"total[{shape.layer}, member[i, {shape.setting}]]" if node.op == "cell" else _people(shape)

    def _said(self, stage: StagePlan) -> dict[str, int]:
        """Return what agents of a stage say in venues."""
        roots = {name: root for name, root in stage.graph.messages.items() if self.plan.shapes[name]}
        return {name: root for name, root in roots.items() if not is_zero(stage.graph, root)}

    def _sent(self, stage: StagePlan) -> list[str]:
        """Return what agents of a stage say, and what is observed of them."""
        graph, roots = stage.graph, self._said(stage)
        contacts = {name: graph.messages[name] for name in self.plan.contacts}
        seen = {name: root for name, root in graph.totals.items() if not is_zero(graph, root)}
        lines = self._nodes(stage, [*roots.values(), *contacts.values(), *seen.values()], {})
        for name, root in roots.items():
            lines.append(f"if {stage.value(root)} != 0:\n")
            for shape in self.plan.shapes[name]:
                lines.append(f"    total[{shape.layer}, member[i, {shape.setting}]] += {stage.value(root)}\n")
        for at, root in enumerate(contacts.values()):
            lines += _listed(at, stage.value(root), f"np.int64(said{at}[i])")
        names = sorted(graph.observables)
        return lines + [f"sums[{names.index(name)}] += {stage.value(root)}\n" for name, root in seen.items()]

    def _moved(self, stage: StagePlan) -> list[str]:
        """Return how agents of a stage move on."""
        graph, plan = stage.graph, self.plan
        changed = {name: graph.update[name] for name in plan.stored if name in graph.update}
        changed = {name: root for name, root in changed.items() if not plan.is_same(stage, graph, name)}
        restarts = {name: root for name, root in graph.restarts.items() if name in plan.adding}
        restarts = {name: root for name, root in restarts.items() if not is_zero(graph, root)}
        lines = self._grown(stage)
        bits = {("outcome", name): f"o{sorted(graph.outcomes).index(name)}" for name in stage.outcomes}
        lines += self._nodes(stage, [*changed.values(), *restarts.values()], bits)
        for name, root in restarts.items():
            lines += [f"if {stage.value(root)}:\n", f"    {self._level(name)}[i] = 0\n"]
        lines += self._said_anew(stage, changed)
        for name, root in changed.items():
            value, at = stage.value(root), plan.stored.index(name)
            if graph.fields[name].stages:
                before = str(stage.stages[name]) if name in stage.stages else f"field{at}[i]"
                row = sorted(each for each, field_ in graph.fields.items() if field_.stages).index(name)
                lines += [f"if {value} != {before}:\n", f"    change[{row}, {before}] -= 1\n"]
                lines += [f"    change[{row}, {value}] += 1\n", f"    field{at}[i] = {value}\n"]
            else:
                lines.append(f"field{at}[i] = {value}\n")
        return lines

    def _said_anew(self, stage: StagePlan, changed: Mapping[str, int]) -> list[str]:
        """Return the lines that list an agent who says something else, where fields change of which it is made."""
        plan, lines = self.plan, list[str]()
        if plan.said is None or not plan.spoken & changed.keys():
            return lines
        after = StagePlan(len(plan.stages), {}, plan.said, ())
        before, now = ([part.graph.messages[name] for name in plan.contacts] for part in (stage, after))
        lines += self._nodes(stage, before, {})
        lines += self._nodes(after, now, {("field", name): stage.value(root) for name, root in changed.items()})
        for at, (old, new) in enumerate(zip(before, now, strict=True)):
            lines += _listed(at, after.value(new), f"np.int64({stage.value(old)})")
        return lines

    def _grown(self, stage: StagePlan) -> list[str]:
        """Return the lines that bring levels up to date and decide outcomes."""
        graph, outcomes = stage.graph, stage.outcomes
        told = {channel for name in outcomes for channel in graph.outcomes[name].coefficients}
        own = {name: root for name, root in self._said(stage).items() if name in told and not graph.channels[name].cell}
        roots = [*own.values(), *(graph.weights[name] for name in outcomes if name in graph.weights)]
        roots += [graph.thresholds[name] for name in outcomes if self._asks(name)]
        lines = self._nodes(stage, roots, {}) if outcomes else []
        for name in outcomes:
            lines += self._outcome(stage, name, own)
        return lines

    def _asks(self, name: str) -> bool:
        return self.plan.graph.outcomes[name].reveals == "bit" and name not in self.plan.lasting

    def _place(self, name: str) -> int:
        return (*self.plan.lasting, *self.plan.adding).index(name)

    def _level(self, name: str) -> str:
        return f"level{self._place(name)}"

    def _factor(self, outcome: str, channel: str) -> str:
        return self.factors.setdefault((outcome, channel), f"factor{len(self.factors)}")

    def _outcome(self, stage: StagePlan, name: str, own: Mapping[str, int]) -> list[str]:
        graph, spec = stage.graph, self.plan.graph.outcomes[name]
        bit, level = f"o{sorted(graph.outcomes).index(name)}", self._level(name) if spec.keep else ""
        grown = self._growth(name, {each: stage.value(root) for each, root in own.items()})
        if name in graph.weights:
            grown.append(f"grown *= {stage.value(graph.weights[name])}\n")
        threshold = stage.value(graph.thresholds[name]) if self._asks(name) else ""
        decided = f"{bit} = now > {threshold}\n" if threshold else f"{bit} = now\n"
        if not spec.keep:
            return [*grown, "now = grown\n", decided]
        if name in self.plan.streamed:
            return [f"{bit} = {level}[i] < 0\n"]
        if name in self.plan.lasting:
            kept = ["if grown != 0:\n", "    now -= grown\n", f"    {level}[i] = now\n"]
            inside = [f"    {line}" for line in (*grown, *kept)]
            return [f"now = {level}[i]\n", "if now >= 0:\n", *inside, f"{bit} = now < 0\n"]
        kept = ["now += grown\n", f"{level}[i] = now\n"]
        if saturates(spec):
            inside = [f"    {line}" for line in (*grown, *kept)]
            return [f"now = {level}[i]\n", f"if now <= {threshold}:\n", *inside, decided]
        return [f"now = {level}[i]\n", *grown, *kept, decided]

    def _growth(self, name: str, own: Mapping[str, str]) -> list[str]:
        """Return the lines that add up what reaches an agent on an outcome's channels."""
        lines = ["grown = np.int64(0)\n"]
        for channel in sorted(self.plan.graph.outcomes[name].coefficients):
            factor = self._factor(name, channel)
            if channel in self.plan.contacts:
                lines.append(f"grown += {factor} * np.int64(x{self.plan.contacts.index(channel)}[k])\n")
            for shape in self.plan.shapes[channel]:
                lines.append(f"v = member[i, {shape.setting}]\n")
                if self.plan.graph.channels[channel].cell:
                    lines.append("if people[v] > 0:\n")
                    most = f"min(total[{shape.layer}, v], people[v])"
                    lines.append(f"    grown += {factor} * {most} // people[v]\n")
                elif channel in own and not shape.mixed:
                    lines += _without_own(shape, own[channel], factor)
                else:
                    lines.append(f"grown += {factor} * share[{shape.layer}, v]\n")
        return lines


def _listed(at: int, value: str, before: str) -> list[str]:
    """Return the lines that list an agent whose message on a channel is another one than before."""
    lines = [f"if {value} != {before}:\n", f"    moved{at}[end{at}] = i\n"]
    lines += [f"    shift{at}[end{at}] = {value} - {before}\n"]  # before what was said is written over
    return [*lines, f"    said{at}[i] = {value}\n", f"    end{at} += 1\n"]


def _people(shape: VenueShape) -> str:
    return f"people[member[i, {shape.setting}]]"


def _without_own(shape: VenueShape, message: str, factor: str) -> list[str]:
    """Return the lines that add what the others in a venue say."""
    others = f"(total[{shape.layer}, v] - {message})"
    mean = f"{others} * {shape.scale} // size[v]" if shape.scale else others
    return [
        f"if {message} == 0 or size[v] == 0:\n",
        f"    grown += {factor} * share[{shape.layer}, v]\n",
        "else:\n",
        f"    grown += {factor} * weights[{shape.link}] * ({mean})\n",
    ]
