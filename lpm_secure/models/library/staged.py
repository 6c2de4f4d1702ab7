"""The staged epidemic by age, with reduced contacts, isolation, tests and vaccines."""

from collections.abc import Mapping

from lpm_secure.models.declarations import Message, Outcome, field, message, outcome, parameter, period, private, stage
from lpm_secure.models.functions import maximum, minimum, where
from lpm_secure.models.library.doses import FULL, NEVER, WEIGHT_BITS
from lpm_secure.models.library.seir import LARGEST_DRAW
from lpm_secure.models.model import Draw, Heard, Me, Model
from lpm_secure.models.symbols import Number, Symbol
from lpm_secure.models.units import LAW, NUMBER, PROBABILITY, rate
from protocols.arithmetic.distributions import LAW_TOTAL

BITS = 20  # of hazards
LARGEST_INFECTIOUSNESS = 32  # of an agent
BANDS = 9  # of age
LONGEST_LAW = 64  # days
CITY_BITS = 41  # of hazards in a city: of rates, and of the means of venues
HALF_LAW = 2**31
MILD, HOSPITAL, DEATH = 1, 2, 3  # how an infection goes on; 0 is asymptomatic


class StagedCourse(Model):
    """How an infection runs its course by age; who knows of its illness, and complies, is quiet outside its home.

    How an infection goes on is drawn once: without symptoms (A), mild (M), to hospital (H) and back, or to death (D).
    Public tables say by day whether isolation and tests are on. A vaccine leaves a share of each exposure from the
    agent's day on. What agents tell each other, and what infects them, is left to the models that derive from it.

    Source: Sellke 1983 as in `SeirModel`; a course by age as in Ferguson et al. 2020 (Imperial College Report 9).
    """

    stage = stage("S", "E", "A", "M", "H", "R", "D")
    timer = field(0, NEVER)
    kind = field(0, DEATH)
    latent, first, second = field(1, LONGEST_LAW), field(1, LONGEST_LAW), field(1, LONGEST_LAW)
    complies, quiet = field(0, 1), field(0, 1)
    tested, vaccine = field(1, NEVER), field(0, NEVER)  # steps after its onset; steps until the agent is protected
    age = private(0, BANDS - 1)

    day = period("day", steps=1, count=400)
    asymptomatic = parameter(1, unit=NUMBER, bounds=(0, LARGEST_INFECTIOUSNESS))  # infectiousness
    mild = parameter(2, unit=NUMBER, bounds=(0, LARGEST_INFECTIOUSNESS))
    initial = parameter(0.01, unit=PROBABILITY)  # of being exposed at first
    kind_law = parameter((2**31, 2**31 - 2**27, 2**27 - 2**24, 2**24), unit=LAW, by="age")
    latent_law = parameter((2**30,) * 4, unit=LAW, days=LONGEST_LAW, by="age")
    infectious_law = parameter((2**29,) * 8, unit=LAW, days=LONGEST_LAW, by="age")
    hospital_law = parameter((2**29,) * 8, unit=LAW, days=LONGEST_LAW, by="age")  # days mild before hospital
    stay_law = parameter((2**28,) * 16, unit=LAW, days=LONGEST_LAW, by="age")
    death_law = parameter((2**28,) * 16, unit=LAW, days=LONGEST_LAW, by="age")
    isolating = parameter(0, bounds=(0, 1), over=day)
    delay = parameter(0, bounds=(0, NEVER))  # days of illness until an agent stays at home
    compliance = parameter(0.5, unit=PROBABILITY)
    testing = parameter(0, bounds=(0, 1), over=day)
    wait_law = parameter((2**30,) * 4, unit=LAW, days=LONGEST_LAW)
    reach = parameter(0.5, unit=PROBABILITY)  # of being tested at all
    dose_first = parameter(10, bounds=(0, NEVER // 2), by="age")
    dose_days = parameter(20, bounds=(1, NEVER // 2), by="age")
    dose_coverage = parameter(0.0, unit=PROBABILITY, by="age")
    dose_left = parameter(64, bounds=(0, FULL))  # susceptibility of who is protected, in units of 1 / 256
    infection: Outcome

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw who is exposed, how an infection would go on, and how each agent answers to interventions."""
        exposed = draw.happens(self.initial, "initial")
        kind, latent = draw.category(self.kind_law, "course_kind"), draw.days(self.latent_law, "latent")
        recovers = draw.days(self.infectious_law, "course_first")
        admitted = draw.days(self.hospital_law, "course_first")
        leaves, dies = (draw.days(law, "course_second") for law in (self.stay_law, self.death_law))
        reached = draw.uniform(0, HALF_LAW, "course_test") < (self.reach >> 1)
        dose = self.dose_first + draw.uniform(0, self.dose_days, "course_vaccine")
        first, second = where(kind >= HOSPITAL, admitted, recovers), where(kind == DEATH, dies, leaves)
        me = me.set(stage=where(me.known("stage"), me.stage, where(exposed, "E", "S")))
        ill = where((me.stage == "A") | (me.stage == "M"), first, where(me.stage == "H", second, 0))
        return me.set(
            timer=where(me.stage == "E", latent, ill),
            kind=kind,
            latent=latent,
            first=first,
            second=second,
            complies=draw.happens(self.compliance, "course_compliance"),
            quiet=0,
            tested=where(reached, draw.days(self.wait_law, "course_test"), NEVER),
            vaccine=where(draw.happens(self.dose_coverage, "course_vaccine"), dose, NEVER),
        )

    def infectiousness(self, me: Me) -> tuple[Symbol, Symbol]:
        """Return how infectious an agent is at home, and outside."""
        word: Symbol = where(me.stage == "A", self.asymptomatic, where(me.stage == "M", self.mild, 0))
        outside: Symbol = where(me.quiet == 1, 0, word)
        return word, outside

    def weight(self, me: Me) -> Mapping[Outcome, Number]:
        """Weigh what is heard by the susceptibility of the step."""
        return {self.infection: where(me.vaccine == 0, self.dose_left, FULL)}

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Move on those whose stay ends; say who stays at home; infect who is susceptible and has crossed."""
        susceptible = me.stage == "S"
        me = self._at_home(self._course(me))
        infected = susceptible & heard[self.infection]
        nearer = where(me.vaccine < NEVER, maximum(me.vaccine - 1, 0), NEVER)
        timer = where(infected, me.latent, me.timer)
        return me.set(stage=where(infected, "E", me.stage), timer=timer, vaccine=nearer)

    def _course(self, me: Me) -> Me:
        waiting = (me.stage != "S") & (me.stage != "R") & (me.stage != "D")
        timer = where(waiting, maximum(me.timer - 1, 0), me.timer)
        due = waiting & (timer == 0)
        exposed, admitted = due & (me.stage == "E"), due & (me.stage == "M") & (me.kind >= HOSPITAL)
        dies = due & (me.stage == "H") & (me.kind == DEATH)
        onset = where(me.kind < MILD, "A", "M")
        after = where(exposed, onset, where(admitted, "H", where(dies, "D", where(due, "R", me.stage))))
        timer = where(exposed, me.first, where(admitted, me.second, timer))
        return me.set(stage=after, timer=timer)

    def _at_home(self, me: Me) -> Me:
        elapsed = me.first - me.timer
        isolates = (me.stage == "M") & (elapsed >= self.delay) & (me.complies == 1) & (self.isolating == 1)
        infectious = (me.stage == "A") | (me.stage == "M")
        return me.set(quiet=isolates | (infectious & (elapsed >= me.tested) & (self.testing == 1)))


class StagedEpidemic(StagedCourse):
    """The course among contacts at home and outside; public tables say by day what is left of them."""

    tau = field(0, LARGEST_DRAW << BITS + 2 * WEIGHT_BITS)

    home_rate = parameter(0.02, unit=rate(BITS))
    outside_rate = parameter(0.01, unit=rate(BITS))
    home_left = parameter(FULL, bounds=(0, FULL), over=StagedCourse.day)  # of contacts, in units of 1 / 256
    outside_left = parameter(FULL, bounds=(0, FULL), over=StagedCourse.day)

    home, outside = message(most=LARGEST_INFECTIOUSNESS * FULL), message(most=LARGEST_INFECTIOUSNESS * FULL)
    infection = outcome({home: home_rate, outside: outside_rate}, above=tau)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw the course, and every agent's threshold."""
        return super().begin(me, draw).set(tau=draw.exponential(BITS + 2 * WEIGHT_BITS, "threshold"))

    def says(self, me: Me) -> Mapping[Message, Number]:
        """Tell contacts how infectious the agent is, by what is left of contacts on this day."""
        word, outside = self.infectiousness(me)
        return {self.home: word * self.home_left, self.outside: outside * self.outside_left}


def city_course(*, bands: int, longest: int, days: int) -> type[Model]:
    """Return the course in a city's venues, whose links carry rates, and what is left of contacts on each day.

    Args:
        bands: of age.
        longest: days of the longest law.
        days: for which tables say whether isolation and tests are on; the last entry holds on.
    """
    calendar, law = period("day", steps=1, count=days), (LAW_TOTAL,)

    class StagedCity(StagedCourse):
        """The course among the people of a city's venues; thresholds are as fine as 64 bits allow."""

        tau = field(0, LARGEST_DRAW << CITY_BITS + 2 * WEIGHT_BITS)
        latent, first, second = field(1, longest), field(1, longest), field(1, longest)
        age = private(0, bands - 1)

        latent_law = parameter(law, unit=LAW, days=longest, by="age")
        infectious_law = parameter(law, unit=LAW, days=longest, by="age")
        hospital_law = parameter(law, unit=LAW, days=longest, by="age")
        stay_law = parameter(law, unit=LAW, days=longest, by="age")
        death_law = parameter(law, unit=LAW, days=longest, by="age")
        wait_law = parameter(law, unit=LAW, days=longest)
        isolating = parameter(0, bounds=(0, 1), over=calendar)
        testing = parameter(0, bounds=(0, 1), over=calendar)
        dose_first = parameter(NEVER, bounds=(0, NEVER), by="age")
        dose_days = parameter(1, bounds=(1, NEVER), by="age")

        home, outside = message(most=LARGEST_INFECTIOUSNESS), message(most=LARGEST_INFECTIOUSNESS)
        infection = outcome({home: 1, outside: 1}, above=tau)

        def begin(self, me: Me, draw: Draw) -> Me:
            """Draw the course, every agent's threshold, and the day of its dose, however late."""
            day = minimum(self.dose_first + draw.uniform(0, self.dose_days, "course_vaccine"), NEVER)
            return (
                super()
                .begin(me, draw)
                .set(
                    tau=draw.exponential(CITY_BITS + 2 * WEIGHT_BITS, "threshold"),
                    vaccine=where(draw.happens(self.dose_coverage, "course_vaccine"), day, NEVER),
                )
            )

        def says(self, me: Me) -> Mapping[Message, Number]:
            """Tell venues how infectious the agent is."""
            word, outside = self.infectiousness(me)
            return {self.home: word, self.outside: outside}

    return StagedCity
