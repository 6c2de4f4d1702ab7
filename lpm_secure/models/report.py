"""What a model is, says and tells, in words and figures: read off its graph, for its author and for who consents."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from lpm_secure.models.tracer import Trace
from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.checks import cost
from protocols.models.graph.graph import encode
from protocols.models.graph.information_flow import flows, sources


@final
@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and rows of text under column heads."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(traced: Trace) -> Iterator[Section]:
    """Return what there is to say of a model."""
    graph = traced.graph
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
                " | ".join(field.stages) or f"{field.low:,} to {field.high:,}",
                "{:,} to {:,}".format(*bounds[graph.update[name]]) if name in graph.update else "as it was",
            )
            for name, field in graph.fields.items()
        ),
    )
    yield Section("What it says", ("channel", "at most", "depends on", "never on"), tuple(_said(traced)))
    yield Section("What its holder learns in a step", ("outcome", "of each agent", "threshold"), tuple(_told(traced)))


def _said(traced: Trace) -> Iterator[tuple[str, ...]]:
    graph = traced.graph
    for name, channel in graph.channels.items():
        on = sources(graph, "messages", name)
        never = sorted(set(graph.fields) - on)
        whom = "its cell's public total" if channel.cell else "each contact"
        direct = ", ".join(flows(graph, "messages")[name].fields) or "nothing"
        over = f" (over time: {', '.join(sorted(on))})" if set(on) - set(flows(graph, "messages")[name].fields) else ""
        yield name, f"{channel.most:,} to {whom}", f"{direct}{over}", ", ".join(never) or "-"


def _told(traced: Trace) -> Iterator[tuple[str, ...]]:
    when = {"once": "told once", "restart": "told again when its level begins anew", "step": "told in each step"}
    for name, outcome in traced.graph.outcomes.items():
        terms = " + ".join(f"{factor} x {channel}" for channel, factor in outcome.coefficients.items())
        kept = "summed up over the steps" if outcome.keep else "of the step"
        if outcome.reveals == "bit":
            yield name, f"1 bit: is {terms}, {kept}, above its private threshold", when[outcome.threshold]
        else:
            yield name, f"the exact sum of {terms}, {kept}: it says much about neighbours", "-"
