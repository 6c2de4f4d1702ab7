"""One step of the S-E-I-R epidemic over a range of agents: who moves on, and who is infected."""

from typing import Any, Final, NamedTuple

import numpy as np

from lpm_secure.config.model import TableIntegers
from lpm_secure.engine.kernels.csr import I32
from lpm_secure.engine.kernels.draws import block, days, key_of, log, uniform
from lpm_secure.engine.kernels.workers import Span
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.jit import compile_kernel, inline_kernel
from protocols.arithmetic.philox import DrawPurpose
from protocols.errors import ParameterError
from protocols.models.graph.draws import SPELL_KEY
from tests.epidemics import Stage

S: Final = int(Stage.S)
E: Final = int(Stage.E)
I: Final = int(Stage.I)  # noqa: E741 - the stage's letter
R: Final = int(Stage.R)
THRESHOLD: Final = int(DrawPurpose.THRESHOLD)
LATENT: Final = int(DrawPurpose.LATENT)
DURATION: Final = int(DrawPurpose.INFECTIOUS)
INITIAL: Final = int(DrawPurpose.INITIAL)
HALF: Final = np.uint64(32)
WANING: Final = int(DrawPurpose.WANING)
SEED: Final = int(DrawPurpose.SEED)
LATER: Final = (np.uint64(SPELL_KEY), np.uint64(0))
NEVER: Final = np.zeros(0, dtype=np.uint64)
BLOCK: Final = 2048  # agents whose sums and flags stay in the first cache


class SeirLaw(NamedTuple):
    """What a compiled step needs of the model.

    Attributes:
        key: of the simulation generator.
        base: number of the first agent, where numbers are consecutive.
        numbers: of all agents, uint64[n]; empty where they are consecutive.
        scale: n_i / S_i of Eq. 8, float64[n]; empty where all are 1.
        latent, infectious: bounds of the laws of days.
        initial: probability of being infectious at the start, in units of 2**-32.
        unit: 2.0**f.
        beta: hazard per unit of exposure.
        ring: steps are counted modulo this, the largest value of `due`; longer than any stay.
        wanes: whether the recovered become susceptible again.
        waning: bounds of the law of days until then.
    """

    key: tuple[np.uint64, np.uint64]
    base: np.uint64
    numbers: U64
    scale: Any
    latent: U64
    infectious: U64
    initial: np.uint64
    unit: float
    beta: np.int64
    ring: np.int64
    wanes: bool = False
    waning: U64 = NEVER


class SeirStore(NamedTuple):
    """State of n agents in the smallest types.

    Attributes:
        stage: uint8[n].
        due: the step in which an exposed or infectious agent moves on, modulo the law's ring, uint8[n] or uint16[n];
            the ring itself for agents that will not move by themselves.
        left: threshold less hazard, int32[n] or int64[n]; meaningful while susceptible.
        spell: how often each agent has become susceptible again, int16[n]; empty where immunity lasts.
    """

    stage: Any
    due: Any
    left: Any
    spell: Any


class SeirFlow(NamedTuple):
    """What a step takes in and gives out.

    Attributes:
        exposure: partial sums by thread, [threads, n]; exact modulo the size of their type.
        cell: of each agent, int32[n]; empty where the run has no cells.
        hazard: int64[cells], the hazard that each cell exerts.
        moved: int32[n]; in each range from its first place on, agents i that became infectious, and `~i` of those that
            ended.
    """

    exposure: Any
    cell: I32
    hazard: I64
    moved: I32


@inline_kernel
def number_of(law: Any, i: Any) -> Any:
    """Return the number of the agent in row i; of any law with `base` and `numbers`."""
    if law.numbers.size:
        return law.numbers[i]
    return law.base + np.uint64(i)


def bounds_of(law: tuple[int, ...]) -> U64:
    """Return the bounds that `days` searches, uint64[len(law) - 1]."""
    return np.cumsum(np.array(law[:-1], dtype=np.uint64), dtype=np.uint64)


@inline_kernel
def word(key: tuple[Any, Any], number: Any, purpose: Any) -> Any:
    """Return one word of 64 random bits, as `philox.words` does for step 0."""
    return block(key, number, purpose, np.uint64(0))[0]


@inline_kernel
def spell_word(law: SeirLaw, spell: Any, i: Any, purpose: Any) -> Any:
    """Return one word of 64 random bits for the agent's current spell, as the library's graph draws it."""
    number = number_of(law, i)
    if spell.size and spell[i] > 0:
        return block(LATER, word(law.key, number, SEED), purpose, np.uint64(spell[i]))[0]
    return word(law.key, number, purpose)


@inline_kernel
def threshold(law: SeirLaw, spell: Any, i: Any) -> Any:
    """Return the agent's threshold tau in its current spell, rounded once."""
    tau = -log(uniform(spell_word(law, spell, i, THRESHOLD)))
    if law.scale.size:
        tau = tau * law.scale[i]
    return np.int64(np.rint(tau * law.unit))


@inline_kernel
def immune_until(step: Any, law: SeirLaw, store: SeirStore, i: Any) -> Any:
    """Return the step in which an agent that recovers in this one is susceptible again, as `SeirStore.due` has it."""
    if law.wanes:
        return (step + days(spell_word(law, store.spell, i, WANING), law.waning)) % law.ring
    return law.ring


@inline_kernel
def begin_anew(law: SeirLaw, store: SeirStore, i: Any) -> None:
    """Make a recovered agent susceptible, with a threshold of a new spell."""
    store.stage[i] = S
    store.due[i] = law.ring
    store.spell[i] += 1
    store.left[i] = threshold(law, store.spell, i)


@compile_kernel
def start(span: Span, law: SeirLaw, store: SeirStore, moved: I32) -> Any:
    """Draw thresholds, and who is infectious at the start; the latter go to `moved`, as in `advance`."""
    at = span[0]
    for i in range(span[0], span[1]):
        number = number_of(law, i)
        store.left[i] = threshold(law, store.spell, i)
        store.stage[i] = S
        store.due[i] = law.ring
        if (word(law.key, number, INITIAL) >> HALF) < law.initial:
            store.stage[i] = I
            store.due[i] = days(word(law.key, number, DURATION), law.infectious) - 1
            moved[at] = i
            at += 1
    return at


@inline_kernel
def _block(now: Any, beta: Any, store: SeirStore, x: Any, flag: Any) -> None:
    """Take one step's hazard from what is left of thresholds, and flag agents that may move; in vector instructions.

    Agents that are no longer susceptible lose hazard too; nobody reads theirs, and leaving them out would cost more.
    """
    stage, due, left, _ = store
    for k in range(stage.size):
        left[k] -= x[k] * beta
        flag[k] = ((left[k] < 0) & (stage[k] == S)) | (due[k] == now)


@inline_kernel
def _sum(exposure: Any, lo: int, x: Any) -> None:
    """Add up the partial sums of a block in their own type, modulo its size."""
    part = exposure[0, lo : lo + x.size]
    for k in range(x.size):
        x[k] = part[k]
    for p in range(1, exposure.shape[0]):
        part = exposure[p, lo : lo + x.size]
        for k in range(x.size):
            x[k] += part[k]


@compile_kernel
def advance(span: Span, step: int, law: SeirLaw, store: SeirStore, flow: SeirFlow) -> Any:
    """Move a range of agents on by one step: progression, then transmission (Eq. 1).

    Args:
        span: the range.
        step: number of this step.
        law, store, flow: model, state, and what comes in and goes out.

    Returns:
        The place past the last in `flow.moved`, how many were infected, became infectious, recovered, and became
        susceptible again.
    """
    first, end = span
    exposure, cell, hazard, moved = flow
    at = first
    infections, onsets, ends, returns = 0, 0, 0, 0
    words = np.zeros(BLOCK // 8, dtype=np.uint64)
    flags = words.view(np.uint8)
    sums = np.empty(BLOCK, dtype=exposure.dtype)
    now = store.due.dtype.type(step % law.ring)
    for lo in range(first, end, BLOCK):
        hi = min(lo + BLOCK, end)
        size = hi - lo
        stage, due, left = store.stage[lo:hi], store.due[lo:hi], store.left[lo:hi]
        flag, x = flags[:size], sums[:size]
        flags[size:] = 0
        _sum(exposure, lo, x)
        if cell.size:
            for k in range(size):
                left[k] -= hazard[cell[lo + k]]
        _block(now, law.beta, SeirStore(stage, due, left, store.spell), x, flag)
        for w in range((size + 7) // 8):
            if words[w] == 0:
                continue
            for k in range(8 * w, 8 * w + 8):
                if flags[k] == 0:
                    continue
                i = lo + k
                if stage[k] == S:
                    stage[k] = E
                    due[k] = (step + days(spell_word(law, store.spell, i, LATENT), law.latent)) % law.ring
                    infections += 1
                elif stage[k] == E:
                    stage[k] = I
                    due[k] = (step + days(spell_word(law, store.spell, i, DURATION), law.infectious)) % law.ring
                    moved[at] = i
                    at += 1
                    onsets += 1
                elif stage[k] == I:
                    stage[k] = R
                    due[k] = immune_until(step, law, store, i)
                    moved[at] = ~i
                    at += 1
                    ends += 1
                else:
                    begin_anew(law, store, i)
                    returns += 1
    return at, infections, onsets, ends, returns


@compile_kernel
def thresholds(span: Span, law: SeirLaw, spell: Any, out: I64) -> None:
    """Write the thresholds of a range of agents in their current spells, int64[n]."""
    for i in range(span[0], span[1]):
        out[i] = threshold(law, spell, i)


def law_of(model: TableIntegers, *, key: tuple[int, int], base: int, beta: int, due: Any) -> SeirLaw:
    """Return the law of agents that are numbered from `base` on and whose scale is 1, with `due` their type of steps.

    Raises:
        ParameterError: a model of private doses, which compiled steps do not know.
    """
    if model.doses:
        raise ParameterError("compiled agents know no private doses; leave doses out")
    return SeirLaw(
        key=key_of(key),
        base=np.uint64(base),
        numbers=np.zeros(0, dtype=np.uint64),
        scale=np.zeros(0),
        latent=bounds_of(model.latent),
        infectious=bounds_of(model.infectious),
        initial=np.uint64(model.initial),
        unit=2.0**model.f,
        beta=np.int64(beta),
        ring=np.int64(np.iinfo(due).max),
        wanes=bool(model.waning),
        waning=bounds_of(model.waning),
    )


def spells_of(model: TableIntegers, n: int) -> Any:
    """Return what `SeirStore.spell` begins with."""
    return np.zeros(n if model.waning else 0, dtype=np.int16)
