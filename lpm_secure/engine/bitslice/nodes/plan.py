"""What generated code holds of each agent, which outcomes it decides, and where their exposures come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from lpm_secure.engine.backends.step_plan import plan_of
from lpm_secure.engine.bitslice.nodes.binding import BoundModel, sources_of
from lpm_secure.engine.bitslice.nodes.memoryless import memoryless_outcomes, threshold_field
from lpm_secure.engine.bitslice.words.integers import width_of
from protocols.models.graph import ModelGraph
from protocols.models.graph.operations import Interval


@final
@dataclass(frozen=True, slots=True)
class Term:
    """One way in which an outcome's exposure comes about.

    Attributes:
        channel: of the model.
        setting: whose venues carry it; None along contacts.
        link: its place among all links, where sums of venues are held by link.
        scale: of a mean; 0 for the total.
        cell: whether it is a channel of cells.
        most: the largest exposure.
        weight: of the exposure, where it is the same in all steps; those of hazards are in their probabilities.
    """

    channel: str
    setting: int | None
    link: int
    scale: int
    cell: bool
    most: int
    weight: int = 1

    @property
    def digits(self) -> int:
        """How many planes hold it."""
        return self.most.bit_length()


@final
@dataclass(frozen=True, slots=True, eq=False)
class Meetings:
    """Where agents meet, as far as generated code depends on it.

    Attributes:
        terms: of each outcome.
        factors: of each outcome and channel.
        cells: of each channel of cells that meets somewhere, how it does.
        links: of each link how it is received; contacts have none.
        members: of each link, the most members of a venue.
        divisors: of each link with a scale, the digits of the largest size.
        sizes: of each setting of cells, how many sizes its venues have.
        weighted: of each channel along weighted contacts, the digits of a weight.
    """

    terms: Mapping[str, tuple[Term, ...]]
    factors: Mapping[tuple[str, str], int]
    cells: Mapping[str, Term]
    links: Mapping[int, Term]
    members: Mapping[int, int]
    divisors: Mapping[int, int]
    sizes: Mapping[int, int]
    weighted: Mapping[str, int]


@final
@dataclass(frozen=True, slots=True)
class LevelShape:
    """What is held of an outcome that has a memory.

    Attributes:
        growth: the interval of a step's growth.
        width: planes of the level; one more says that it has left them, and so is above any threshold.
    """

    growth: Interval
    width: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class LanePlan:
    """How a bound model's step is computed in many lanes.

    Attributes:
        model: bound.
        places: of each field that is held, its first plane.
        memoryless: outcomes without memory, with the fraction bits of their thresholds.
        levels: of the other outcomes.
        crossed: the plane of each outcome without memory that says whether its threshold is crossed.
        held: of each level that is kept, its first plane.
        planes: of an agent.
        meetings: of agents.
        alive: of each outcome, in which stages its level matters; each a mapping of fields to values.
        still: fields that are drawn at the beginning and never change.
    """

    model: BoundModel
    places: Mapping[str, int]
    memoryless: Mapping[str, int]
    levels: Mapping[str, LevelShape]
    crossed: Mapping[str, int]
    held: Mapping[str, int]
    planes: int
    meetings: Meetings
    alive: Mapping[str, tuple[Mapping[str, int], ...]]
    still: frozenset[str]

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels on which something is heard."""
        terms = (term for terms in self.meetings.terms.values() for term in terms)
        return tuple(sorted({*self.meetings.cells, *(term.channel for term in terms)}))


def plan_lanes(model: BoundModel, meetings: Meetings) -> LanePlan:
    """Return how a bound model's step is computed."""
    graph = model.graph
    memoryless = memoryless_outcomes(model)
    thresholds = {threshold_field(model, name) for name in memoryless}
    fields = [name for name in _live(model, memoryless) if name not in model.uniform and name not in thresholds]
    places, planes = dict[str, int](), 0
    for name in fields:
        low, high = model.fields[name]
        if low != high:
            places[name] = planes
            planes += width_of((low, high))
    levels = {name: _level(model, name, meetings) for name in graph.outcomes if name not in memoryless}
    crossed = {name: planes + at for at, name in enumerate(memoryless)}
    planes += len(memoryless)
    held = dict[str, int]()
    for name, level in levels.items():
        if graph.outcomes[name].keep:
            held[name] = planes
            planes += level.width + 1
    stages = plan_of(graph, dict.fromkeys(graph.channels, ())).stages
    alive = {name: tuple(each.stages for each in stages if name in each.outcomes) for name in graph.outcomes}
    still = frozenset(name for name in places if name not in graph.update and not graph.fields[name].stages)
    return LanePlan(model, places, memoryless, levels, crossed, held, planes, meetings, alive, still)


def _level(model: BoundModel, name: str, meetings: Meetings) -> LevelShape:
    graph = model.graph
    factors = ((meetings.factors[name, term.channel], term) for term in meetings.terms[name])
    most = sum(factor * (1 if term.cell else term.most * term.weight) for factor, term in factors)
    if name in graph.weights:
        most *= model.intervals[graph.weights[name]][1]
    threshold = model.intervals[graph.thresholds[name]][1] if name in graph.thresholds else 0
    return LevelShape((0, most), max(threshold, 1).bit_length())


def _live(model: BoundModel, memoryless: Mapping[str, int]) -> list[str]:
    """Return the fields that anything of a run depends on, in order."""
    graph = model.graph
    roots = [*graph.messages.values(), *graph.totals.values(), *graph.weights.values(), *graph.restarts.values()]
    roots += [root for name, root in graph.thresholds.items() if name not in memoryless]
    found = {name for name, each in graph.fields.items() if each.stages} | _fields_read(graph, roots)
    grows = True
    while grows:
        before = len(found)
        found |= _fields_read(graph, [graph.update[name] for name in found if name in graph.update])
        grows = len(found) > before
    return [name for name, each in graph.fields.items() if name in found and not each.private]


def _fields_read(graph: ModelGraph, roots: Sequence[int]) -> set[str]:
    nodes = (graph.nodes[number] for number in sources_of(graph, roots))
    return {node.name for node in nodes if node.op == "field"}
