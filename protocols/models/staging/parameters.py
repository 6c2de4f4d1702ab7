"""The staged epidemic: its parameters, its model with interventions, and the state that it starts from."""

from typing import Final, final

import msgspec
import numpy as np
import numpy.typing as npt

from protocols.arithmetic import distributions
from protocols.arithmetic.fixed_point import I64, U64, prove_no_wrap
from protocols.arithmetic.philox import DrawPurpose, philox, words
from protocols.errors import ParameterError
from protocols.models.course import Course, CoursePurpose, CourseStage, Kind, Laws
from protocols.models.interventions import (
    FULL,
    NEVER,
    Calendar,
    ContactReduction,
    InterventionPlan,
    Isolation,
    Testing,
    Vaccination,
)
from protocols.models.model import SubstepModel
from protocols.models.seir.parameters import LARGEST_DRAW, MAX_DAYS
from protocols.models.staging.progression import StagedProgression
from protocols.models.staging.transmission import StagedTransmission
from protocols.models.substep import State, Substep

FIELDS: Final = {
    "stage": "int8",
    "timer": "int16",
    "kind": "int8",
    "latent": "int16",
    "first": "int16",
    "second": "int16",
    "hazard": "int64",
    "tau": "int64",
    "complies": "bool",
    "tested": "int16",
    "vaccine": "int16",
    "quiet": "bool",
    "susceptibility": "int16",
    "day": "int32[]",
    "factor": "int64[c]",
}


@final
class StagedModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parameters, all of them public integers.

    Attributes:
        beta: for each contact channel, hazard per unit of exposure and step, `f` fraction bits.
        home: for each channel, whether agents who isolate still speak on it.
        says: what an asymptomatic and a mildly ill agent say: their relative infectiousness.
        course: laws of an infection, by age.
        plan: interventions.
        initial: probability of being exposed at the start, in units of 2**-32.
        f: fraction bits of beta.
        share_bits: fraction bits of exposures; 0 where these are counts.
    """

    beta: tuple[int, ...]
    home: tuple[bool, ...]
    course: Course
    initial: int
    f: int
    share_bits: int = 0
    says: tuple[int, int] = (1, 2)
    plan: InterventionPlan = InterventionPlan()

    def __post_init__(self) -> None:
        """Check every value; what arrives in a manifest is not trusted."""
        if min(self.beta, default=-1) < 0 or len(self.home) != len(self.beta):
            raise ParameterError(f"got {len(self.beta)} betas, {len(self.home)} homes; one each, beta not negative")
        if not 0 <= self.initial <= distributions.LAW_TOTAL:
            raise ParameterError(f"initial is {self.initial}: it must lie in [0, 2**32]")
        if min(self.says) < 0 or max(self.says) > 255:
            raise ParameterError(f"says is {self.says}: an infectious agent says 0 to 255")
        if self.f < 1 or self.share_bits < 0 or LARGEST_DRAW * FULL * FULL << (self.f + self.share_bits) >= 2**63:
            raise ParameterError(
                f"f + share_bits is {self.f + self.share_bits}; at least 1, and at most 41, or thresholds wrap"
            )
        if self.course.longest > MAX_DAYS - 1:
            raise ParameterError(f"a law of days is longer than {MAX_DAYS - 1} days; shorten it")
        if any(not 0 <= cut.channel < len(self.beta) for cut in self.plan.reductions):
            raise ParameterError(f"a contact reduction names a channel that is not there; there are {len(self.beta)}")
        if self.plan.vaccination and len(self.plan.vaccination.first) not in (1, self.course.bands):
            raise ParameterError(f"vaccination has other than {self.course.bands} age bands; give one each, or one")

    @property
    def unit(self) -> float:
        """A hazard of one."""
        return float(2 ** (self.f + self.share_bits) * FULL * FULL)

    def model(self) -> SubstepModel:
        """Return the model: a new day, progression, interventions, then transmission."""
        plan = self.plan
        steps: list[Substep] = [Calendar(), StagedProgression()]
        steps += [ContactReduction(cut) for cut in plan.reductions]
        if plan.isolation:
            steps.append(Isolation(plan.isolation))
        if plan.testing:
            steps.append(Testing(plan.testing))
        if plan.vaccination:
            steps.append(Vaccination(plan.vaccination.left))
        steps.append(StagedTransmission(self.beta, self.says, self.home))
        return SubstepModel(tuple(steps), FIELDS, tuple(stage.name for stage in CourseStage))

    def prove(self, *, largest: int, steps: int) -> int:
        """Return a bound on every hazard of the run, below 2**63.

        Args:
            largest: exposure on one channel in one step.
            steps: length of the run.

        Raises:
            WouldWrap: the bound reaches 2**63.
        """
        return prove_no_wrap({"hazard from contacts": sum(self.beta) * largest * FULL * FULL * steps})

    def initial_state(self, agents: U64, key: tuple[int, int], age: I64) -> State:
        """Return the state of the first step.

        Args:
            agents: uint64[n], their numbers in the run.
            key: of the simulation generator.
            age: int64[n], band of each agent; all 0 where the laws do not tell ages apart.

        Raises:
            ParameterError: an age band that the laws do not have.
        """
        if age.size and not 0 <= int(age.min()) <= int(age.max()) < self.course.bands:
            raise ParameterError(f"got an age band {int(age.max())}; the laws have {self.course.bands}")
        kind = _by_age(_words(key, agents, CoursePurpose.KIND), self.course.kind, age) - 1
        first = _words(key, agents, CoursePurpose.FIRST)
        second = _words(key, agents, CoursePurpose.SECOND)
        severe = kind >= int(Kind.HOSPITAL)
        course = self.course
        latent = _by_age(words(key, agents, DrawPurpose.LATENT), course.latent, age)
        exposed = distributions.happens(words(key, agents, DrawPurpose.INITIAL), self.initial)
        before = np.where(severe, _by_age(first, course.to_hospital, age), _by_age(first, course.infectious, age))
        dies = kind == int(Kind.DEATH)
        after = np.where(dies, _by_age(second, course.to_death, age), _by_age(second, course.stay, age))
        tau = np.rint(distributions.exponential(words(key, agents, DrawPurpose.THRESHOLD)) * self.unit)
        return {
            "stage": np.where(exposed, CourseStage.E, CourseStage.S).astype(np.int8),
            "timer": np.where(exposed, latent, 0).astype(np.int16),
            "kind": kind.astype(np.int8),
            "latent": latent.astype(np.int16),
            "first": before.astype(np.int16),
            "second": after.astype(np.int16),
            "hazard": np.zeros(agents.size, dtype=np.int64),
            "tau": tau.astype(np.int64),
            **self._answers(agents, key, age),
            "quiet": np.zeros(agents.size, dtype=np.bool_),
            "susceptibility": np.full(agents.size, FULL, dtype=np.int16),
            "day": np.array(-1, dtype=np.int32),
            "factor": np.full(len(self.beta), FULL, dtype=np.int64),
        }

    def _answers(self, agents: U64, key: tuple[int, int], age: I64) -> State:
        """Return how agents will answer to interventions, drawn once: complies, tested, vaccine."""
        plan = self.plan
        complies = np.zeros(agents.size, dtype=np.bool_)
        tested = np.full(agents.size, NEVER, dtype=np.int16)
        vaccine = np.full(agents.size, NEVER, dtype=np.int16)
        if plan.isolation:
            complies = distributions.happens(_words(key, agents, CoursePurpose.COMPLIANCE), plan.isolation.compliance)
        if plan.testing:
            word = _words(key, agents, CoursePurpose.TEST)
            reached = (word & np.uint64(2**32 - 1)) < np.uint64(plan.testing.coverage)
            tested = np.where(reached, distributions.days(word, plan.testing.wait), NEVER).astype(np.int16)
        if plan.vaccination:
            vaccine = self.vaccine_days(agents, key, age)
        return {"complies": complies, "tested": tested, "vaccine": vaccine}

    def vaccine_days(self, agents: U64, key: tuple[int, int], age: I64) -> npt.NDArray[np.int16]:
        """Return the day from which each agent's dose protects it, int16[n]; `NEVER` where it takes none."""
        plan = self.plan.vaccination
        if plan is None:
            return np.full(agents.size, NEVER, dtype=np.int16)
        word = _words(key, agents, CoursePurpose.VACCINE)
        first, days, coverage = (
            np.array(each, dtype=np.int64)[age if len(each) > 1 else np.zeros_like(age)]
            for each in (plan.first, plan.days, plan.coverage)
        )
        day = first + ((word & np.uint64(2**32 - 1)).astype(np.int64) * days >> 32)
        takes = (word >> np.uint64(32)).astype(np.int64) < coverage
        return np.where(takes, np.minimum(day, NEVER), NEVER).astype(np.int16)


def _words(key: tuple[int, int], agents: U64, purpose: CoursePurpose) -> U64:
    """Return one word of 64 random bits for each agent, as `philox.words`."""
    zero = np.zeros_like(agents)
    return philox(key, (agents, np.full_like(agents, int(purpose)), zero, zero))[0]


def _by_age(word: U64, laws: Laws, age: I64) -> I64:
    """Return days by each agent's own law."""
    if len(laws) == 1:
        return distributions.days(word, laws[0])
    out = np.empty(word.size, dtype=np.int64)
    for band, law in enumerate(laws):
        out[age == band] = distributions.days(word[age == band], law)
    return out
