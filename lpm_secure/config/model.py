"""A model's public integers from the numbers of a configuration."""

from lpm_secure.config.laws import law_of
from lpm_secure.config.simulation import DosesConfig, ModelConfig
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import to_fixed
from protocols.models import Seir
from protocols.models.interventions import FULL
from protocols.models.seir.doses import Doses


def model_of(given: ModelConfig, *, dt: float) -> Seir:
    """Return the model that every party derives its steps from; `dt` in days."""
    f = given.fraction_bits
    return Seir(
        beta=tuple(to_fixed(beta * dt, f=f, name=f"model.beta.{name}") for name, beta in given.beta.items()),
        cell_beta=to_fixed(given.cell_beta * dt, f=f, name="model.cell_beta"),
        latent=law_of(given.latent, dt=dt),
        infectious=law_of(given.infectious, dt=dt),
        initial=round(given.initial * LAW_TOTAL),
        f=f,
        waning=law_of(given.waning, dt=dt) if given.waning else (),
        doses=_doses(given.doses, dt=dt) if given.doses else None,
    )


def _doses(given: DosesConfig, *, dt: float) -> Doses:
    """Return a campaign in steps and whole units."""
    return Doses(
        first=round(given.first_day / dt),
        days=max(round(given.days / dt), 1),
        coverage=round(given.coverage * LAW_TOTAL),
        left=round((1.0 - given.efficacy) * FULL),
    )
