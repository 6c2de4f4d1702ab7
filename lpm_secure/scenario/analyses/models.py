"""The check of a model, as the command line and a program ask for it."""

from lpm_secure.models.model import Model
from lpm_secure.models.reference import find
from lpm_secure.report.page import Page
from lpm_secure.report.summary import Summary
from lpm_secure.scenario.results.analysis import Analysis
from lpm_secure.testbed import model_check
from lpm_secure.testbed.model_check import ModelCheck
from protocols.errors import ParameterError
from protocols.models.chain.chain_parameters import describe_chain
from protocols.models.graph.agents import GraphModel
from protocols.report import html
from protocols.report.model_report import sections


def check_model(model: type[Model] | str, *, agents: int = 500, steps: int = 20, seed: int = 1) -> Analysis[ModelCheck]:
    """Check a model as `lpm check-model` does: what it is, what it tells, and that every engine has the same bits.

    Args:
        model: a class, of a notebook too; `package:Class`, or a name of the library.
        agents: how many the drawn world has, 2 or more.
        steps: how many it runs for.
        seed: of its draws, a whole number.

    Returns:
        What an agent says and what its holder learns, in `figures` and as a page; `passed` says whether all back ends
        agree to the bit.

    Raises:
        ModelError: in one line, with the place in the author's file; of it is BoundError.
        ParameterError: a world of fewer than 2 agents, no step, or a seed below 0.
    """
    if agents < 2 or steps < 1 or seed < 0:
        raise ParameterError(f"got agents = {agents}, steps = {steps}, seed = {seed}; give 2, 1 and 0, or more")
    found = model_check.check_model(
        find(model) if isinstance(model, str) else model, agents=agents, steps=steps, seed=seed
    )
    what, *others = parts = list(sections(found.trace.graph))
    relaxed = describe_chain(GraphModel(found.trace.graph, dict(found.trace.parameters)), steps=steps)
    lines = [f"relaxed runs: {relaxed}"]
    for name, (first, last) in found.tallies.items():
        lines.append(f"{name} of {agents} drawn agents: {list(first)} at first, {list(last)} after {steps} steps")
    for backend, difference in found.differences.items():
        lines.append(f"back ends: {backend} DIFFERS from the interpreter at {difference}")
    lines += [] if found.differences else [f"back ends: identical ({', '.join(found.backends)})"]
    figures = {
        "model": {row[0]: row[1] for row in what.rows},
        "sections": {each.title: [dict(zip(each.heads, row, strict=True)) for row in each.rows] for each in others},
        "relaxed": relaxed,
        "world": {"agents": agents, "steps": steps, "seed": seed},
        "tallies": {name: {"first": first, "last": last} for name, (first, last) in found.tallies.items()},
        "back_ends": found.backends,
        "differences": dict(found.differences),
    }
    page = [part for each in parts for part in (html.heading(each.title), html.table(each.rows, head=each.heads))]
    summary = Summary(
        file="model.json",
        figures=figures,
        lines=tuple(lines),
        page=Page("Check of a model", [*page, html.items(lines)]),
        passed=not found.differences,
    )
    return Analysis(found, summary)
