"""From a person's figures to the library's staged model: its integers, and where its channels meet."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lpm_secure.config.laws import law_of
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.models.library.doses import FULL
from lpm_secure.models.library.staged import CITY_BITS, city_course
from lpm_secure.models.model import Model
from lpm_secure.populations.epidemic.disease_config import Delays, DiseaseConfig, InterventionsConfig, of_band
from lpm_secure.populations.population import Population
from lpm_secure.populations.settings import settings_with_beta
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import to_fixed
from protocols.errors import ConfigError

Laws = tuple[tuple[int, ...], ...]  # one law of days for each age band
Parameters = dict[str, int | tuple[int, ...]]
SHARE_BITS: Final = 20  # of exposures; with those of beta they fill what a threshold allows
SAYS: Final = 32  # what an agent with symptoms says
LAWS: Final = {
    "latent_law": "latent",
    "infectious_law": "infectious",
    "hospital_law": "to_hospital",
    "stay_law": "stay",
    "death_law": "to_death",
}
SHORTEST: Final = 256  # days that tables are of, at least: the lengths of few runs differ in more than their numbers


def course_of(given: DiseaseConfig, done: InterventionsConfig, *, days: int) -> tuple[type[Model], Parameters]:
    """Return the model of a disease, and the integer of each of its parameters.

    Args:
        given: the disease.
        done: interventions.
        days: of the run.

    Raises:
        ConfigError: a figure that the integers cannot hold.
    """
    laws = laws_of(given)
    count = max(1 << (days - 1).bit_length(), SHORTEST)
    measures = _measures(given, done, count)
    wait = measures.get("wait_law", ())
    longest = max(len(law) for each in (*laws.values(), (wait,)) for law in each if isinstance(law, tuple))
    numbers: Parameters = {name: _rows(each, longest) for name, each in laws.items()}
    numbers |= {
        "asymptomatic": round(given.asymptomatic_infectiousness * SAYS),
        "mild": SAYS,
        "initial": _part(given.initial),
        "kind_law": _rows(kinds_of(given), 4),
    }
    return city_course(bands=len(given.ages), longest=longest, days=count), numbers | measures


def disease_settings(population: Population, given: DiseaseConfig) -> list[Setting]:
    """Return the settings of a population in which a disease passes on.

    Raises:
        ConfigError: a beta names a setting that the population does not have.
    """
    return settings_with_beta(population, given.beta)


def venues_of(given: DiseaseConfig, done: InterventionsConfig, settings: Sequence[Setting]) -> VenueChannels:
    """Return where messages meet: at home and outside, by each setting's beta and what is left of contacts by day.

    Raises:
        ConfigError: a beta that the integers cannot hold, or a reduction in a setting that carries no infection.
    """
    names = [setting.name for setting in settings]
    for cut in done.reduce:
        if cut.setting not in names:
            raise ConfigError(
                f"interventions.reduce names the setting {cut.setting}; those that carry infection are "
                f"{', '.join(names)}; name one of them"
            )
    links: dict[str, tuple[VenueLink, ...]] = {"home": (), "outside": ()}
    for place, name in enumerate(names):
        beta = to_fixed(given.beta[name] / SAYS, f=CITY_BITS - SHARE_BITS, name=f"disease.beta.{name}")
        weight = tuple(beta * factor for factor in factors_of(done, name))
        links["home" if name in given.home else "outside"] += (VenueLink(place, 1 << SHARE_BITS, weight),)
    return VenueChannels(Venues.of(settings), links)


def factors_of(done: InterventionsConfig, setting: str) -> tuple[int, ...]:
    """Return what is left of a setting's contacts on each day, in units of 1 / 256; the last one holds on."""
    cuts = [cut for cut in done.reduce if cut.setting == setting]
    factors = []
    for day in range(max((day for cut in cuts for day in (cut.first, cut.last)), default=0) + 1):
        factor = FULL
        for cut in cuts:
            if cut.first <= day < cut.last:
                factor = factor * round(cut.left * FULL) // FULL
        factors.append(factor)
    return tuple(factors)


def laws_of(given: DiseaseConfig) -> dict[str, Laws]:
    """Return the laws of days, by parameter of the model and band."""
    return {name: _laws(getattr(given, key), len(given.ages)) for name, key in LAWS.items()}


def kinds_of(given: DiseaseConfig) -> Laws:
    """Return the weights of how an infection goes on, by band: without symptoms, mild, to hospital, to death."""
    kinds = []
    for band in range(len(given.ages)):
        none, bed, dead = (of_band(each, band) for each in (given.asymptomatic, given.hospital, given.death))
        kinds.append(_weights((none, 1 - none - bed, bed - dead, dead)))
    return tuple(kinds)


def bands_of(age: npt.NDArray[Any], ages: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the band of each age in years, uint8[n]."""
    table = np.searchsorted(np.array(ages), np.arange(256), side="right") - 1
    return np.asarray(table.astype(np.uint8)[age])


def _measures(given: DiseaseConfig, done: InterventionsConfig, count: int) -> Parameters:
    """Return the parameters of interventions; of those that are not taken, numbers by which nobody changes."""
    isolate, test, vaccinate, bands = done.isolate, done.test, done.vaccinate, len(given.ages)
    numbers: Parameters = {"isolating": (0,) * count, "testing": (0,) * count, "compliance": 0, "reach": 0}
    numbers |= {"dose_coverage": (0,) * bands}
    if isolate:
        numbers |= {"isolating": _on(isolate.first, isolate.last, count), "delay": isolate.delay}
        numbers["compliance"] = _part(isolate.compliance)
    if test:
        numbers |= {"testing": _on(test.first, test.last, count), "reach": _part(test.coverage)}
        numbers["wait_law"] = law_of(test.wait, dt=1.0)
    if vaccinate:
        if len(vaccinate.first) not in (1, bands):
            raise ConfigError(
                f"interventions.vaccinate has {len(vaccinate.first)} values for {bands} ages; give {bands}"
            )
        numbers |= {"dose_first": _each(vaccinate.first, bands), "dose_days": _each(vaccinate.days, bands)}
        numbers["dose_coverage"] = tuple(_part(each) for each in _each(vaccinate.coverage, bands))
        numbers["dose_left"] = round((1 - vaccinate.efficacy) * FULL)
    return numbers


def _on(first: int, last: int, count: int) -> tuple[int, ...]:
    return tuple(int(first <= day < last) for day in range(count))


def _each(given: tuple[Any, ...], bands: int) -> tuple[Any, ...]:
    return given if len(given) == bands else given * bands


def _part(value: float) -> int:
    return round(value * LAW_TOTAL)


def _laws(given: Delays, bands: int) -> Laws:
    delays = given if isinstance(given, tuple) else (given,)
    return tuple(law_of(delay, dt=1.0) for delay in _each(delays, bands))


def _rows(laws: Laws, length: int) -> tuple[int, ...]:
    """Return a table of laws, row by row, each as long as the longest."""
    return tuple(weight for law in laws for weight in (*law, *(0,) * (length - len(law))))


def _weights(parts: tuple[float, ...]) -> tuple[int, ...]:
    """Return shares in units of 2**-32; what rounding leaves goes to the largest."""
    weights = [max(0, round(part * LAW_TOTAL)) for part in parts]
    weights[weights.index(max(weights))] += LAW_TOTAL - sum(weights)
    return tuple(weights)
