"""What a model is, says and tells, in words and figures: read off its graph, for its author and for who consents."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from protocols.models.gradient import FACTOR
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.checks import cost
from protocols.models.graph.graph import GraphField, GraphParameter, ModelGraph, encode
from protocols.models.graph.information_flow import flows, sources
from protocols.models.likelihood.dependence import Dependence
from protocols.models.likelihood.entries import parameters_read
from protocols.models.likelihood.factors.level_factors import factor_reasons
from protocols.models.outcome import WHEN

UNITS: Final = {
    "number": "a number",
    "probability": "a probability",
    "rate": "a hazard per step and unit of exposure",
    "law": "steps until it happens, drawn for each agent",
}
MOST_SHOWN: Final = 8  # entries of a list


@final
@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and rows of text under column heads."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(graph: ModelGraph) -> Iterator[Section]:
    """Return what there is to say of a model."""
    yield Section(
        "What it is",
        ("", ""),
        (
            ("identity", graph.identity),
            ("size", f"{len(graph.nodes)} operations, {len(encode(graph)):,} bytes"),
            ("cost of a step", f"{cost(graph):,} additions for each agent, at most"),
        ),
    )
    bounds = bounds_of(graph)
    yield Section(
        "What an agent is",
        ("field", "range", "after an update"),
        tuple(
            (
                f"{name}{' (private column)' if field.private else ''}",
                _range(field),
                "{:,} to {:,}".format(*bounds[graph.update[name]]) if name in graph.update else "as it was",
            )
            for name, field in graph.fields.items()
        ),
    )
    yield Section("What it says", ("channel", "at most", "depends on", "never on"), tuple(_said(graph)))
    if graph.public:
        heads = ("number", "range", "what reads it")
        yield Section("What the environment announces to all", heads, tuple(_announced(graph)))
    yield Section("What its holder learns in a step", ("outcome", "of each agent", "threshold"), tuple(_told(graph)))
    if scored := tuple(_scored(graph)):
        yield Section("What has a score", ("parameter", "in the clear", "through private clients"), scored)


def words_of(model: GraphModel) -> dict[str, Any]:
    """Return what a manifest's model is, says and tells, in words, by what they are of and then by name."""
    graph = model.graph
    fields = {name: field for name, field in graph.fields.items() if not (field.stages or field.private or field.cells)}
    cells = {name: f"{_range(field)}; which of them is private" for name, field in graph.fields.items() if field.cells}
    heard = {
        name: f"at most {most}; {'directed; ' if graph.channels[name].directed else ''}"
        f"depends on {on}{'' if never == '-' else f'; never on {never}'}"
        for name, most, on, never in _said(graph)
    }
    words = {
        "kind": "graph",
        "sha256": graph.identity,
        "size": f"{len(graph.nodes)} operations, {len(encode(graph)):,} bytes",
        "parameters": {name: _value(graph.parameters[name], value) for name, value in model.parameters.items()},
        "stages": {name: _range(field) for name, field in graph.fields.items() if field.stages},
        "fields": {name: _range(field) for name, field in fields.items()},
        "cells": cells,
        "private_columns": {name: _range(field) for name, field in graph.fields.items() if field.private},
        "messages": heard,
        "public": {name: f"{between}; read by {readers}" for name, between, readers in _announced(graph)},
        "outcomes": {name: f"{what}; {when}" for name, what, when in _told(graph)},
        "observables": {name: f"{each.low:,} to {each.high:,}" for name, each in graph.observables.items()},
    }
    return {key: value for key, value in words.items() if value}


def _range(field: GraphField) -> str:
    return " | ".join(field.stages or field.cells) or f"{field.low:,} to {field.high:,}"


def _value(parameter: GraphParameter, value: int | tuple[int, ...]) -> Any:
    """Return a parameter's value in its author's unit, beside the integer that is computed with."""
    if parameter.axes and isinstance(value, tuple):
        by = _by(parameter)
        if parameter.unit == "law":
            return f"a law for each {by}"
        return f"{min(value) / 2**parameter.bits:.6g} to {max(value) / 2**parameter.bits:.6g}, by {by}"
    if isinstance(value, tuple) or not parameter.bits:
        return value
    return f"{value / 2**parameter.bits:.6g} ({value} / 2**{parameter.bits})"


def parameters_in_words(
    graph: ModelGraph, values: Mapping[str, Any], *, dt: float | None = None
) -> list[tuple[str, str, str]]:
    """Return of each parameter its name, its value in its author's unit, and that unit in words.

    Args:
        dt: days of a step; with it, laws are in days, and rates per day where a step is one. Without it, in steps.
    """
    rows = []
    step = 1.0 if dt is None else dt
    units = {
        kind: said.replace("step", "day") if dt == 1 or (dt and kind == "law") else said for kind, said in UNITS.items()
    }
    for name, value in values.items():
        parameter = graph.parameters[name]
        numbers = value if isinstance(value, tuple) else (value,)
        tail = f", by {_by(parameter)}" if parameter.axes else ""
        if parameter.unit == "law" and isinstance(value, tuple):
            shown = _laws(value, parameter.length or len(value), step)
        elif parameter.axes:
            shown = " to ".join(_number(parameter, each) for each in (min(numbers), max(numbers)))
        else:
            shown = ", ".join(_number(parameter, each) for each in numbers[:MOST_SHOWN])
            shown += ", ..." if len(numbers) > MOST_SHOWN else ""
        rows.append((name, shown + tail, units[parameter.unit]))
    return rows


def _by(parameter: GraphParameter) -> str:
    return " and ".join(f"{axis.name} ({axis.low} to {axis.high})" for axis in parameter.axes)


def _number(parameter: GraphParameter, value: int) -> str:
    number = value / 2**parameter.bits
    if parameter.unit == "probability":
        return f"{100 * number:.6g} %"
    return f"{number:.6g}"


def _laws(weights: tuple[int, ...], length: int, step: float) -> str:
    """Return the mean of a law, or of the least and the greatest of several, and between what it lies."""
    laws = [weights[at : at + length] for at in range(0, len(weights), length)]
    means = [step * sum(n * each for n, each in enumerate(law, start=1)) / (sum(law) or 1) for law in laws]
    possible = [step * n for law in laws for n, each in enumerate(law, start=1) if each] or [0.0]
    several = f"{min(means):.4g} to " if min(means) < max(means) else ""
    return f"{several}{max(means):.4g} on average, from {min(possible):g} to {max(possible):g}"


def _said(graph: ModelGraph) -> Iterator[tuple[str, ...]]:
    for name, channel in graph.channels.items():
        part = "messages" if channel.along is None else "along"
        on = sources(graph, part, name)
        never = sorted({*graph.fields, *graph.public} - {*on.fields, *on.public})
        whom = "its cell's public total" if channel.cell else "each contact"
        whom = "the public total of the cell it is in" if channel.cell and graph.cell_field else whom
        fields = flows(graph, part)[name].fields
        direct = ", ".join([*fields, *([] if channel.along is None else ["the contact's own number"])]) or "nothing"
        whole = ", ".join([*on.fields, *(f"the public {each}" for each in on.public)])
        over = f" (over time: {whole})" if {*on.fields, *on.public} - set(fields) else ""
        yield name, f"{channel.most:,} to {whom}", f"{direct}{over}", ", ".join(never) or "-"


def _announced(graph: ModelGraph) -> Iterator[tuple[str, ...]]:
    """Yield each public number, its range, and the fields and outcomes whose change reads it."""
    updates, restarts = (flows(graph, part) for part in ("update", "restarts"))
    for name, (low, high) in graph.public.items():
        readers = [each for each, flow in updates.items() if name in flow.public]
        readers += [f"the restart of {each}" for each, flow in restarts.items() if name in flow.public]
        yield name, f"{low:,} to {high:,}", ", ".join(readers) or "nothing"


def _told(graph: ModelGraph) -> Iterator[tuple[str, ...]]:
    for name, outcome in graph.outcomes.items():
        terms = " + ".join(f"{factor} x {channel}" for channel, factor in outcome.coefficients.items())
        weighted = f"a private weight x ({terms})" if name in graph.weights else terms
        kept = "summed up over the steps" if outcome.keep else "of the step"
        if outcome.reveals == "bit":
            yield name, f"a bit: is {weighted}, {kept}, above its private threshold", WHEN[outcome.threshold]
        else:
            yield name, f"the exact sum of {weighted}, {kept}: it says much about neighbours", "no threshold"


def _scored(graph: ModelGraph) -> Iterator[tuple[str, ...]]:
    """Yield each parameter that the model reads, and whether it has a score in the clear and in private, or why not."""
    dependence, clear = Dependence.of(graph), Dependence.of(graph, divided=True)
    released = Dependence.of(graph, divided=True, released=True) if graph.public else clear
    for name in sorted({entry.name for entry in parameters_read(graph)}):
        outcome, exact = (dependence.why_not_private(name, exact=exact) for exact in (False, True))
        private = outcome if exact else "in mode sum" if outcome else "yes"
        reacting = released.why_not(name)
        yes = f"where public numbers are a schedule's; else it {reacting}" if reacting else "yes"
        yield name, clear.why_not(name) or yes, private or "yes"
    factors = (name for name, reason in factor_reasons(graph).items() if not reason)
    yield from ((FACTOR + name, "by each parameter", "in mode outcome") for name in factors)
