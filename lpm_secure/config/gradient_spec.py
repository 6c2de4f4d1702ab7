"""From `[gradient]` of a configuration to what the manifest says of derivatives."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from lpm_secure.config.day_law import DayLaw
from lpm_secure.config.gradient import GradientConfig
from lpm_secure.config.laws import Delay
from lpm_secure.config.model import ModelConfig, parameter_names
from lpm_secure.config.synthetic import SyntheticConfig
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import ConfigError
from protocols.models.chain.hazard_factor import PROTECTION, REDUCTION
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.entries import parameters_read

SCALES: Final[Mapping[str, Mapping[str, float]]] = {"adjoints": {"value_bits": 40, "tangent_bits": 36, "clip": 64.0}}


class DerivableRun(Protocol):
    """What derivatives need of a run: a `Config`, or a project."""

    @property
    def gradient(self) -> GradientConfig | None:
        """Return `[gradient]`."""

    @property
    def model(self) -> ModelConfig | str:
        """Return the table `[model]`, or a model by its name."""

    @property
    def dt(self) -> float:
        """Return the days in a step."""

    @property
    def synthetic(self) -> SyntheticConfig:
        """Return the engine's agents."""


def gradient_for(config: DerivableRun, model: GraphModel) -> Gradient | None:
    """Return the manifest's gradient of a run; none where its configuration asks for none.

    Args:
        config: of the run.
        model: of it; a table among a graph's parameters stands for all of its entries.

    Raises:
        ConfigError: synthetic agents that live in a population, whose derivatives nobody computes here; or a parameter
            that the table `[model]` has not.
    """
    asked = config.gradient
    if asked is None:
        return None
    if config.synthetic.population is not None:
        raise ConfigError(
            f"[gradient] and synthetic.population {config.synthetic.population!r}: agents of a population have no "
            "derivatives in a private run; leave the population out, so that they meet in cells"
        )
    given = {name: getattr(asked, name) for name in asked.__struct_fields__ if getattr(asked, name) is not None}
    if isinstance(config.model, str):
        given["parameters"] = _entries(model, asked.parameters)
        given["stays"] = "geometric" if asked.stays == "geometric" else msgspec.UNSET
    else:
        given |= _of_table(config.model, asked, config.dt)
    passes = {"passes": len(model.agents.tally)} if asked.way == "adjoints" else {}
    return Gradient(**{**SCALES.get(asked.way, {}), **given, **passes})


def _of_table(table: ModelConfig, asked: GradientConfig, dt: float) -> dict[str, Any]:
    """Return the parameters of a table's graph, and how its stays move with their means.

    Those of scores move as gamma distributions do; relaxed ones are compartments' where nothing else is asked for.
    """
    known = parameter_names(table, relaxed=asked.way != "score")
    names = asked.parameters or (tuple(known) if asked.way == "adjoints" else ())
    given = {REDUCTION: asked.reduction, PROTECTION: asked.protection}
    if not asked.parameters:
        names = tuple(name for name in names if given.get(known[name], name) is not None)
    unknown = [name for name in names if name not in known]
    if unknown:
        what = "score" if asked.way == "score" else "derivative"
        raise ConfigError(f"no {what} by {unknown[0]}: there are {', '.join(known)}")
    parameters = tuple(known[name] for name in names)
    if asked.way != "score":
        return {"parameters": parameters, "stays": msgspec.UNSET if asked.stays == "exact" else "geometric"}
    laws = {name: getattr(table, name, None) for name in names}
    slopes = {known[name]: _slope(law, dt) for name, law in laws.items() if isinstance(law, Delay)}
    return {"parameters": parameters, "slopes": slopes}


def _entries(model: GraphModel, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return parameters by their titles, each entry of a table by its own."""
    titles = {name: [entry.title for entry in parameters_read(model.graph) if entry.name == name] for name in names}
    return tuple(title for name in names for title in titles[name] or [name])


def _slope(delay: Delay, dt: float) -> tuple[float, ...]:
    """Return by how much each weight of a law of days changes with its mean in steps, in units of 2**-32."""
    by_day = DayLaw.of(delay.mean, delay.sd, dt=dt).slope
    by_step: list[float] = np.multiply(by_day, dt * LAW_TOTAL).tolist()
    return tuple(by_step)
