"""A sampling mode that skips from transmission to transmission: the same law, other draws.

When an agent becomes infectious, all it will ever transmit is drawn at once: over its contacts times its infectious
days, the distance to the next transmission is geometric, so agents pay for what they transmit and not for whom they
meet. A susceptible agent is infected on the first day on which somebody transmits to it: Eq. 8 of Chopra 2025 (arXiv
2507.09901) as a product of Bernoulli trials. Single runs differ from those of `GraphAgents`; their law does not. It
has no private counterpart, and cannot stand in for one.
"""

from typing import Any, Final, final

import numpy as np

from lpm_secure.engine.epidemic.seir_step import (
    BLOCK,
    DURATION,
    HALF,
    INITIAL,
    LATENT,
    E,
    I,
    R,
    S,
    SeirLaw,
    law_of,
    number_of,
)
from lpm_secure.engine.kernels.csr import I32, Csr, Rows
from lpm_secure.engine.kernels.draws import block, days, log, uniform, word
from lpm_secure.engine.kernels.workers import Span, Workers, total
from protocols.arithmetic.fixed_point import I64
from protocols.arithmetic.jit import compile_kernel, inline_kernel
from protocols.errors import ParameterError
from protocols.models import Seir, Stage

SKIP: Final = 32  # purpose of these draws; `philox.DrawPurpose` and the staged model have those below
NEVER: Final = 2**16 - 1
EVENTS: Final = 1024  # transmissions that are drawn before any is told


@inline_kernel
def tell(edge: Any, when: Any, indices: I32, day: Any) -> None:
    """Keep the first day of each event's target; loads that do not wait for each other hide what memory takes."""
    for k in range(edge.size):
        edge[k] = indices[edge[k]]
    for k in range(edge.size):
        day[edge[k]] = min(day[edge[k]], when[k])


@compile_kernel
def transmit(speakers: I32, law: SeirLaw, step: int, rows: Rows, day: Any) -> None:
    """Draw all transmissions of agents that speak from the next step on; keep each target's first day.

    Args:
        speakers: agents; those below zero have ended and say nothing.
        law, step, rows: model, the step just done, and the graph.
        day: uint16[n], one thread's own.
    """
    scale = law.unit / law.beta  # a contact transmits in a step with probability 1 - exp(-1 / scale)
    edge, when = np.empty(EVENTS, dtype=np.int64), np.empty(EVENTS, dtype=np.uint16)
    events = 0
    for k in range(speakers.size):
        i = speakers[k]
        if i < 0:
            continue
        number = number_of(law, i)
        length = np.uint32(days(word(law.key, number, DURATION), law.infectious))
        first = np.int64(rows.indptr[i])
        trials = np.uint32(rows.indptr[i + 1] - first) * length
        at, used = np.uint32(0), 0
        words = block(law.key, number, SKIP, np.uint64(0))
        while True:
            gap = -log(uniform(words[used & 3])) * scale
            if gap >= trials - at:
                break
            at += np.uint32(gap)
            contact = at // length
            if events == EVENTS:
                tell(edge, when, rows.indices, day)
                events = 0
            edge[events] = first + contact
            when[events] = step + 1 + (at - contact * length)
            events += 1
            at = (contact + 1) * length
            used += 1
            if used & 3 == 0:
                words = block(law.key, number, SKIP, np.uint64(used >> 2))
    tell(edge[:events], when[:events], rows.indices, day)


@compile_kernel
def start(span: Span, law: SeirLaw, stage: Any, due: Any, moved: I32) -> Any:
    """Draw who is infectious at the start, and write them to `moved` from the range's first place on."""
    at = span[0]
    for i in range(span[0], span[1]):
        number = number_of(law, i)
        stage[i], due[i] = S, NEVER
        if (word(law.key, number, INITIAL) >> HALF) < law.initial:
            stage[i] = I
            due[i] = days(word(law.key, number, DURATION), law.infectious) - 1
            moved[at] = i
            at += 1
    return at


@compile_kernel
def advance(span: Span, step: int, law: SeirLaw, store: tuple[Any, Any, Any], moved: I32) -> Any:
    """Move a range of agents on by one step; as `step.advance`, where `store` is (stage, due, day[threads, n])."""
    first, end = span
    stage, due, day = store
    at = first
    infections, onsets, ends = 0, 0, 0
    words = np.zeros(BLOCK // 8, dtype=np.uint64)
    flags = words.view(np.uint8)
    now = np.uint16(step)
    for lo in range(first, end, BLOCK):
        size = min(lo + BLOCK, end) - lo
        flag, own, when = flags[:size], stage[lo : lo + size], due[lo : lo + size]
        flags[size:] = 0
        for k in range(size):
            flag[k] = when[k] == now
        for part in range(day.shape[0]):
            told = day[part, lo : lo + size]
            for k in range(size):
                flag[k] |= (told[k] == now) & (own[k] == S)
        for w in range((size + 7) // 8):
            if words[w] == 0:
                continue
            for k in range(8 * w, 8 * w + 8):
                if flags[k] == 0:
                    continue
                number = number_of(law, lo + k)
                if own[k] == S:
                    own[k] = E
                    when[k] = step + days(word(law.key, number, LATENT), law.latent)
                    infections += 1
                elif own[k] == E:
                    own[k] = I
                    when[k] = step + days(word(law.key, number, DURATION), law.infectious)
                    moved[at] = lo + k
                    at += 1
                    onsets += 1
                else:
                    own[k], when[k] = R, NEVER
                    ends += 1
    return at, infections, onsets, ends


@final
class SkipAgents:
    """n S-E-I-R agents on a contact graph without weights, sampled from transmission to transmission.

    Attributes:
        step: steps done.
    """

    def __init__(self, model: Seir, contacts: Csr, *, key: tuple[int, int], agents: int = 0, threads: int = 1) -> None:
        """Draw the initial stages.

        Raises:
            ParameterError: contacts with weights, a hazard of zero, or pressure from cells.
        """
        if contacts.weight.size or model.beta[0] == 0 or model.cell_beta:
            raise ParameterError(
                "skipping takes a graph without weights, a positive beta and no cells; use GraphAgents"
            )
        model.require_lasting("agents whose contacts are skipped")
        self._contacts = contacts
        self._longest = max(len(model.latent), len(model.infectious))
        self._law = law_of(model, key=key, base=agents, beta=model.beta[0], due=np.uint16)
        n = contacts.n
        self._stage, self._due = np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.uint16)
        self._day = np.full((threads, n), NEVER, dtype=np.uint16)
        self._moved = np.empty(n, dtype=np.int32)
        self._workers = Workers(n, threads)
        self.step = 0
        law, stage, due, moved = self._law, self._stage, self._due, self._moved
        ends = self._workers.each(lambda _, span: start(span, law, stage, due, moved))
        self._transmit(ends, step=-1)
        ill = int((stage == I).sum())
        self._counts = np.zeros(len(Stage), dtype=np.int64)
        self._counts[S], self._counts[I] = n - ill, ill

    def _transmit(self, ends: list[Any], *, step: int) -> None:
        rows, law, moved, day = self._contacts.rows, self._law, self._moved, self._day
        self._workers.each(lambda thread, span: transmit(moved[span[0] : ends[thread]], law, step, rows, day[thread]))

    @property
    def stage(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Stage of each agent, uint8[n]; the engine's own memory, for reading."""
        view = self._stage.view()
        view.flags.writeable = False
        return view

    def tally(self) -> I64:
        """Return how many agents are in each stage, int64[q]."""
        return self._counts.copy()

    def update(self) -> None:
        """Move on by one step.

        Raises:
            ParameterError: the run is too long for the 16 bits of a day.
        """
        if self.step + self._longest >= NEVER:
            raise ParameterError(f"step {self.step} is too late: days are kept in 16 bits")
        law, moved, now = self._law, self._moved, self.step
        store = (self._stage, self._due, self._day)
        results = self._workers.each(lambda _, span: advance(span, now, law, store, moved))
        infections, onsets, ends = total([result[1:] for result in results]).tolist()
        self._counts += np.array([-infections, infections - onsets, onsets - ends, ends])
        self._transmit([int(result[0]) for result in results], step=now)
        self.step += 1
