"""How a step of compiled agents is computed: which numbers are held, and what each stage needs of its graph.

What agents hold is in the smallest types, changed in place; an outcome's level is kept as what is left of its
threshold, where that never changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

from lpm_secure.engine.backends.folding import Stages, constants_of, fold, stages_of, uniform_of, values_of
from lpm_secure.engine.backends.placement import place
from lpm_secure.engine.backends.stage_event import StageEvent, event_of
from protocols.models.graph import ModelGraph
from protocols.models.graph.bounds import EMPTY, saturates
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.operations import Interval


@final
@dataclass(frozen=True, slots=True)
class VenueShape:
    """How a channel's messages are received in one setting, as far as the text of a loop depends on it.

    Attributes:
        setting: its place among an agent's venues.
        layer: of the venues' sums, since a setting may carry several channels.
        mixed: whether the setting mixes by age, and an agent counts among those whom it meets.
        scale: of the exposure; 0 for the total.
        link: its place among all links.
    """

    setting: int
    layer: int
    mixed: bool
    scale: int
    link: int


@final
@dataclass(frozen=True, slots=True)
class StagePlan:
    """What a loop does with agents of one stage.

    Attributes:
        number: of the stage, in their order.
        stages: of the agents.
        graph: folded.
        outcomes: whose level is needed: read now, or in a stage that may follow.
        rests: whether nothing changes of an agent that crosses no threshold of a streamed outcome, and has no event.
        reads: the streamed outcomes by whose bits something changes.
        event: what else must be for anything to happen to an agent that rests, and what changes of it all the same.
    """

    number: int
    stages: Stages
    graph: ModelGraph
    outcomes: tuple[str, ...]
    rests: bool = False
    reads: tuple[str, ...] = ()
    event: StageEvent | None = None

    @property
    def prefix(self) -> str:
        """How names of the values of its nodes begin."""
        return f"a{self.number}_"

    def value(self, root: int) -> str:
        """Return the name of a node's value."""
        return f"{self.prefix}{root}"


@final
@dataclass(frozen=True, slots=True)
class StepPlan:
    """How a graph's step is computed.

    Attributes:
        graph: of the model.
        shapes: of each channel.
        stored: fields that are held for each agent, in order; the private columns that are read come last.
        uniform: fields that are one number for all.
        lasting: outcomes whose level is kept as what is left of the threshold.
        adding: other outcomes whose level adds up.
        stages: one plan each.
        contacts: channels along contacts, in order.
        streamed: lasting outcomes of nothing but unweighted messages along contacts: their levels are brought up to
            date before stages are told apart, many agents at a time.
        said: the graph of what agents say after a step, where nothing but their fields decides it and nobody adds to
            other sums: then `advance` lists who says something else, and `send` is for the beginning alone.
        spoken: the fields of which it is made.
    """

    graph: ModelGraph
    shapes: Mapping[str, tuple[VenueShape, ...]]
    stored: tuple[str, ...]
    uniform: tuple[str, ...]
    lasting: tuple[str, ...]
    adding: tuple[str, ...]
    stages: tuple[StagePlan, ...]
    contacts: tuple[str, ...] = ()
    streamed: tuple[str, ...] = ()
    said: ModelGraph | None = None
    spoken: frozenset[str] = frozenset()

    def is_same(self, stage: StagePlan, graph: ModelGraph, name: str) -> bool:
        """Return whether agents of a stage leave a field as it is, as a folded graph shows."""
        node = graph.nodes[graph.update[name]]
        known = node.op == "constant" and stage.stages.get(name) == node.numbers[0]
        return known or (node.op == "field" and node.name == name)


def plan_of(
    graph: ModelGraph,
    shapes: Mapping[str, tuple[VenueShape, ...]],
    *,
    contacts: tuple[str, ...] = (),
    filters: bool = True,
    ranges: Mapping[str, Interval] = EMPTY,
) -> StepPlan:
    """Return how a graph's step is computed.

    Args:
        graph: checked and proved.
        shapes: of each channel.
        contacts: channels along contacts.
        filters: whether agents of whom nothing can change are passed over where there are contacts; no bit differs.
        ranges: that fields never leave, where they are narrower than what is declared.
    """
    constants, uniform, stages = constants_of(graph), uniform_of(graph), stages_of(graph)
    folded = [(each, fold(graph, each, redrawn=constants - uniform)) for each in stages]
    often = {
        name for name in constants - uniform if 2 * sum(_is_drawn(part, name) for _, part in folded) >= len(stages)
    }
    redrawn = constants - uniform - often
    folded = [(each, fold(graph, each, redrawn=redrawn)) for each in stages]
    state = [name for name, each in graph.fields.items() if not each.private and name not in redrawn | uniform]
    needed = _needed(folded)
    read = set().union(*(_fields_read(part) for _, part in folded))
    private = [name for name, each in graph.fields.items() if each.private and name in read]
    kept = [name for name, each in sorted(graph.outcomes.items()) if each.keep]
    lasting = [
        name
        for name in kept
        if saturates(graph.outcomes[name]) and graph.outcomes[name].threshold == "once" and name not in graph.restarts
    ]
    plan = StepPlan(
        graph,
        shapes,
        (*(name for name in state if name in read or graph.fields[name].stages or name in graph.update), *private),
        tuple(sorted(uniform)),
        tuple(lasting),
        tuple(name for name in kept if name not in lasting),
        tuple(StagePlan(at, each, part, needed[at]) for at, (each, part) in enumerate(folded)),
        contacts,
        tuple(name for name in lasting if filters and _is_streamed(graph, name, shapes, contacts)),
    )
    if not filters:
        return plan
    if contacts and not any(shapes.values()):
        plan = _listing(plan, redrawn)
    return replace(plan, stages=tuple(_resting(plan, each, redrawn, ranges) for each in plan.stages))


def _is_streamed(
    graph: ModelGraph, name: str, shapes: Mapping[str, tuple[VenueShape, ...]], contacts: tuple[str, ...]
) -> bool:
    channels = graph.outcomes[name].coefficients
    return name not in graph.weights and bool(contacts) and not any(shapes[channel] for channel in channels)


def _listing(plan: StepPlan, redrawn: frozenset[str]) -> StepPlan:
    """Return a plan whose `advance` lists who says something else, where it can."""
    said = fold(plan.graph, {}, redrawn=redrawn)
    nodes = [said.nodes[number] for number in ancestors_of(said, [said.messages[name] for name in plan.contacts])]
    spoken = frozenset(node.name for node in nodes if node.op == "field")
    return plan if plan.graph.totals or spoken & set(plan.uniform) else replace(plan, said=said, spoken=spoken)


def _resting(plan: StepPlan, stage: StagePlan, redrawn: frozenset[str], ranges: Mapping[str, Interval]) -> StagePlan:
    """Return a stage's plan with what can be said of its agents who cross no threshold."""
    if not set(stage.outcomes) <= set(plan.streamed):
        return stage
    still = fold(plan.graph, stage.stages, redrawn=redrawn, zero=stage.outcomes)
    changed = (name for name in plan.stored if name in still.update and not plan.is_same(stage, still, name))
    anew = (name for name in plan.adding if name in still.restarts and not is_zero(still, still.restarts[name]))
    roots = [*stage.graph.update.values(), *stage.graph.restarts.values()]
    nodes = [stage.graph.nodes[number] for number in ancestors_of(stage.graph, roots)]
    reads = tuple(sorted({node.name for node in nodes if node.op == "outcome"}))
    if not any(changed) and not any(anew):
        return replace(stage, rests=True, reads=reads)
    held = {name: f"f{at}[k]" for at, name in enumerate(plan.stored)}
    fixed = frozenset(name for name, each in plan.graph.fields.items() if each.stages) | plan.spoken
    event = event_of(still, stage.stages, held, ranges, fixed)
    return replace(stage, rests=event is not None, reads=reads, event=event)


def is_zero(graph: ModelGraph, root: int) -> bool:
    """Return whether a node of a folded graph is 0."""
    return graph.nodes[root].op == "constant" and graph.nodes[root].numbers[0] == 0


def _is_drawn(folded: ModelGraph, name: str) -> bool:
    """Return whether agents of a stage need a field in each step, and not only in a branch."""
    roots = [
        root for part in ("messages", "weights", "update", "restarts", "totals") for root in folded.parts[part].values()
    ]
    roots += [root for each, root in folded.thresholds.items() if not folded.outcomes[each].keep]
    placement = place(folded, roots)
    return placement.block.get(folded.begin[name]) == ()


def _fields_read(folded: ModelGraph) -> set[str]:
    roots = [root for part in folded.parts if part != "begin" for root in folded.parts[part].values()]
    return {folded.nodes[number].name for number in ancestors_of(folded, roots) if folded.nodes[number].op == "field"}


def _needed(folded: list[tuple[Stages, ModelGraph]]) -> list[tuple[str, ...]]:
    """Return for each stage the outcomes that are read there, or whose level is read in a stage that may follow."""
    needed, follow = [], []
    for stages, graph in folded:
        roots = [*graph.update.values(), *graph.restarts.values()]
        nodes = [graph.nodes[number] for number in ancestors_of(graph, roots)]
        needed.append({node.name for node in nodes if node.op == "outcome"})
        follow.append([at for at, (other, _) in enumerate(folded) if _may_follow(graph, stages, other)])
    adding = {name for name, outcome in folded[0][1].outcomes.items() if outcome.keep}
    grows = True
    while grows:
        before = [set(each) for each in needed]
        needed = [each.union(*(before[other] & adding for other in follow[at])) for at, each in enumerate(before)]
        grows = needed != before
    return [tuple(sorted(each)) for each in needed]


def _may_follow(graph: ModelGraph, stages: Stages, other: Stages) -> bool:
    """Return whether agents of some stages may be in other ones after a step."""
    for name, value in other.items():
        after = values_of(graph, graph.update[name], stages) if name in graph.update else frozenset({stages[name]})
        if after is not None and value not in after:
            return False
    return True
