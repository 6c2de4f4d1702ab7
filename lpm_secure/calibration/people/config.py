"""A run's configuration with a table `[fit]`: which parameters are fitted through its private agents, to what."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, final

import msgspec
import numpy as np

from client_sdk.likelihood.likelihood import Likelihood
from client_sdk.likelihood.observation import LAWS, SeparateLaw, Spread
from client_sdk.likelihood.series import Series
from client_sdk.private.table import F64, Table
from client_sdk.private.table_file import read_file
from lpm_secure.accounting import smooth_sigma_for
from lpm_secure.calibration.people.privacy import for_each_run
from lpm_secure.config.releases import NoiseConfig
from lpm_secure.config.simulation import Config
from protocols.errors import ConfigError, DataError
from protocols.quantity import quantity
from protocols.toml_file import convert_tables, read_tables

FIT: Final = "fit"
STEP, VALUE = "step", "value"
MISSING: Final = ("", "NA")


@final
class PositivePrior(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A prior of a parameter above 0, and where the fit begins.

    Attributes:
        median: of the parameter.
        sd: of its log.
    """

    median: Annotated[float, msgspec.Meta(gt=0, le=1e9)]
    sd: Annotated[float, msgspec.Meta(gt=0, le=10)]


@final
class PeopleFit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table `[fit]` of a run; what `[releases]` allows beside it is for all runs of the fit together.

    Attributes:
        observed: a table (CSV or Parquet) beside the configuration, `step, value`: how many agents have left the first
            stage in the step before; what has no row, or nothing in it, is missing.
        agents: whose: "private", "synthetic", or "all".
        likelihood: of a value around what is expected.
        spread: its second parameter, as a calibration's; none of Poisson.
        rounds: at most; each is a run, whose derivatives are the next step.
        replicates: discrete runs at the end, with other seeds; from them is found how far outbreaks vary together
            over steps, and by how much relaxed runs are off. 0 for none: intervals are then too narrow. Where
            releases have noise, these runs are of made-up people in place of a data set's, cost no epsilon, and tell
            how far noise moves the fit too; your own people have none then.
        tolerance: the fit ends where no parameter moves by more of its posterior's standard deviations.
        priors: of each parameter that is fitted, by its name in `[gradient]`.
    """

    observed: str
    agents: Literal["private", "synthetic", "all"] = "all"
    likelihood: SeparateLaw = "poisson"
    spread: Spread | None = None
    rounds: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 12
    replicates: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 24
    tolerance: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    priors: Annotated[dict[str, PositivePrior], msgspec.Meta(min_length=1)]


@final
@dataclass(frozen=True, slots=True, eq=False)
class PeopleCalibration:
    """A fit through private agents.

    Attributes:
        run: whose parameters are fitted, at the medians of their priors.
        fit: which, and to what.
        observed: float64[T], of steps 1 to T; nan where missing.
        noise: of all runs together; None where releases are exact.
    """

    run: Config
    fit: PeopleFit
    observed: F64
    noise: NoiseConfig | None = None

    @property
    def law(self) -> Likelihood:
        """Return the likelihood of what was observed."""
        return LAWS[self.fit.likelihood](Series.of(self.observed))

    @property
    def variance(self) -> float:
        """Of the noise that all aggregators together add to a step's departures; 0 where releases are exact."""
        noise, aggregators = self.run.releases, self.run.protocol.aggregators
        if noise is None or self.run.gradient is None or self.fit.agents == "synthetic":
            return 0.0
        numbers = 1 + len(self.names)  # departures, and their derivatives by each parameter
        sigma = smooth_sigma_for(noise.epsilon or 0.0, noise.delta, times=numbers)
        return float(aggregators * (sigma * (noise.norms or (1.0,))[0]) ** 2)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the fitted parameters."""
        return tuple(self.fit.priors)

    def theta(self, z: F64) -> F64:
        """Return the parameters, float64[p], of what has a standard normal prior."""
        priors = self.fit.priors.values()
        return np.array([each.median * np.exp(each.sd * at) for each, at in zip(priors, z.tolist(), strict=True)])

    def look_alike(self) -> "PeopleCalibration":
        """Return the same fit of people who are nobody, in place of the private ones."""
        private = msgspec.structs.replace(self.run.private, dataset="look_alike")  # own people have none of these
        return replace(self, run=msgspec.structs.replace(self.run, private=private))

    def exact(self) -> "PeopleCalibration":
        """Return the same fit without noise."""
        return replace(self, run=msgspec.structs.replace(self.run, releases=None), noise=None)

    def at(self, theta: F64) -> Config:
        """Return the run with these parameters, and derivatives by them alone.

        Raises:
            ConfigError: a parameter left its range, or is none of the run's.
        """
        tables: dict[str, Any] = msgspec.to_builtins(self.run)
        tables["gradient"]["parameters"] = list(self.names)
        for name, value in zip(self.names, theta.tolist(), strict=True):
            _put(tables, name, value)
        return convert_tables(_given(tables), Config, origin=f"parameters {dict(zip(self.names, theta, strict=True))}")


def is_people(path: Path) -> bool:
    """Tell whether a configuration is of a fit through private agents."""
    return {FIT, "private"} <= read_tables(path).keys()


def load_people(path: Path) -> PeopleCalibration:
    """Read a run's configuration with a table `[fit]`.

    Raises:
        ConfigError, DataError: it has a mistake, or its table has.
    """
    content, text = read_tables(path), path.read_text(encoding="utf-8")
    fit = convert_tables({FIT: content.pop(FIT)}, _Only, origin=str(path), text=text).fit
    run = convert_tables(content, Config, origin=str(path), text=text)
    private, synthetic = run.private.beside(path.parent), run.synthetic.beside(path.parent)
    run = msgspec.structs.replace(run, private=private, synthetic=synthetic)
    if run.gradient is None or run.gradient.way != "tangents":
        raise ConfigError(f'{path}: [fit] goes by [gradient] with way = "tangents"; docs/private_gradients.md')
    if run.dt != 1.0:
        raise ConfigError(f"{path}: dt is {run.dt:g}, and [fit] takes steps of a day; leave dt out")
    if (fit.spread is None) != (fit.likelihood == "poisson"):
        raise ConfigError(f'{path}: fit.spread is of every likelihood but "poisson"; give it, or leave it out')
    if 0 < fit.replicates <= len(fit.priors):
        raise ConfigError(
            f"{path}: fit.replicates is {fit.replicates}, and {quantity(len(fit.priors), 'parameter')} need at least "
            f"{len(fit.priors) + 1}; give so many, or 0"
        )
    if fit.replicates and run.releases is not None and run.private.people is not None:
        raise ConfigError(
            f"{path}: fit.replicates beside [releases] are of made-up people of the data set's kind, and [private] has "
            "your own, of another kind and number; set fit.replicates to 0, for intervals that are too narrow"
        )
    observed = path.parent / fit.observed
    if (noise := run.releases) is not None:
        run = msgspec.structs.replace(run, releases=for_each_run(noise, fit.rounds))
    found = PeopleCalibration(run, fit, _observed(observed, run.steps), noise)
    try:
        _ = found.law
    except DataError as error:
        raise DataError(f"{observed}: {error}") from error
    return replace(found, run=found.at(found.theta(np.zeros(len(fit.priors)))))  # which refuses what the run has not


class _Only(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fit: PeopleFit


def _observed(path: Path, steps: int) -> F64:
    table = read_file(path, least=1)
    table.require((STEP, VALUE), allowed=(STEP, VALUE))
    found, seen = np.full(steps, np.nan), dict[float, int]()
    for row, (step, text) in enumerate(zip(table.numbers(STEP).tolist(), table.columns[VALUE], strict=True)):
        if not 1 <= step <= steps or step != int(step):
            raise DataError(
                f"{table.place(row)}: step {step:g} is none of 1 to {steps}; correct it, or the run's steps"
            )
        if (other := seen.setdefault(step, row)) != row:
            raise DataError(f"{table.place(row)}: step {step:g} is in {table.place(other)} too; leave one out")
        found[int(step) - 1] = np.nan if text in MISSING else _number(table, row)
    if not np.isfinite(found).any():
        raise DataError(f"{path} has no value; a fit needs some")
    return found


def _number(table: Table, row: int) -> float:
    """Return the value of a row that has one."""
    try:
        value = float(table.columns[VALUE][row])
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        table.refuse(row, VALUE, "a number is needed, or nothing")
    return value


def _put(tables: dict[str, Any], name: str, value: float) -> None:
    """Set a parameter, in a table `[model]` or of a model by its name.

    Raises:
        ConfigError: there is none of this name.
    """
    if isinstance(tables["model"], str):
        tables["parameters"][name] = value
        return
    *path, key = name.split(".")
    place = tables["model"]
    for part in path:
        place = place.get(part) if isinstance(place, dict) else None
    if not isinstance(place, dict) or key not in place:
        raise ConfigError(f"fit.priors has {name}, which the table [model] has not; [gradient] names what it has")
    if isinstance(place[key], dict):  # a law of days, whose mean is fitted
        place[key]["mean"] = value
    else:
        place[key] = value


def _given(value: Any) -> Any:
    """Return plain values without those that are none, as a file has them."""
    if isinstance(value, dict):
        return {key: _given(each) for key, each in value.items() if each is not None}
    return value
