"""Whether a graph is a model: each part in its place, of its kind, from what it may see, and not too much of it."""

import math
from typing import Final

from protocols.errors import BoundError, ModelError
from protocols.models.graph.draws import BEGIN
from protocols.models.graph.graph import DRAWS, PARTS, ModelGraph
from protocols.models.graph.kinds import BOOLEAN, INTEGER, TABLE, kinds_of
from protocols.models.graph.operations import OPERATIONS

MAX_NAMES: Final = 128  # of fields, of parameters, and so on
MAX_COST: Final = 100_000  # of one agent and step, in additions
MAX_ENTRIES: Final = 2**17  # of all tables together
LARGEST_EDGE: Final = 2**32  # of a contact's own number
COSTS: Final = {"happens": 40, "uniform": 40, "days": 60, "exponential": 120, "lookup": 3}
TAKEN: Final = ("agent", "cell")  # columns of a holder's file that are no field
_STATE: Final = frozenset({"constant", "table", "lookup", "field", "parameter"}) | frozenset(OPERATIONS)
_HEARD: Final = _STATE | {"public", "outcome", "cell", "size"} | frozenset(DRAWS)  # when the step has been announced
SEES: Final = {
    "begin": _STATE | {"known"} | set(DRAWS),
    "messages": _STATE,
    "along": _STATE | {"edge"},
    "weights": _STATE,
    "thresholds": _STATE,
    "restarts": _HEARD,
    "totals": _STATE,
    "update": _HEARD,
}


def check(graph: ModelGraph) -> tuple[str, ...]:
    """Refuse what is no model; return the kind of each node.

    Raises:
        ModelError: in one line, what is wrong and what is allowed.
    """
    if not graph.fields:
        raise ModelError("the model has no field, so its agents have no state; declare a stage or a field")
    for kind in ("fields", "parameters", "channels", "outcomes", "observables", "public"):
        if len(getattr(graph, kind)) > MAX_NAMES:
            raise ModelError(f"the model has {len(getattr(graph, kind))} {kind}; at most {MAX_NAMES} are allowed")
    kinds = kinds_of(graph)
    entries = sum(len(node.numbers) for node in graph.nodes) + sum(p.length * p.rows for p in graph.parameters.values())
    if entries > MAX_ENTRIES:
        raise ModelError(f"the model's tables have {entries} entries; at most {MAX_ENTRIES} are allowed")
    if cost(graph) > MAX_COST:
        raise ModelError(f"a step costs {cost(graph)} additions for each agent; at most {MAX_COST} are allowed")
    _check_ranges(graph)
    _check_elapsed(graph)
    _check_cells(graph)
    for part in PARTS:
        _check_part(graph, part, kinds)
    _check_names(graph)
    return kinds


def cost(graph: ModelGraph) -> int:
    """Return what one agent's step costs at most, in additions."""
    return sum(OPERATIONS[node.op].cost if node.op in OPERATIONS else COSTS.get(node.op, 0) for node in graph.nodes)


def ancestors_of(graph: ModelGraph, roots: list[int]) -> list[int]:
    """Return the nodes that these are computed from, and these, in order."""
    wanted = set(roots)
    for number in range(len(graph.nodes) - 1, -1, -1):
        if number in wanted:
            wanted.update(graph.nodes[number].inputs)
    return sorted(wanted)


def nodes_of(graph: ModelGraph, *parts: str) -> list[int]:
    """Return the nodes of some parts, in order."""
    return ancestors_of(graph, [root for part in parts for root in graph.parts[part].values()])


def _check_part(graph: ModelGraph, part: str, kinds: tuple[str, ...]) -> None:
    owners, given = getattr(graph, PARTS[part]), graph.parts[part]
    for name, root in given.items():
        if name not in owners:
            raise ModelError(f"{part} gives {name}, but there is none in {PARTS[part]}; declare it")
        if root >= len(graph.nodes):
            raise ModelError(f"{part} of {name} is node {root}; there are {len(graph.nodes)}")
        if kinds[root] == TABLE or (part == "restarts" and kinds[root] != BOOLEAN):
            raise ModelError(f"{part} of {name} is a {kinds[root]}; it must be {_wanted(part)}")
    for number in ancestors_of(graph, list(given.values())):  # all at once: who pays for a wide graph is its reader
        node = graph.nodes[number]
        if node.op not in SEES[part]:
            name = _owner(graph, part, number)
            raise ModelError(f"{part} of {name} looks at {node.op} {node.name}, which is not there at that time")
        if node.op in DRAWS and (node.numbers[0] == BEGIN) != (part == "begin"):
            name = _owner(graph, part, number)
            raise ModelError(f"{part} of {name} draws {node.name} of another moment than its own")


def _owner(graph: ModelGraph, part: str, node: int) -> str:
    """Return a name of a part that is computed from a node."""
    return next(name for name, root in graph.parts[part].items() if node in ancestors_of(graph, [root]))


def _wanted(part: str) -> str:
    return BOOLEAN if part == "restarts" else f"{INTEGER} or {BOOLEAN}"


def _check_ranges(graph: ModelGraph) -> None:
    """Refuse empty ranges: intervals of what does not exist prove anything."""
    ranges = {
        "public number": graph.public,
        "parameter": {name: (each.low, each.high) for name, each in graph.parameters.items()},
        "observable": {name: (each.low, each.high) for name, each in graph.observables.items()},
    }
    for kind, declared in ranges.items():
        for name, (low, high) in declared.items():
            if low > high:
                raise ModelError(f"the range of the {kind} {name} is {low} to {high}; give the lower one first")

    for name, parameter in graph.parameters.items():
        rows = math.prod(max(axis.count, 0) for axis in parameter.axes)
        if parameter.axes and rows != parameter.rows:
            raise ModelError(f"the axes of {name} have {rows} entries, and its table has {parameter.rows} rows")


def _check_elapsed(graph: ModelGraph) -> None:
    """Check that what says since when is of a field of stages."""
    for name, field in graph.fields.items():
        if field.elapsed is not None and (field.elapsed not in graph.fields or not graph.fields[field.elapsed].stages):
            raise ModelError(f"{name} says since when {field.elapsed} is so, and there is no such field of stages")


def _check_cells(graph: ModelGraph) -> None:
    """Check the field of an agent's cell: there is one, and nothing counts on how many people a cell has."""
    names = [name for name, field in graph.fields.items() if field.cells]
    if not names:
        return
    if len(names) > 1:
        raise ModelError(f"{' and '.join(names)} say in which cell an agent is, and it is in one; declare one of them")
    field, last = graph.fields[names[0]], len(graph.fields[names[0]].cells) - 1
    if field.private or field.stages or field.bits or field.elapsed or (field.low, field.high) != (0, last):
        raise ModelError(f"{names[0]} says in which of {last + 1} cells an agent is; it is 0 to {last}, no more")
    if len(set(field.cells)) <= last:
        raise ModelError(f"two cells of {names[0]} have one name; give each its own")
    if not any(channel.cell for channel in graph.channels.values()):
        raise ModelError(f"{names[0]} says in which cell an agent is, and cells are told nothing; add a channel")
    advice = "tell 1 to it on a channel of its own, and read both totals in update"
    for number, node in enumerate(graph.nodes):
        if node.op == "size":
            what = f"how many people are in a cell of {names[0]} is not known, since they move"
            raise BoundError(f"node {number}: {what}; {advice}", number)
    for name, outcome in graph.outcomes.items():
        for channel in outcome.coefficients:
            if channel in graph.channels and graph.channels[channel].cell:
                what = f"the outcome {name} adds up {channel}, a share of a cell, of which {names[0]} moves people"
                raise ModelError(f"{what}; {advice}")


def _check_names(graph: ModelGraph) -> None:
    """Check that each part is complete, and that outcomes are made of what there is."""
    drawn = {name for name, field in graph.fields.items() if not field.private}
    if set(graph.begin) != drawn:
        raise ModelError(f"begin gives {sorted(graph.begin)}; it must give each field of the state: {sorted(drawn)}")
    for name, field in graph.fields.items():
        if field.low > field.high or (field.stages and (field.low, field.high) != (0, len(field.stages) - 1)):
            raise ModelError(
                f"the range of {name} is {field.low} to {field.high}; it is empty, or not that of its stages"
            )
        if field.private and name in TAKEN:
            raise ModelError(f"a private column is called {name}, as one of every file of people is; name it otherwise")
        if field.private and name in graph.update:
            raise ModelError(f"update changes {name}, a private column; declare a field that begins with it")
    if sorted([*graph.messages, *graph.along]) != sorted(graph.channels):
        given = sorted([*graph.messages, *graph.along])
        raise ModelError(f"messages go on {given}; each channel needs one: {sorted(graph.channels)}")
    _check_along(graph)
    if set(graph.totals) != set(graph.observables):
        raise ModelError(f"observables are {sorted(graph.observables)}; each needs its number")
    bits = {name for name, outcome in graph.outcomes.items() if outcome.reveals == "bit"}
    if set(graph.thresholds) != bits:
        raise ModelError(f"thresholds are given for {sorted(graph.thresholds)}; each bit needs one: {sorted(bits)}")
    for name, outcome in graph.outcomes.items():
        for channel, factor in outcome.coefficients.items():
            _check_term(graph, name, channel, factor)


def _check_along(graph: ModelGraph) -> None:
    """Check channels whose messages are made of each contact's own number."""
    for name, channel in graph.channels.items():
        if (channel.along is not None) != (name in graph.along):
            raise ModelError(f"{name} declares numbers of its contacts, or is given along them; it needs both")
        low, high = channel.along or (0, 0)
        if not 0 <= low <= high <= LARGEST_EDGE or (channel.cell and name in graph.along):
            raise ModelError(f"contacts of {name} have numbers of {channel.along}; give 0 to 2**32, and no cell")
        for number in ancestors_of(graph, [graph.along[name]] if name in graph.along else []):
            if graph.nodes[number].op == "edge" and graph.nodes[number].name != name:
                raise ModelError(f"along of {name} looks at a contact's number of {graph.nodes[number].name}")


def _check_term(graph: ModelGraph, name: str, channel: str, factor: int | str) -> None:
    """Check one channel of an outcome: levels never fall, and what a cell tells is how many say something."""
    if channel not in graph.channels:
        raise ModelError(f"the outcome {name} adds up {channel}, which is no channel of the model")
    if isinstance(factor, str) and (factor not in graph.parameters or graph.parameters[factor].length):
        raise ModelError(f"the outcome {name} multiplies {channel} by {factor}, which is no single parameter")
    least = graph.parameters[factor].low if isinstance(factor, str) else factor
    if least < 0:
        raise ModelError(f"the outcome {name} multiplies {channel} by {factor}, at least {least}; give 0 or more")
    if graph.channels[channel].cell and graph.channels[channel].most > 1:
        raise ModelError(
            f"the outcome {name} adds up {channel}, a cell's message of at most {graph.channels[channel].most}; a "
            "cell's share counts people: declare most=1, or read its total in update"
        )
