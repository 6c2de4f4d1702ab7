"""A public series at the centre, in one posterior with the private ones: its gradient needs no sum and no noise."""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import torch

from client_sdk.likelihood.forecast import predict
from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.likelihood.observation import Observation
from client_sdk.likelihood.series import Series
from client_sdk.private.table import F64
from protocols.errors import ConfigError

LOWEST, HIGHEST = -25.0, 20.0  # log of what is expected
EVERYTHING: Final = np.ones(1)  # of the one place that stands for all


@final
@dataclass(frozen=True, slots=True, eq=False)
class PublicStream:
    """Events in all places, which everybody knows, by a law and with a spread of their own.

    Attributes:
        own: the series, of the periods that are fitted, as an institution's that sees all of one place.

    Security: what it reads is public. It takes no part in sums, so it needs no share, no cohort and no noise.
    """

    own: SeriesInstitution = field(repr=False)

    @classmethod
    def of(cls, events_a_day: F64, observation: Observation, *, local_steps: int, period_days: int) -> "PublicStream":
        """Return a stream of events a day, mean over each fitted period, float64[W], nan where none is known.

        Raises:
            DataError: a value that the law cannot have, with its period.
        """
        series = Series.of(events_a_day * period_days)
        return cls(SeriesInstitution(series, EVERYTHING, observation, local_steps, period_days))

    def by_z(self, log_events: torch.Tensor, jacobian: torch.Tensor) -> torch.Tensor:
        """Learn the own spread, then return the derivative of each draw's log likelihood by z, float64[S, p].

        Args:
            log_events: float64[S, W], log of expected events in each period.
            jacobian: float64[S, W, p], its derivatives.
        """
        gradient = torch.from_numpy(self.own.vector(_as_place(log_events)))[:, 0]
        return torch.einsum("sw,swp->sp", gradient, jacobian)

    def predict(self, events_a_day: torch.Tensor, *, seed: int) -> F64:
        """Return draws of events a day, float64[S, W + ahead], from expected ones of that shape; see `predict`."""
        days = self.own.period_days
        return predict(self.own, _as_place(torch.log(events_a_day * days)), np.random.default_rng(seed)) / days


def _as_place(log_events: torch.Tensor) -> F64:
    """Return float64[S, 1, periods], as an institution hears it."""
    inside = torch.nan_to_num(log_events, nan=LOWEST).clamp(LOWEST, HIGHEST)
    return np.ascontiguousarray(inside[:, None].numpy())


def public_stream(
    events_a_day: F64 | None, observation: Observation | None, *, fitted: int, local_steps: int, period_days: int
) -> PublicStream | None:
    """Return the stream of the first periods, or None where no law of it is given.

    Raises:
        ConfigError: a law is given, and there is no series.
        DataError: a value that the law cannot have.
    """
    if observation is None:
        return None
    if events_a_day is None or not np.isfinite(events_a_day[:fitted]).any():
        raise ConfigError(
            "public_observation is given, and no public event is known in the fitted periods; leave it out, "
            "or give the table public"
        )
    return PublicStream.of(events_a_day[:fitted], observation, local_steps=local_steps, period_days=period_days)
