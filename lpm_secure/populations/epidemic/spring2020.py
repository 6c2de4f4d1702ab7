"""New York City in spring 2020, by parameters from the literature, none of them fitted to its hospital admissions.

One was chosen with a look at them: R0, within its published range. City.md has the result for the whole range.

Source of each figure is at its place. What the literature leaves open, and what was chosen:
    - All 10,700 infected by 1 March begin as exposed on that day, spread evenly over the city.
    - Mobility carries the change of contacts from week to week, linearly; one survey gives its scale. It counted all
      contacts, those at home too, and the whole country's; its fall is taken for contacts outside the home alone.
    - Contacts at home do not change. Group quarters mix as households do.
    - Everybody with symptoms goes on meeting others until hospital: no isolation, no testing.
"""

import csv
from datetime import date, timedelta
from typing import Final

import numpy as np

from client_sdk.private.table import F64
from lpm_secure.config.laws import Delay
from lpm_secure.data import catalogue
from lpm_secure.data.nyc_tables import CONTACTS
from lpm_secure.populations import Population
from lpm_secure.populations.epidemic.disease import laws_of
from lpm_secure.populations.epidemic.disease_config import DiseaseConfig, InterventionsConfig, ReduceConfig
from lpm_secure.populations.synthesis.mixing import Cells, band_of, people_by_band, venue_contacts
from protocols.arithmetic.distributions import LAW_TOTAL

FIRST: Final = date(2020, 3, 1)
LAST: Final = date(2020, 6, 30)
SCHOOLS_CLOSE: Final = date(2020, 3, 16)  # told by the mayor on the 15th; they stayed closed through June
SURVEY: Final = (date(2020, 3, 22), date(2020, 4, 8))  # the first wave of Feehan and Mahmud
FALL: Final = 0.82  # of contacts in that wave
R0: Final = 3.8
INFECTED: Final = 10_700
BAR: Final = 7  # days of one level of contacts
ALIKE: Final = {"household": "household", "quarters": "household", "school": "school", "workplace": "work"}
SOURCES: Final = (
    "R0 3.8, asymptomatic and symptomatic alike: the middle of the 3.2 to 4.4 that Subramanian, He and Pascual, PNAS "
    "118, e2019716118 (2021), found for New York City from cases and serology. The hazard per contact follows from it "
    "by the next-generation matrix of the city's contacts by age. The lowest of the range, 3.2, was tried first and "
    "gave 0.43 of the admissions with 100,000 agents; no other figure was varied. So this is a choice within a range, "
    "made after a look at the data.",
    "Contacts a day by setting: Mistry et al., Nature Communications 12, 323 (2021), with the weights that come with "
    "its matrices, 4.11, 11.41, 8.07 and 2.79.",
    "10,700 infected by 1 March 2020: Northeastern University's model, median (Carey and Glanz, The New York Times, "
    "23 April 2020); all begin as exposed on that day.",
    "Latent 3 days: the median incubation of 5.1 days (Lauer et al., Annals of Internal Medicine 172, 577, 2020) less "
    "2.3 days infectious before symptoms, rounded. The 2.3 days are those of He et al., Nature Medicine 26, 672 "
    "(2020) as first published; their correction (26, 1491) puts the very beginning at 12.3 days, with 9 % of "
    "transmission earlier than 3 days before symptoms, and keeps 44 % (30 to 57 %) for all of it before symptoms. "
    "Here it is 2.3 of 6 days, 38 %. Infectious 6 days, so that the generation time is near the 6.5 days of Ferguson "
    "et al., Imperial College Report 9 (2020): 6.8 in whole days.",
    "Hospital 7 days after becoming infectious: 5 days after symptoms (Report 9) and 2.3 before, rounded. In hospital "
    "10.4 days (Report 9: 8 days for 70 % and 16 for 30 %); to death 12.8 days: 17.8 from symptoms (Verity et al., "
    "Lancet Infectious Diseases 20, 669, 2020) less 5. Standard deviations of durations are assumptions.",
    "Hospital and death by age, of infected: Verity et al. 2020, proportions of infections hospitalised and infection "
    "fatality ratios, which lie far below those found later for this wave (1.39 % in all: Yang et al., Lancet "
    "Infectious Diseases 21, 203, 2021). Below 10 years Verity et al. have 0.00 % in hospital; 0.01 % is an "
    "assumption, for here who dies was in hospital. One third without symptoms: Oran and Topol, Annals of Internal "
    "Medicine 174, 655 (2021), who say at least one third.",
    "Schools closed on 16 March 2020 (City of New York). Contacts in the United States fell by 82 % in 22 March to 8 "
    "April (Feehan and Mahmud, Nature Communications 12, 893, 2021); this fall of all contacts is taken here for "
    "those at work and in the community, and in other weeks it goes in proportion to the fall of mobility in the "
    "city's counties (Google community mobility, as compiled by Yang and Shaman, medRxiv 2023.05.10.23289803).",
    "Not confirmed from the text of Report 9, only from memory of it: 5 days to hospital, 10.4 days in hospital, "
    "generation time of 6.5 days. All other figures were held against abstracts, tables or data files.",
)


def disease(population: Population, people: float) -> DiseaseConfig:
    """Return the disease in a population.

    Args:
        population: of the city.
        people: who live in the city itself, of whom `INFECTED` were infected.
    """
    per_contact = hazard_per_contact(population)
    beta = {name: per_contact * CONTACTS[ALIKE[name]] for name in population.card.settings}
    return _course(beta | {"community": per_contact}, INFECTED / people)


def hazard_per_contact(population: Population) -> float:
    """Return the hazard of one contact from which R0 follows in a population."""
    return R0 / (_days_infectious() * _spectral_radius(contacts_by_age(population)))


def interventions() -> InterventionsConfig:
    """Return how contacts changed from 1 March to 30 June 2020.

    Raises:
        DataError: the mobility data are not at hand.
    """
    return InterventionsConfig(reduce=tuple(_measures()))


def contacts_by_age(population: Population) -> F64:
    """Return contacts a day of each band with each in all settings, float64[18, 18]."""
    band = band_of(population.column("age"))
    zcta = len(population.card.places["zcta"])
    found = Cells(population.rate).contacts(people_by_band(population.column("zcta"), band, zcta))
    for name in population.card.settings:
        there = venue_contacts(population.column(name), band, population.venues(name))
        found = found + CONTACTS[ALIKE[name]] * there
    return np.asarray(found)


def _course(beta: dict[str, float], initial: float) -> DiseaseConfig:
    return DiseaseConfig(
        ages=(0, 10, 20, 30, 40, 50, 60, 70, 80),
        beta=beta,
        latent=Delay(3.0, 1.0),
        infectious=Delay(6.0, 2.0),
        to_hospital=Delay(7.0, 2.5),
        stay=Delay(10.4, 5.0),
        to_death=Delay(12.8, 6.0),
        asymptomatic=(1 / 3,),
        hospital=(0.0001, 0.000408, 0.0104, 0.0343, 0.0425, 0.0816, 0.118, 0.166, 0.184),
        death=(0.0000161, 0.0000695, 0.000309, 0.000844, 0.00161, 0.00595, 0.0193, 0.0428, 0.0780),
        initial=initial,
    )


def _days_infectious() -> float:
    """Return the mean of the law of days at home that agents really have."""
    law = laws_of(_course({"community": 0.0}, 0.0))["infectious_law"][0]
    return sum((day + 1) * weight for day, weight in enumerate(law)) / LAW_TOTAL


def _spectral_radius(matrix: F64) -> float:
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _measures() -> list[ReduceConfig]:
    """Return what is left of each setting's contacts, week by week."""
    found = [ReduceConfig(setting="school", first=(SCHOOLS_CLOSE - FIRST).days, left=0.0)]
    moved = _mobility()
    during = [level for day, level in moved.items() if SURVEY[0] <= day <= SURVEY[1]]
    per_fall = FALL / (1 - sum(during) / len(during))
    for first in range(0, (LAST - FIRST).days + 1, BAR):
        week = [moved[FIRST + timedelta(first + day)] for day in range(BAR) if FIRST + timedelta(first + day) in moved]
        left = min(max(1 - per_fall * (1 - sum(week) / len(week)), 0.0), 1.0)
        found += [
            ReduceConfig(setting=setting, first=first, last=first + BAR, left=left)
            for setting in ("workplace", "community")
        ]
    return found


def _mobility() -> dict[date, float]:
    """Return the level of mobility of each day, 1 before the epidemic."""
    path = catalogue.get("nyc_mobility") / "da_mobility_nyc_daily.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {date.fromisoformat(row["date"]): float(row["mob.bus"]) for row in csv.DictReader(file)}
