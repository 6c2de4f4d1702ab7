"""Releases: that each belongs to what the run computes, and that its noise covers what one agent changes."""

from collections.abc import Sequence

import msgspec

from protocols.arithmetic.fixed_point import prove_no_wrap
from protocols.errors import ParameterError
from protocols.models.agent_model import AgentModel
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.bounds import LARGEST_CELL
from protocols.releases.mechanism import DiscreteGaussian, RunningNoise
from protocols.releases.query import NOISE, SCORE, SERIES, SUM, Releases
from protocols.releases.sensitivity import furthest


def check_series(releases: Releases, model: GraphModel, *, steps: int) -> None:
    """Refuse a series of one event of each agent where there are several, and noise for fewer steps than agents speak.

    Without any series go models whose stays in each stage have a law that all agents share.

    Raises:
        ParameterError: it is such a series.
    """
    cells = releases.of("cells")
    if releases.of("running"):
        RunningNoise(1.0, steps + 1)
    if model.recurrence and (releases.of("incidence") or releases.of("running")):
        raise ParameterError(
            f"{model.recurrence}, and incidence and running are of one event of each: release the tally"
        )
    if not any(releases.of(name) for name in ("tally", *SERIES)) and not model.stays:
        raise ParameterError("releases without a series know no model's graph; release the tally")
    if cells is None or cells.mechanism != NOISE:
        return
    if model.agents.cell_most != (1,):
        raise ParameterError("noise of cells covers one message of at most 1; the model has others: release them exact")
    longest = model.longest_message or steps + 1
    if cells.norms is msgspec.UNSET and cells.times < min(longest, steps + 1):  # else clients hold it, whatever it is
        raise ParameterError(f"an agent speaks to its cell in up to {longest} steps; set times of cells to that")


def check_no_sum(releases: Releases) -> None:
    """Refuse the release of a secure sum in a simulation.

    Raises:
        ParameterError: it is named.
    """
    if releases.of(SUM) is not None:
        raise ParameterError("the release sum is of a secure sum, and a simulation has none; leave it out")


def check_tally(model: AgentModel, *, agents: int, cells: Sequence[int]) -> None:
    """Refuse totals that could wrap, or a range of them, and cells that say more than an update is proved for.

    Raises:
        ParameterError: a cell is too large for what is told in it.
        WouldWrap: a total could reach 2**63, or as much lie between its least and its greatest value.
    """
    loudest, largest = max(model.cell_most, default=0), max(cells, default=0)
    if loudest * largest > LARGEST_CELL:
        raise ParameterError(f"a cell of {largest} people who tell {loudest} each says more than 2**32")
    for word in model.tally:
        furthest = max(abs(word.low), abs(word.high), word.high - word.low)
        prove_no_wrap({f"the total of {word.name}": agents * furthest})
    for channel, most in enumerate(model.cell_most):
        prove_no_wrap({f"the total of cell channel {channel}": agents * most})


def check_cell_field(model: AgentModel, *, agents: int, cells: Sequence[int]) -> None:
    """Refuse a run whose cells are not those that its agents move between, or cannot hold all of them at once.

    Raises:
        ParameterError: it is so.
    """
    count = len(model.cell_names)
    if model.cell_field is not None and (len(cells) != count or min(cells) < agents):
        raise ParameterError(
            f"agents move between the {count} cells of {model.cell_field}, and all {agents} could be in one; the run "
            f"has {len(cells)} cells, of at least {min(cells, default=0)} people: give {count} of {agents} or more"
        )


def check_small_counts(model: AgentModel, releases: Releases | None, *, cells: int) -> None:
    """Refuse the suppression of small counts where what is released could tell them by more than one difference.

    Raises:
        ParameterError: the tally has observables, or stages of several fields, or cells hear more than of one stage;
            or departures are released exact, however few they are.
    """
    if releases and any((series := releases.of(name)) and series.mechanism != NOISE for name in SERIES):
        raise ParameterError("min_count does not suppress departures: give their series noise, or leave min_count out")
    fields = {word.stage_of for word in model.tally}
    if len(fields) != 1 or None in fields:
        raise ParameterError(
            "min_count is for models of one field of stages, without observables: differences of other totals would "
            "tell small counts; leave it out, or the observables"
        )
    if cells and model.cell_most and len(model.speakers) != 1:
        raise ParameterError(
            "min_count with cells is for models in which exactly the agents of one stage say 1 to their cell: of this "
            "one the totals of cells and stages would tell small counts; leave it, or the cells, out"
        )


def check_cells(releases: Releases, *, cells: int) -> None:
    """Refuse the release cells without cells, and cells without it.

    Raises:
        ParameterError: there is one without the other.
    """
    if (releases.of("cells") is None) == bool(cells):
        raise ParameterError("the release cells is for runs with cells, and these cannot do without it")


def check_derivatives(
    releases: Releases,
    gradient: Gradient | None,
    *,
    changes: tuple[int, ...],
    agents: int,
    aggregators: int,
    steps: int,
) -> None:
    """Refuse noise beside adjoints, noise beside tangents that does not fit, and so of a score, or one not released.

    Args:
        changes: by how much an agent can change each word of the score; none without scores.
        agents: private ones, n.
        aggregators: k.
        steps: T.

    Raises:
        ParameterError: it is such a run.
        WouldWrap: the score and its noise could reach 2**63.
    """
    score = releases.of(SCORE)
    if gradient is None or not gradient.relaxed:
        if bounded := [each.name for each in releases.each if each.norms is not msgspec.UNSET]:
            raise ParameterError(f"norms of {bounded[0]} are of runs with tangents; leave them out")
    elif releases.has_noise or not releases.of("tally"):
        _check_noised_tangents(releases, gradient, aggregators=aggregators, steps=steps)
    if (score is None) == (gradient is not None and gradient.way == SCORE):
        raise ParameterError('the release score is for gradients of way "score", and these cannot do without it')
    if score is None or gradient is None or score.mechanism != NOISE:
        return
    if (score.times, score.sensitivity) != (gradient.p, 1):
        raise ParameterError(
            f"the score has {gradient.p} words, and its sigma counts in what an agent changes of each: set times of "
            f"score to {gradient.p}, and its sensitivity to 1"
        )
    for change in changes:
        DiscreteGaussian(score.sigma * change)
    noise = furthest(changes, score.sigma, aggregators=aggregators)
    prove_no_wrap({"the score of all agents": agents * max(changes), "noise": noise})


def _check_noised_tangents(releases: Releases, gradient: Gradient, *, aggregators: int, steps: int) -> None:
    """Refuse noise that leaves something exact, or whose cost is not counted for each derivative."""
    if gradient.way != "tangents" or releases.of("incidence") is None:
        raise ParameterError(
            f"{gradient.way} are opened in every step, and noise beside them covers departures of tangents alone: "
            'release incidence, with way "tangents", or leave the releases out'
        )
    if exact := [each.name for each in releases.each if each.mechanism != NOISE]:
        raise ParameterError(f"{exact[0]} is released exact beside noised derivatives; give it noise too")
    for each in releases.each:
        if each.norms is msgspec.UNSET or (each.times, each.sensitivity) != (gradient.width, 1):
            raise ParameterError(
                f"sigma of {each.name} counts in the norms of an agent's values and of its derivatives by "
                f"{gradient.p} parameters: give norms, set times to {gradient.width}, and sensitivity to 1"
            )
        noise = furthest(gradient.units(*each.norms), each.sigma, aggregators=aggregators)
        prove_no_wrap({f"the noise of {each.name}, over all steps": (steps + 1) * noise})
