"""The table `[observation]`: by which law an institution's series follows what is expected of its places."""

from typing import Annotated, Final, Literal, final

import msgspec

from client_sdk.likelihood.laws.gaussian import Gaussian
from client_sdk.likelihood.laws.gaussian_autoregression import GaussianAutoregression
from client_sdk.likelihood.laws.log_gaussian import LogGaussian
from client_sdk.likelihood.laws.log_gaussian_autoregression import LogGaussianAutoregression
from client_sdk.likelihood.laws.negative_binomial import NegativeBinomial
from client_sdk.likelihood.laws.poisson import Poisson
from client_sdk.likelihood.likelihood import Likelihood
from client_sdk.likelihood.series import Series
from protocols.errors import ConfigError

SeparateLaw = Literal["negative_binomial", "poisson", "gaussian", "log_gaussian"]
Law = Literal[SeparateLaw, "gaussian_ar1", "log_gaussian_ar1"]
LAWS: Final[dict[Law, type[Likelihood]]] = {
    "negative_binomial": NegativeBinomial,
    "poisson": Poisson,
    "gaussian": Gaussian,
    "log_gaussian": LogGaussian,
    "gaussian_ar1": GaussianAutoregression,
    "log_gaussian_ar1": LogGaussianAutoregression,
}
Spread = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
LogSpread = Annotated[float, msgspec.Meta(ge=0, le=10)]


@final
class Observation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a series is observed.

    Attributes:
        likelihood: "negative_binomial" or "poisson" of counts; "gaussian" of values of any sign with an error of one
            size; "log_gaussian" of positive values with a relative error; "gaussian_ar1" and "log_gaussian_ar1" of
            values whose errors are alike from period to period, as of stocks; how much is integrated out.
        spread: prior median of the law's second parameter: the negative binomial's r, whose variance is
            mean + mean**2 / r; a Gaussian's standard deviation, of the value or of its log. None for Poisson.
        spread_sd: prior spread of its log; 0 where it is known.
        size_sd: prior spread of the log of an institution's size, beside what its shares say; 0 where it is known.
        share_sd: prior spread of the log of each share beside that; 0 where it is known.
        half_life_days: in forecasts, the time in which an institution's own deviation of late falls back by half.
        deviation_scale: of the half-normal prior of how large that deviation is in the long run, of the log.
        drift_scale: of the half-normal prior of how far the institution's size drifts in four weeks, of the log.
    """

    likelihood: Law
    spread: Spread | None = None
    spread_sd: LogSpread | None = None
    size_sd: LogSpread
    share_sd: LogSpread
    half_life_days: Annotated[float, msgspec.Meta(gt=0, le=1e5)] = 28.0
    deviation_scale: LogSpread = 0.1
    drift_scale: LogSpread = 0.1

    def __post_init__(self) -> None:
        """Refuse a law without its parameter, and a parameter without its law.

        Raises:
            ConfigError: it is one.
        """
        for name, value in (("spread", self.spread), ("spread_sd", self.spread_sd)):
            if (value is None) != (self.likelihood == "poisson"):
                has = "has none; leave it out" if value is not None else "needs it; say it"
                raise ConfigError(f'observation.{name} is {value}, and the likelihood "{self.likelihood}" {has}')

    def likelihood_of(self, series: Series) -> Likelihood:
        """Return the likelihood of a series.

        Raises:
            DataError: it has a value that the law cannot have; with its period.
        """
        return LAWS[self.likelihood](series)

    @property
    def median_spread(self) -> float:
        """Return the prior median of the spread; 1 where the law has none."""
        return 1.0 if self.spread is None else self.spread

    @property
    def log_spread_sd(self) -> float:
        """Return the prior spread of its log; 0 where the law has none."""
        return 0.0 if self.spread_sd is None else self.spread_sd
