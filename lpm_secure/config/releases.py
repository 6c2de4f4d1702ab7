"""`[releases]` of a run's configuration, and the releases that it asks the manifest for."""

import math
from typing import Annotated, Any, Literal, final

import msgspec

from lpm_secure.accounting import sigma_for, smooth_sigma_for
from protocols.errors import ConfigError
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.releases.query import SCORE, Norm, Release, Releases

Norms = tuple[Norm, Norm]
Epsilon = Annotated[float, msgspec.Meta(gt=0, le=100)]


@final
class NoiseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Noise in what a run opens.

    Attributes:
        series: of agents that leave the first stage: "incidence", in each step; "running", all so far.
        epsilon: of that series; one agent's departure is the unit. Without it the tally is opened exact. Models in
            which an agent may come back have no such series.
        cells_epsilon: of all cell totals together; all that an agent says to its cell is the unit.
        score_epsilon: of all words of a score together; all that one agent adds to them is the unit.
        delta: of each.
        norms, cells_norms: beside tangents, the largest Euclidean norm of an agent's values, and of its derivatives by
            a parameter, in all steps together: of its departure, and of what it tells its cell. What is beyond is
            clipped, and noise grows with them. 1, or that of as many steps as it may speak in, and `clip` unless given.
    """

    series: Literal["incidence", "running"] = "incidence"
    epsilon: Epsilon | None = None
    cells_epsilon: Epsilon | None = None
    score_epsilon: Epsilon | None = None
    delta: Annotated[float, msgspec.Meta(gt=0, lt=0.1)] = 1e-6
    norms: Norms | None = None
    cells_norms: Norms | None = None

    def __post_init__(self) -> None:
        """Check that something has noise."""
        if self.epsilon is None and self.cells_epsilon is None and self.score_epsilon is None:
            raise ConfigError(
                "[releases] names no epsilon: give that of the series, cells_epsilon, or score_epsilon for a score"
            )


def releases_for(
    config: NoiseConfig | None,
    model: GraphModel,
    *,
    steps: int,
    cells: bool,
    gradient: Gradient | None = None,
    copies: int = 1,
) -> Releases | None:
    """Return the releases of a run of so many steps; none, for the exact ones, without a configuration.

    An epsilon is of all replicates of the run together, so that the noise of each grows with their square root.

    Cells and scores without an epsilon of their own are opened exact: the manifest and the audit say so.
    """
    if config is None:
        return None
    if config.score_epsilon is not None and (gradient is None or gradient.way != SCORE):
        raise ConfigError('[releases] has a score_epsilon, and the run no score: set way = "score" in [gradient]')
    if gradient is not None and gradient.way == "tangents":
        return _of_tangents(config, gradient, model, steps=steps, cells=cells)
    if config.norms or config.cells_norms:
        raise ConfigError('[releases] has norms, which are of runs with way = "tangents" in [gradient]; leave them out')
    each = [Release(name="tally")]
    if config.epsilon is not None:
        running = config.series == "running"  # a vector whose norm, and no number, one event changes by a fixed amount
        each = [_release(config.series, config.epsilon, config.delta, times=1, copies=copies, smooth=running)]
    if cells and config.cells_epsilon is not None:
        days = min(model.longest_message or steps + 1, steps + 1)
        each.append(_release("cells", config.cells_epsilon, config.delta, times=days, copies=copies))
    elif cells:
        each.append(Release(name="cells"))
    elif config.cells_epsilon is not None:
        raise ConfigError("[releases] has a cells_epsilon, and the run no cells: leave it out")
    if gradient is not None and gradient.way == SCORE:
        each.append(_score(config, gradient))
    rho = sum(release.rho(1 if release.name == SCORE else steps + 1, copies=copies) for release in each)
    return Releases(each=tuple(each), rho=rho)


def _of_tangents(
    config: NoiseConfig, gradient: Gradient, model: GraphModel, *, steps: int, cells: bool
) -> Releases | None:
    """Return noised departures and cells, each number beside p derivatives that cost as much as one event each."""
    odd = config.series != "incidence" or (config.cells_epsilon is None) == cells
    if odd or config.epsilon is None:
        need = "epsilon and cells_epsilon" if cells else "epsilon alone"
        raise ConfigError(f'[releases] beside tangents are the series "incidence", and have {need}; correct them')
    longest = steps + 1 if gradient.geometric else min(model.longest_message or steps + 1, steps + 1)
    cost: dict[str, Any] = {"delta": config.delta, "times": gradient.width, "smooth": True}
    norms = config.norms or (1.0, gradient.clip)
    each = [_release("incidence", config.epsilon, norms=norms, **cost)]
    if config.cells_norms and config.cells_epsilon is None:
        raise ConfigError("[releases] has cells_norms, and the run no cells: leave it out")
    if config.cells_epsilon is not None:
        norms = config.cells_norms or (math.sqrt(longest), gradient.clip)
        each.append(_release("cells", config.cells_epsilon, norms=norms, **cost))
    return Releases(each=tuple(each), rho=sum(release.rho(1) for release in each))


def _score(config: NoiseConfig, gradient: Gradient) -> Release:
    if config.score_epsilon is None:
        return Release(name=SCORE)
    return _release(SCORE, config.score_epsilon, config.delta, times=gradient.p, smooth=True)


def _release(
    name: Literal["incidence", "running", "cells", "score"],
    epsilon: float,
    delta: float,
    *,
    times: int,
    smooth: bool = False,
    copies: int = 1,
    norms: Norms | msgspec.UnsetType = msgspec.UNSET,
) -> Release:
    sigma = (smooth_sigma_for if smooth else sigma_for)(epsilon, delta, times=times * copies)
    return Release(
        name=name,
        mechanism="discrete-gaussian",
        sigma=sigma,
        times=times,
        norms=norms,
        unit="contribution",
        epsilon=epsilon,
        delta=delta,
    )
