"""Derivatives: what the mode can give, over whom they are summed, and that no total of them wraps."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from protocols.arithmetic.fixed_point import prove_no_wrap
from protocols.errors import ModelError, ParameterError
from protocols.models.chain.chain_parameters import chain_parameters
from protocols.models.chain.hazard_factor import factor_parameters
from protocols.models.gradient import OF_SCORES, OF_TANGENTS, Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.entries import is_law
from protocols.models.likelihood.factors.integer_score import UNIT
from protocols.models.likelihood.factors.level_factors import factors_of
from protocols.models.likelihood.score_bounds import hazard_bounds
from protocols.models.likelihood.score_parameters import entries_of, score_parameters
from protocols.quantity import quantity
from protocols.task.parties import ClientParty

MOST_SCORES: Final = 256


def check_gradient(gradient: Gradient, model: GraphModel, *, mode: str, engine: bool, agents: int, steps: int) -> None:
    """Refuse derivatives that a run of this model and mode has not.

    Raises:
        ParameterError: with a line that says what there is, or which mode or way can.
        ModelError: the model has no relaxed runs.
        WouldWrap: a score could reach 2**63.
    """
    if gradient.relaxed:
        check_relaxed(gradient, model, mode=mode)
        check_back(gradient, model, engine=engine)
    else:
        check_score(gradient, model, mode=mode)
        check_hidden_score(gradient, model, agents=agents, steps=steps)


def check_score(gradient: Gradient, model: GraphModel, *, mode: str) -> None:
    """Refuse scores by what has none, and laws that move by other numbers than they have.

    Raises:
        ParameterError: with those parameters that have a score.
    """
    check_keys(gradient, OF_SCORES, what="scores")
    check_titles(gradient.parameters, score_parameters(model, exact=mode == "sum"), what="score")
    entries = entries_of(model, gradient.parameters)
    laws = {entry.title: entry for entry in entries if is_law(model.graph.parameters[entry.name])}
    for title, slope in gradient.slopes.items():
        if title not in laws:
            there = f"there are slopes of {', '.join(laws) or 'none'}"
            raise ParameterError(f"no slope of {title}: no law of the score's parameters; {there}")
        days = model.agents.parameters[laws[title].name].shape[1]
        if len(slope) != days:
            raise ParameterError(f"the slope of {title} has {len(slope)} numbers, and the law {days}; give one each")


def check_relaxed(gradient: Gradient, model: GraphModel, *, mode: str) -> None:
    """Refuse derivatives of a relaxed run by what has none, or which its mode cannot carry.

    Raises:
        ParameterError: with those parameters that have one.
        ModelError: the model has no relaxed runs.
    """
    allowed = (*OF_TANGENTS, "passes") if gradient.way == "adjoints" else OF_TANGENTS
    check_keys(gradient, allowed, what=gradient.way)
    if model.graph.public:
        raise ModelError(
            f"the model hears public numbers ({', '.join(model.graph.public)}), through which no private derivative of "
            "a relaxed run is taken; take scores, or relaxed derivatives in the clear"
        )
    found = chain_parameters(model, geometric=gradient.geometric)
    found.update(factor_parameters(gradient))
    check_graph_mode(gradient, model, mode=mode)
    check_titles(gradient.parameters, found, what="derivative")


def check_back(gradient: Gradient, model: GraphModel, *, engine: bool) -> None:
    """Refuse adjoints that no engine starts, or that would have to go against a contact's direction.

    Raises:
        ParameterError: with what can.
    """
    if gradient.way != "adjoints":
        return
    if not engine:
        raise ParameterError("adjoints start at the engine, and the run has none; set engine, or ask for tangents")
    if directed := [name for name in model.contact_channels if model.graph.channels[name].directed]:
        raise ParameterError(
            f"contacts on {', '.join(directed)} have a direction, and adjoints would go against it; ask for tangents"
        )


def check_keys(gradient: Gradient, allowed: Sequence[str], *, what: str) -> None:
    """Refuse settings of another way.

    Raises:
        ParameterError: with those that there are.
    """
    plain = Gradient(way=gradient.way)
    given = [each.name for each in msgspec.structs.fields(gradient)]
    if beside := sorted(
        name for name in given if name not in allowed and getattr(gradient, name) != getattr(plain, name)
    ):
        raise ParameterError(f"{', '.join(beside)}: of another way; {what} have {', '.join(allowed)}")


def check_titles(names: Sequence[str], reasons: Mapping[str, str], *, what: str) -> None:
    """Refuse parameters that are named twice or have no derivative.

    Args:
        names: that were asked for.
        reasons: of each parameter of the model why it has none; nothing where it has one.
        what: that kind of derivative, in a word.

    Raises:
        ParameterError: with those that have one.
    """
    allowed = f"there are {what}s by {', '.join(title for title, why in reasons.items() if not why) or 'none'}"
    for name in names:
        why = reasons.get(name, "is no parameter that the model reads")
        if why:
            raise ParameterError(f"no {what} by {name}: it {why}; {allowed}")
    if len(names) > MOST_SCORES:
        raise ParameterError(f"got {len(names)} parameters; a run has at most {MOST_SCORES} {what}s")
    if len(set(names)) != len(names) or not names:
        raise ParameterError(f"got the parameters {list(names)}; name each once, and at least one: {allowed}")


def check_graph_mode(gradient: Gradient, model: GraphModel, *, mode: str) -> None:
    """Refuse relaxed agents whose contacts would have to carry derivatives where nobody learns its exposure.

    Raises:
        ParameterError: with a line that says which mode or which way can.
    """
    contacts, numbers = set(model.contact_channels), model.agents.parameters
    heard = sorted(
        name
        for name, outcome in model.graph.outcomes.items()
        for channel, factor in outcome.coefficients.items()
        if channel in contacts and (numbers[factor] if isinstance(factor, str) else factor)
    )
    if mode == "outcome" and heard:
        raise ParameterError(
            f"outcome mode tells no client its exposure, so contacts, which {heard[0]} adds up, carry no "
            f'{gradient.way}: ask for mode "sum", for way "score", or for rates of contacts of 0'
        )


def check_summands(clients: Sequence[ClientParty], *, min_cohort: int, min_count: int) -> None:
    """Refuse derivatives over too few clients, or beside counts that are not released.

    Raises:
        ParameterError: they are.
    """
    if min_cohort < 2:
        raise ParameterError(f"min_cohort is {min_cohort}; gradients are summed over at least 2 clients: set it higher")
    holders = sum(1 for client in clients if client.agents)
    if holders < min_cohort:
        raise ParameterError(
            f"{quantity(holders, 'client')} of this run with agents, and a gradient is summed over at least min_cohort "
            f"of those, {min_cohort}: leave the gradient out"
        )
    if min_count:
        raise ParameterError(
            f"min_count is {min_count}: small counts are suppressed in runs without derivatives, "
            "for none would be right beside a suppressed count; leave min_count or the gradient out"
        )


def check_hidden_score(gradient: Gradient, model: GraphModel, *, agents: int, steps: int) -> None:
    """Refuse a run in which a score that aggregators add up on shares could wrap.

    An agent escapes as long as its hazard stays below its threshold, so all its hazards in which it escapes add up to
    that at most; that in which it crosses is at most `largest_hazard`, which every client checks for its agents.

    Raises:
        WouldWrap: the bound reaches 2**63.
    """
    for factor in factors_of(model, tuple(gradient.factors)):
        escaped, largest = hazard_bounds(factor, gradient.largest_hazard, steps=steps)
        prove_no_wrap({"the score of all agents": agents * round(UNIT * (escaped + 1 + largest + largest**2))})


def check_totals(gradient: Gradient, *, agents: int, max_message: int, cells: Sequence[int], largest: int = 1) -> None:
    """Refuse fixed point in which a total could wrap.

    Args:
        gradient: which derivatives.
        agents: private ones.
        max_message: the largest message on one channel in one step, its contact's weight included.
        cells: people in each.
        largest: number that one agent tells its cell, or adds to a total.

    Raises:
        WouldWrap: a total could reach 2**63.
    """
    unit = gradient.clip_word
    if not gradient.relaxed:
        prove_no_wrap({"the scores of all agents": agents * unit})
        return
    people = max(agents * max_message, (agents + max(cells, default=0)) * largest)
    prove_no_wrap({"the messages of all agents": people << gradient.value_bits})
    prove_no_wrap({"the derivatives of all agents": people * unit})
