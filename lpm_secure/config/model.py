"""The model of a configuration, and the public integers or the graph that a manifest carries for it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Final, NamedTuple, final

import msgspec

from lpm_secure.config.bounds import Days, Rate
from lpm_secure.config.gradient import GradientConfig
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.config.laws import Delay, law_of
from lpm_secure.models.axes import Value
from lpm_secure.models.library.doses import FULL
from lpm_secure.models.library.seir_channels import contact_model, rate_names
from lpm_secure.models.tracer import Trace, trace
from lpm_secure.models.units import rate
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import to_fixed
from protocols.errors import ConfigError, ParameterError
from protocols.identity.trust import Name
from protocols.models.chain.hazard_factor import PROTECTION, REDUCTION
from protocols.models.gradient import FACTOR
from protocols.models.graph.agents import GraphModel

BETA: Final = "beta."
LARGEST_RATE: Final = rate().high


@final
class DosesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vaccination of which nobody but an agent's holder knows whether and when the agent took part.

    Attributes:
        first_day: from which the first doses protect.
        days: over which doses are spread.
        coverage: probability that an agent takes one.
        efficacy: by how much a dose lowers susceptibility; in steps of 1 / 256.
    """

    first_day: Annotated[float, msgspec.Meta(ge=0, le=3_650)] = 0.0
    days: Days = 1.0
    coverage: Annotated[float, msgspec.Meta(ge=0, le=1)]
    efficacy: Annotated[float, msgspec.Meta(ge=0, le=1)]


@final
class ModelConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The S-E-I-R epidemic; S-E-I-R-S where immunity wanes.

    Attributes:
        beta: for each contact channel, infections per susceptible agent, day, and unit of infectious contact.
        cell_beta: per day, if everyone in the agent's cell were infectious.
        latent, infectious: how long an agent stays exposed, and infectious.
        initial: probability of being infectious on day 0.
        fraction_bits: of hazards and thresholds.
        waning: how long an agent stays immune; for ever unless given.
        doses: private vaccine doses; none unless given.
    """

    beta: dict[Name, Rate]
    cell_beta: Rate = 0.0
    latent: Delay
    infectious: Delay
    initial: Annotated[float, msgspec.Meta(ge=0, le=1)]
    fraction_bits: Annotated[int, msgspec.Meta(ge=8, le=56)] = 40
    waning: Delay | None = None
    doses: DosesConfig | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the contact channels, in order."""
        return tuple(self.beta)


def check_source(given: ModelConfig | str, parameters: Mapping[str, Value]) -> None:
    """Refuse a table `[model]` without a channel, and `[parameters]` beside one.

    Raises:
        ConfigError: it is so.
    """
    if isinstance(given, str):
        return
    if not given.beta:
        raise ConfigError("model.beta is empty: name at least one contact channel, such as beta = {near = 0.001}")
    if parameters:
        raise ConfigError(
            '[parameters] are of a model that is named, such as model = "package:Class"; those of [model] stand in it'
        )


def model_of(
    given: ModelConfig | str, parameters: Mapping[str, Value], *, dt: float, way: str | None = None
) -> GraphModel:
    """Return the model that every party derives its steps from.

    Args:
        given: the table `[model]`, or a model by its name.
        parameters: of one that is named; steps are its unit of time.
        dt: days in a step.
        way: of the derivatives; None where there are none. Scores are of people who are all drawn and alike.

    Raises:
        ModelError, ConfigError: there is no such model, it has a mistake, or its parameters do not fit.
    """
    if isinstance(given, str):
        return graph_model_of(given, parameters)
    return graph_of(_integers(given, dt=dt), listed=way != "score")


def channel_names(given: ModelConfig | str, model: GraphModel) -> tuple[str, ...]:
    """Return what lists of contacts call a run's channels, in order: a table's own names, or those of a graph."""
    return model.contact_channels if isinstance(given, str) else given.channels


def exclusions(given: ModelConfig | str, asked: GradientConfig | None) -> Mapping[str, str]:
    """Return which columns of own people derivatives of a table `[model]` do not take, and why.

    Args:
        given: the table `[model]`, or a model by its name, which takes all of its own.
        asked: for derivatives; None where there are none.
    """
    if asked is None or isinstance(given, str):
        return {}
    if asked.way != "score":
        exact = 'it is known, and exact stays are drawn as a whole; leave it empty, or take stays = "geometric"'
        return {"since": exact} if asked.stays == "exact" else {}
    known = "it is known, and scores of the table [model] take drawn stages alone; leave it empty"
    alike = "scores of the table [model] are of people who are all alike; leave it empty"
    return {"stage": known, "since": known, "susceptibility": alike}


def table_model(given: ModelConfig, *, dt: float, listed: bool) -> GraphModel:
    """Return a table `[model]` as a graph of the library; `listed` as in `graph_of`, `dt` in days."""
    return graph_of(_integers(given, dt=dt), listed=listed)


def table_laws(given: ModelConfig) -> Mapping[str, Delay]:
    """Return the laws of days of a table `[model]`, in days, by the names of the graph's parameters."""
    laws = {"latent_law": given.latent, "infectious_law": given.infectious}
    return laws if given.waning is None else {**laws, "waning_law": given.waning}


@final
class TableIntegers(NamedTuple):
    """The table `[model]` in steps and whole numbers.

    Attributes:
        beta: of each contact channel, `f` fraction bits.
        cell_beta: if everyone in the agent's cell were infectious, `f` fraction bits.
        latent, infectious: laws of days.
        initial: probability of being infectious at the start, in units of 2**-32.
        f: fraction bits of hazards.
        waning: law of days until an agent is susceptible again; empty where immunity lasts.
        doses: `first`, `days`, `coverage` and `left` of a vaccination; none where nobody is vaccinated.
    """

    beta: tuple[int, ...]
    cell_beta: int
    latent: tuple[int, ...]
    infectious: tuple[int, ...]
    initial: int
    f: int
    waning: tuple[int, ...] = ()
    doses: Mapping[str, int] = {}


def graph_of(table: TableIntegers, *, listed: bool = True) -> GraphModel:
    """Return a table `[model]` as a graph of the library.

    Args:
        table: in whole numbers.
        listed: whether holders may know since when agents are ill, and how susceptible.
    """
    channels, wanes, doses = len(table.beta), bool(table.waning), bool(table.doses)
    traced = _traced(table.f, channels=channels, wanes=wanes, doses=doses, listed=listed)
    given: dict[str, int | tuple[int, ...]] = {
        "cell_rate": table.cell_beta,
        "latent_law": table.latent,
        "infectious_law": table.infectious,
        "initial": table.initial,
        **dict(zip(rate_names(channels), table.beta, strict=True)),
        **table.doses,
        **({"waning_law": table.waning} if table.waning else {}),
    }
    return GraphModel(traced.graph, given)


@lru_cache(maxsize=64)
def _traced(bits: int, *, channels: int, wanes: bool, doses: bool, listed: bool) -> Trace:
    return trace(contact_model(bits, channels=channels, wanes=wanes, doses=doses, listed=listed))


def _integers(given: ModelConfig, *, dt: float) -> TableIntegers:
    f = given.fraction_bits
    return TableIntegers(
        beta=tuple(_rate(beta * dt, f=f, name=f"model.beta.{name}") for name, beta in given.beta.items()),
        cell_beta=_rate(given.cell_beta * dt, f=f, name="model.cell_beta"),
        latent=law_of(given.latent, dt=dt),
        infectious=law_of(given.infectious, dt=dt),
        initial=round(given.initial * LAW_TOTAL),
        f=f,
        waning=law_of(given.waning, dt=dt) if given.waning else (),
        doses=_doses(given.doses, dt=dt) if given.doses else {},
    )


def _rate(hazard: float, *, f: int, name: str) -> int:
    """Return a hazard of a step in fixed point.

    Raises:
        ParameterError: it is larger than a graph's rates, or rounds to 0.
    """
    if (whole := to_fixed(hazard, f=f, name=name)) > LARGEST_RATE:
        most = LARGEST_RATE / 2**f
        raise ParameterError(
            f"{name} is {hazard:g} a step: with {f} fraction bits at most {most:g} is allowed; use a smaller one, or "
            "fewer fraction bits"
        )
    return whole


def parameter_names(table: ModelConfig, *, relaxed: bool) -> Mapping[str, str]:
    """Return by the name of each parameter in a configuration that of the graph, or of a relaxed run's gradient."""
    rates = dict(zip((BETA + name for name in table.channels), rate_names(len(table.channels)), strict=True))
    laws = ("latent", "infectious", *(("waning",) if table.waning else ()))
    own = {**rates, "cell_beta": "cell_rate", **{name: f"{name}_law" for name in laws}, "initial": "initial"}
    return own | ({"reduction": REDUCTION, "efficacy": PROTECTION} if relaxed else {"scale": f"{FACTOR}infection"})


def _doses(given: DosesConfig, *, dt: float) -> Mapping[str, int]:
    """Return a campaign in steps and whole units."""
    return {
        "first": round(given.first_day / dt),
        "days": max(round(given.days / dt), 1),
        "coverage": round(given.coverage * LAW_TOTAL),
        "left": round((1.0 - given.efficacy) * FULL),
    }
