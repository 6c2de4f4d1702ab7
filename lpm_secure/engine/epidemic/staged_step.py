"""One step of the staged epidemic over a range of agents, compiled: the substeps of `protocols.models.staging`."""

from typing import Any, Final, NamedTuple

import numpy as np

from lpm_secure.engine.epidemic.seir_step import HALF, INITIAL, LATENT, THRESHOLD, number_of
from lpm_secure.engine.kernels.draws import days, log, uniform, word
from lpm_secure.engine.kernels.workers import Span
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.jit import compile_kernel, inline_kernel
from protocols.models.course import CoursePurpose, CourseStage, Kind
from protocols.models.interventions import FULL

S: Final = int(CourseStage.S)
E: Final = int(CourseStage.E)
A: Final = int(CourseStage.A)
M: Final = int(CourseStage.M)
H: Final = int(CourseStage.H)
R: Final = int(CourseStage.R)
D: Final = int(CourseStage.D)
HOSPITAL: Final = int(Kind.HOSPITAL)
DEATH: Final = int(Kind.DEATH)
KIND: Final = int(CoursePurpose.KIND)
FIRST: Final = int(CoursePurpose.FIRST)
SECOND: Final = int(CoursePurpose.SECOND)
COMPLIANCE: Final = int(CoursePurpose.COMPLIANCE)
TEST: Final = int(CoursePurpose.TEST)
LOW: Final = np.uint64(2**32 - 1)


class StagedLaw(NamedTuple):
    """What a compiled step needs of the staged model; bounds of laws are uint64[bands, days].

    Attributes:
        key, base, numbers: as in `SeirLaw`.
        isolation: first day, last, delay and compliance; compliance 0 where there is none.
        testing: first day, last and coverage; coverage 0 where there is none. `wait`: bounds of its law.
        left: susceptibility of the vaccinated, of 256.
        unit: a hazard of one.
    """

    key: tuple[np.uint64, np.uint64]
    base: np.uint64
    numbers: U64
    kind: U64
    latent: U64
    infectious: U64
    to_hospital: U64
    stay: U64
    to_death: U64
    initial: np.uint64
    isolation: I64
    testing: I64
    wait: U64
    left: np.int64
    unit: float


class StagedStore(NamedTuple):
    """State of n agents in the smallest types.

    Attributes:
        stage: uint8[n].
        due: the step in which an agent moves on, uint16[n].
        left: threshold less hazard, int64[n]; meaningful while susceptible.
        age: band, uint8[n].
        vaccine: day from which a dose protects, int16[n]; empty where the plan has no vaccination.
    """

    stage: Any
    due: Any
    left: Any
    age: Any
    vaccine: Any


@inline_kernel
def kind_of(law: StagedLaw, number: Any, band: Any) -> Any:
    """Return how the agent's infection goes."""
    return days(word(law.key, number, KIND), law.kind[band]) - 1


@inline_kernel
def first_of(law: StagedLaw, number: Any, band: Any, kind: Any) -> Any:
    """Return the agent's days asymptomatic or mild."""
    bits = word(law.key, number, FIRST)
    return days(bits, law.to_hospital[band]) if kind >= HOSPITAL else days(bits, law.infectious[band])


@inline_kernel
def second_of(law: StagedLaw, number: Any, band: Any, kind: Any) -> Any:
    """Return the agent's days in hospital."""
    bits = word(law.key, number, SECOND)
    return days(bits, law.to_death[band]) if kind == DEATH else days(bits, law.stay[band])


@inline_kernel
def threshold(law: StagedLaw, number: Any) -> Any:
    """Return the agent's threshold tau, rounded once."""
    return np.int64(np.rint(-log(uniform(word(law.key, number, THRESHOLD))) * law.unit))


@compile_kernel
def thresholds(span: Span, law: StagedLaw, out: I64) -> None:
    """Write the thresholds of a range of agents, int64[n]."""
    for i in range(span[0], span[1]):
        out[i] = threshold(law, number_of(law, i))


@compile_kernel
def start(span: Span, law: StagedLaw, store: StagedStore) -> Any:
    """Draw thresholds, and who is exposed at the start; return how many are."""
    exposed = 0
    for i in range(span[0], span[1]):
        number = number_of(law, i)
        store.left[i] = threshold(law, number)
        store.stage[i], store.due[i] = S, 0
        if (word(law.key, number, INITIAL) >> HALF) < law.initial:
            store.stage[i] = E
            store.due[i] = days(word(law.key, number, LATENT), law.latent[store.age[i]]) - 1
            exposed += 1
    return exposed


@inline_kernel
def move(law: StagedLaw, store: StagedStore, i: Any, step: Any) -> Any:
    """Move an agent on whose stay has ended; return its new stage."""
    number, band, stage = number_of(law, i), store.age[i], store.stage[i]
    kind = kind_of(law, number, band)
    if stage == E:
        after = M if kind else A
        store.due[i] = step + first_of(law, number, band, kind)
    elif stage == M and kind >= HOSPITAL:
        after = H
        store.due[i] = step + second_of(law, number, band, kind)
    else:
        after = D if stage == H and kind == DEATH else R
    store.stage[i] = after
    return after


@inline_kernel
def quiet(law: StagedLaw, store: StagedStore, i: Any, step: Any) -> Any:
    """Return whether an infectious agent stays at home: it isolates, or it knows from a test."""
    isolation, testing = law.isolation, law.testing
    isolates = isolation[3] > 0 and isolation[0] <= step < isolation[1] and store.stage[i] == M
    tests = testing[2] > 0 and testing[0] <= step < testing[1]
    if not (isolates or tests):
        return False
    number, band = number_of(law, i), store.age[i]
    ill = first_of(law, number, band, kind_of(law, number, band)) - (np.int64(store.due[i]) - step)
    if isolates and ill >= isolation[2] and (word(law.key, number, COMPLIANCE) >> HALF) < np.uint64(isolation[3]):
        return True
    if not tests:
        return False
    bits = word(law.key, number, TEST)
    return (bits & LOW) < np.uint64(testing[2]) and ill >= days(bits, law.wait)


@compile_kernel
def advance(span: Span, step: int, law: StagedLaw, store: StagedStore, flow: Any) -> Any:
    """Move a range of agents on by one step, and list who speaks in the next.

    Args:
        span, step: the range, and the number of this step.
        law, store: model and state.
        flow: (hazard, member, speakers, change): int64[venues] hazard of each venue's members; int32[n, c] venues of
            each agent; int32[n] takes from the range's first place on who speaks, `~i` if only at home; int64[7] takes
            how many agents each stage won.

    Returns:
        The place past the last in `speakers`.
    """
    hazard, member, speakers, change = flow
    at = span[0]
    for i in range(span[0], span[1]):
        stage = store.stage[i]
        if stage == S:
            grows = np.int64(0)
            for channel in range(member.shape[1]):
                grows += hazard[member[i, channel]]
            if grows:
                weight = law.left if store.vaccine.size and store.vaccine[i] <= step else np.int64(FULL)
                store.left[i] -= grows * weight
                if store.left[i] < 0:
                    store.stage[i] = E
                    latent = days(word(law.key, number_of(law, i), LATENT), law.latent[store.age[i]])
                    store.due[i] = step + latent
                    change[S] -= 1
                    change[E] += 1
        elif stage < R:
            if store.due[i] == step:
                change[stage] -= 1
                stage = move(law, store, i, step)
                change[stage] += 1
            if stage in (A, M):
                speakers[at] = ~i if quiet(law, store, i, step) else i
                at += 1
    return at


@compile_kernel
def speak(speakers: Any, stage: Any, member: Any, says: Any, total: Any) -> None:
    """Add up what agents say in their venues.

    Args:
        speakers: agents i, and `~i` of those who stay at home.
        stage: of all agents.
        member: int32[n, c].
        says: int64[2, c, 2]: of asymptomatic and mild agents on each channel; if free, if at home.
        total: int32[venues], one thread's partial sum.
    """
    for k in range(speakers.size):
        i, home = speakers[k], 0
        if i < 0:
            i, home = ~i, 1
        row = 0 if stage[i] == A else 1
        for channel in range(member.shape[1]):
            total[member[i, channel]] += says[row, channel, home]


@compile_kernel
def shares(span: Span, total: Any, size: I64, bits: int, hazard: I64) -> None:
    """Write `floor(2**bits total / size)` of a range of venues, from all threads' partial sums."""
    for v in range(span[0], span[1]):
        value = np.int64(0)
        for part in range(total.shape[0]):
            value += total[part, v]
        hazard[v] = (value << bits) // size[v] if value else 0
