"""`[releases]` of a run's configuration, and the releases that it asks the manifest for."""

from typing import Annotated, Literal, final

import msgspec

from lpm_secure.accounting import sigma_for
from protocols.releases import Release, Releases
from protocols.substeps import Seir

Epsilon = Annotated[float, msgspec.Meta(gt=0, le=100)]


@final
class NoiseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Noise in what a run opens.

    Attributes:
        series: "incidence": new infections; "running": all infections so far.
        epsilon: of that series; one agent's infection is the unit.
        cells_epsilon: of all cell totals together; an agent's days of infectiousness are the unit.
        delta: of each.
    """

    series: Literal["incidence", "running"] = "incidence"
    epsilon: Epsilon
    cells_epsilon: Epsilon | None = None
    delta: Annotated[float, msgspec.Meta(gt=0, lt=0.1)] = 1e-6


def releases_for(config: NoiseConfig | None, model: Seir, *, steps: int, cells: bool) -> Releases | None:
    """Return the releases of a run of so many steps; none, for the exact ones, without a configuration.

    Cells without an epsilon of their own are opened exact: the manifest and the audit say so.
    """
    if config is None:
        return None
    each = [_release(config.series, config.epsilon, config.delta, times=1)]
    if cells and config.cells_epsilon is not None:
        days = min(len(model.infectious) + 1, steps + 1)
        each.append(_release("cells", config.cells_epsilon, config.delta, times=days))
    elif cells:
        each.append(Release(name="cells"))
    return Releases(each=tuple(each), rho=sum(release.rho(steps + 1) for release in each))


def _release(name: Literal["incidence", "running", "cells"], epsilon: float, delta: float, *, times: int) -> Release:
    sigma = sigma_for(epsilon, delta, times=times)
    return Release(
        name=name,
        mechanism="discrete-gaussian",
        sigma=sigma,
        times=times,
        unit="contribution",
        epsilon=epsilon,
        delta=delta,
    )
