"""A model's public integers from the numbers of a configuration."""

from lpm_secure.config import ModelConfig
from lpm_secure.laws import law_of
from protocols.draws import LAW_TOTAL
from protocols.fixed import to_fixed
from protocols.substeps import Seir


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
    )
