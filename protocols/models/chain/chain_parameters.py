"""By which parameters of a model relaxed runs have derivatives, and why not by the others."""

from collections import Counter
from collections.abc import Iterator

from protocols.errors import ModelError
from protocols.models.chain.chain import chain_of, check_chain
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.dependence import dependence_of
from protocols.models.likelihood.entries import (
    ParameterEntry,
    ParameterReasons,
    explain_lone_length,
    is_law,
    parameters_read,
)


def chain_parameters(model: GraphModel, *, geometric: bool = False) -> ParameterReasons:
    """Read off a model's graph, and its values, by which parameters its relaxed runs have derivatives.

    Args:
        model: with its parameters.
        geometric: whether stays are those of compartments, which have a mean where a law has one length alone.

    Raises:
        ModelError: there are no relaxed runs of it.
    """
    check_chain(model)
    return ParameterReasons(
        (entry.title, _why_not(model, entry, geometric=geometric)) for entry in parameters_read(model.graph)
    )


def describe_chain(model: GraphModel, *, steps: int) -> str:
    """Return in a line how large the local chain of an agent is, of whom nothing is known, or why there is none."""
    least = {name: field.low for name, field in model.graph.fields.items()}
    try:
        parameters = chain_parameters(model)
        chain = chain_of(model, (), least, dict.fromkeys(least, False), steps=steps)
    except ModelError as error:
        return f"none: {error}"
    moves, columns = chain.source.size, any(field.private for field in model.graph.fields.values())
    return (
        f"{len(chain.states)} local states of an agent ({chain.explored} before those that behave alike are one), "
        f"{moves} moves{', where each private column is the least that it can be' if columns else ''}; "
        f"derivatives by {', '.join(_fold(parameters)) or 'none'}"
    )


def _fold(parameters: ParameterReasons) -> Iterator[str]:
    """Yield the parameters that have derivatives, a table's by its name with how many of its entries have one."""
    entries, known = (Counter(title.partition("[")[0] for title in titles) for titles in (parameters, parameters.known))
    for name, count in known.items():
        whole = f"{count} entries" if count == entries[name] else f"{count} of {entries[name]} entries"
        yield name if entries[name] == 1 else f"{name} ({whole})"


def _why_not(model: GraphModel, entry: ParameterEntry, *, geometric: bool) -> str:
    graph, dependence = model.graph, dependence_of(model, local=True)
    compared = dependence.why_not(entry.title)
    if compared:
        return compared
    for part in (graph.begin, graph.update):
        for name, root in sorted(part.items()):
            if entry.name in dependence.numbers[root]:
                return f"moves the field {name} itself, whose values are whole numbers"
    if is_law(graph.parameters[entry.name]) and not geometric:
        return explain_lone_length(model.agents.parameters[entry.name][entry.place].tolist())
    return ""
