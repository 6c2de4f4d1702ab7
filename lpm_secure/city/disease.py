"""From a person's figures to the public integers of the staged model."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lpm_secure.city.disease_config import Delays, DiseaseConfig, InterventionsConfig, of_band
from lpm_secure.config.laws import law_of
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import to_fixed
from protocols.errors import ConfigError
from protocols.models.course import Course, Laws
from protocols.models.interventions import (
    FULL,
    InterventionPlan,
    IsolationPlan,
    Reduction,
    TestingPlan,
    VaccinationPlan,
)
from protocols.models.staging.parameters import StagedModel

F: Final = 21  # fraction bits of beta
SHARE_BITS: Final = 20  # of exposures; together they fill what a threshold allows
SAYS: Final = 32  # what an agent with symptoms says


def build_disease(given: DiseaseConfig, done: InterventionsConfig, settings: list[str]) -> StagedModel:
    """Return the model.

    Args:
        given: the disease.
        done: interventions.
        settings: names of the population's settings that carry infection, in the order of the channels.

    Raises:
        ConfigError: a figure that the integers cannot hold, or a setting that is not there.
    """
    return StagedModel(
        beta=tuple(to_fixed(given.beta[name] / SAYS, f=F, name=f"disease.beta.{name}") for name in settings),
        home=tuple(name in given.home for name in settings),
        course=course_of(given),
        initial=round(given.initial * LAW_TOTAL),
        f=F,
        share_bits=SHARE_BITS,
        says=(round(given.asymptomatic_infectiousness * SAYS), SAYS),
        plan=plan_of(done, settings),
    )


def course_of(given: DiseaseConfig) -> Course:
    """Return the laws of an infection by age band."""
    kinds = []
    for band in range(len(given.ages)):
        none, bed, dead = (of_band(each, band) for each in (given.asymptomatic, given.hospital, given.death))
        kinds.append(_weights((none, 1 - none - bed, bed - dead, dead)))
    return Course(
        kind=tuple(kinds),
        latent=_laws(given.latent),
        infectious=_laws(given.infectious),
        to_hospital=_laws(given.to_hospital),
        stay=_laws(given.stay),
        to_death=_laws(given.to_death),
    )


def plan_of(done: InterventionsConfig, settings: list[str]) -> InterventionPlan:
    """Return the schedule of interventions.

    Raises:
        ConfigError: a contact reduction names a setting that carries no infection.
    """
    cuts = []
    for cut in done.reduce:
        if cut.setting not in settings:
            raise ConfigError(
                f"interventions.reduce names the setting {cut.setting}; those that carry infection are "
                f"{', '.join(settings)}; name one of them"
            )
        cuts.append(Reduction(settings.index(cut.setting), cut.first, cut.last, round(cut.left * FULL)))
    isolate, test, vaccinate = done.isolate, done.test, done.vaccinate
    return InterventionPlan(
        reductions=tuple(cuts),
        isolation=IsolationPlan(isolate.first, isolate.last, isolate.delay, _part(isolate.compliance))
        if isolate
        else None,
        testing=TestingPlan(test.first, test.last, law_of(test.wait, dt=1.0), _part(test.coverage)) if test else None,
        vaccination=VaccinationPlan(
            vaccinate.first,
            vaccinate.days,
            tuple(_part(each) for each in vaccinate.coverage),
            round((1 - vaccinate.efficacy) * FULL),
        )
        if vaccinate
        else None,
    )


def bands_of(age: npt.NDArray[Any], ages: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the band of each age in years, uint8[n]."""
    table = np.searchsorted(np.array(ages), np.arange(256), side="right") - 1
    return np.asarray(table.astype(np.uint8)[age])


def _part(value: float) -> int:
    return round(value * LAW_TOTAL)


def _laws(given: Delays) -> Laws:
    delays = given if isinstance(given, tuple) else (given,)
    return tuple(law_of(delay, dt=1.0) for delay in delays)


def _weights(parts: tuple[float, ...]) -> tuple[int, ...]:
    """Return shares in units of 2**-32; what rounding leaves goes to the largest."""
    weights = [max(0, round(part * LAW_TOTAL)) for part in parts]
    weights[weights.index(max(weights))] += LAW_TOTAL - sum(weights)
    return tuple(weights)
