"""Where everything stands in the vector that a client shares in each step."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np

from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import OutOfRange
from protocols.models.outcome import OutcomeSpec
from protocols.task.devices import LISTS, TOKEN_WORDS, presence_words
from protocols.task.gradients.layout import gradient_words
from protocols.task.manifest import Manifest, SimulationManifest
from protocols.task.outcome_layout import answer_words, count_bits, words_per_agent
from protocols.task.rounds import Phase
from protocols.task.secure_sum.spec import SecureSum

WORD_BYTES: Final = 8
REPLICATE: Final = "#"  # between a public number's name and its replicate's number, where a run has several
_KEPT: Final = "layout"


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """`[exposures: n x c | cell totals | tally of stages]`, one word of 64 bits each, agents in the manifest's order.

    Where a run takes derivatives, they are further words beside these; see `gradients.layout`. Where it has R
    replicates, R copies of an agent, of a cell, and of each word of a release stand side by side, that of the first
    replicate first: what is released of one of them is every R-th word.

    Attributes:
        n: private agents of all clients, each once for each replicate.
        c: words for each agent: one for each contact channel.
        cells: words of cell totals, which the engine announces its part of: one for each cell and cell channel.
        q: words of the tally: one for each stage, and each observable, of each replicate.
        own: for each client, the first of its agents' slots and the one past the last.
        channels: number of contact channels.
        degree: slots of each client where edges are permuted; then these stand in place of the exposures. Else 0.
        tokens: words of tokens of each client where edges are permuted.
        outcomes: of the model.
        environment: the public numbers that the engine announces after its part of the cell totals, and their ranges.
        twins: for each client, where among the cell totals what its agents' twins say belongs; the engine announces
            these words last. Empty where a run has no twins.
        copies: R, replicates of the run.
        mixing: how many mix in each cell of each replicate.
    """

    n: int
    c: int
    cells: int
    q: int
    own: Mapping[str, tuple[int, int]]
    channels: int
    degree: int = 0
    tokens: int = 0
    outcomes: tuple[OutcomeSpec, ...] = ()
    environment: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    twins: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    copies: int = 1
    mixing: tuple[int, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest) -> "Layout":
        """Return the layout that every party of a run derives from its manifest; derived once."""
        known: Layout | None = manifest.__dict__.get(_KEPT)
        if known is None:
            known = manifest.__dict__[_KEPT] = cls._derive(manifest)
        return known

    @classmethod
    def _derive(cls, manifest: Manifest) -> "Layout":
        if isinstance(manifest, SecureSum):  # what is announced, and the sum, stand in place of cell totals
            own = {client.name: (0, 0) for client in manifest.clients}
            return cls(n=0, c=0, cells=manifest.length, q=0, own=MappingProxyType(own), channels=0)
        copies, model = manifest.copies, manifest.model.agents
        ends = np.cumsum([copies * len(client.agents) for client in manifest.clients]).tolist()
        firsts = [0, *ends[:-1]]
        own = {client.name: each for client, each in zip(manifest.clients, zip(firsts, ends, strict=True), strict=True)}
        c, cells, q = _words(manifest)
        degree = manifest.devices.degree if manifest.devices else 0
        tokens = manifest.period * LISTS * degree * TOKEN_WORDS
        return cls(
            n=ends[-1],
            c=c,
            cells=copies * cells,
            q=copies * q,
            own=MappingProxyType(own),
            channels=len(manifest.channels),
            degree=degree,
            tokens=tokens,
            outcomes=model.outcomes,
            environment=_numbers(model.public, copies),
            twins=_twin_words(manifest),
            copies=copies,
            mixing=tuple(size for size in manifest.cells for _ in range(copies)),
        )

    @property
    def decision_words(self) -> int:
        """Words for each agent when the aggregators decide."""
        return words_per_agent(self.outcomes)

    @property
    def thresholds(self) -> int:
        """Words for each agent before the first step: a threshold of each outcome that reveals a bit."""
        return count_bits(self.outcomes)

    @property
    def d(self) -> int:
        """Length of the vector that a client shares when it speaks."""
        return self.message_words + self.release_words

    @property
    def longest(self) -> int:
        """Length of the longest vector that a client shares in any round."""
        return max(
            self.d,
            self.announced,
            self.tokens,
            max(self.decision_words, self.thresholds) * max((self.size(client) for client in self.own), default=0),
        )

    @property
    def message_words(self) -> int:
        """Length of the part of the vector that is for other agents: a word for each, or for each of its own slots."""
        return (self.degree or self.n) * self.c

    @property
    def release_words(self) -> int:
        """Length of the part that is opened to all: cell totals and tally."""
        return self.cells + self.q

    @property
    def announced(self) -> int:
        """Length of what the engine announces: its part of the cell totals, public numbers, and what twins say."""
        return self.public(Phase.SPEAK) + sum(map(len, self.twins.values()))

    def words(self, phase: Phase, client: str) -> int:
        """Return how many words a client shares in a round of this phase."""
        return self.d if phase == Phase.SPEAK else self.size(client) * self.each(phase)

    def each(self, phase: Phase) -> int:
        """Return how many words of a client's vector are its agents' own, for each of them; the others add up."""
        if phase == Phase.SPEAK:
            return self.degree * self.c
        return {Phase.TOKENS: self.tokens, Phase.DECIDE: self.decision_words}.get(phase, self.thresholds)

    def answer(self, client: str) -> int:
        """Return how many words a client's outcomes are told in."""
        return answer_words(self.outcomes, self.size(client))

    def public(self, phase: Phase) -> int:
        """Return how many public words come with the result of a round: what the engine announced, or who is there."""
        if phase == Phase.THRESHOLDS and self.degree:
            return presence_words(self.n)
        return self.cells + len(self.environment) if phase == Phase.SPEAK else 0

    def settle(self, announced: I64, members: Collection[str]) -> I64:
        """Return the public words of a step, int64[cells + e]: twins of all clients but its members have spoken.

        Args:
            announced: int64[announced], by the engine.
            members: clients that took part in the step's first round.
        """
        if not self.twins or not announced.size:
            return announced
        at = self.public(Phase.SPEAK)
        public = announced[:at].copy()
        for name, places in self.twins.items():
            end = at + len(places)
            if name not in members:
                public[list(places)] += announced[at:end]
            at = end
        return public

    def environment_words(self, announced: I64) -> I64:
        """Return the environment's numbers of what the engine announced, or of what is public of it, int64[e]."""
        return announced[self.cells : self.public(Phase.SPEAK)]

    def public_numbers(self, announced: I64, *, step: int) -> dict[str, int]:
        """Return the environment's numbers of a step by name.

        Raises:
            OutOfRange: one is not in the range that the model's graph was proved for.
        """
        numbers = dict(zip(self.environment, self.environment_words(announced).tolist(), strict=True))
        for name, (low, high) in self.environment.items():
            if not low <= numbers[name] <= high:
                raise OutOfRange(
                    f"the engine announced {name} = {numbers[name]} in step {step}; it must lie in [{low}, {high}], "
                    "so the run ends"
                )
        return numbers

    def size(self, client: str) -> int:
        """Return how many agents a client has, each once for each replicate."""
        first, end = self.own[client]
        return end - first

    def people(self, client: str) -> slice:
        """Return which of all people, each of them once, are a client's."""
        first, end = self.own[client]
        return slice(first // self.copies, end // self.copies)

    def of_agents(self, numbers: Mapping[str, int], client: str) -> Mapping[str, Any]:
        """Return public numbers as a client's agents hear them: of replicates int64[n_own] each, else as they are."""
        if self.copies == 1:
            return numbers
        values = np.array(list(numbers.values()), dtype=np.int64).reshape(-1, self.copies)
        names = [name.rpartition(REPLICATE)[0] for name in list(numbers)[:: self.copies]]
        people = self.size(client) // self.copies
        return {name: np.tile(each, people) for name, each in zip(names, values, strict=True)}

    def split(self, words: np.ndarray) -> np.ndarray:
        """Return released or announced words by replicate, [R, words of one]; a view."""
        return words.reshape(-1, self.copies).T

    def pack(self, exposure: I64, cells: I64, tally: I64) -> U64:
        """Return uint64[d] from int64[n, c], int64[cells] and int64[q]."""
        return np.concatenate([exposure.reshape(-1), cells, tally]).view(np.uint64)

    def exposure_of(self, vector: U64, client: str) -> U64:
        """Return the part of a total that is one client's own, uint64[n_own * c]; a view."""
        first, end = self.own[client]
        return vector[first * self.c : end * self.c]

    def release_of(self, vector: U64) -> U64:
        """Return the part of a total that is opened to all, uint64[cells + q]; a view."""
        return vector[self.n * self.c :]


def _numbers(public: Mapping[str, tuple[int, int]], copies: int) -> Mapping[str, tuple[int, int]]:
    """Return the public numbers of all replicates, and their ranges."""
    if copies == 1:
        return public
    return {f"{name}{REPLICATE}{copy}": each for name, each in public.items() for copy in range(copies)}


def _twin_words(manifest: SimulationManifest) -> Mapping[str, tuple[int, ...]]:
    """Return for each client the words of cell totals that its agents' twins add to: of each channel, their cells."""
    channels, cells = range(len(manifest.model.agents.cell_most)), len(manifest.cells)
    return MappingProxyType(
        {
            client.name: tuple(
                channel * cells + cell
                for channel in channels
                for cell, count in enumerate(manifest.twins[client.name])
                if count
            )
            for client in manifest.clients
        }
        if manifest.twins
        else {}
    )


def _words(manifest: SimulationManifest) -> tuple[int, int, int]:
    """Return the words of each agent, of all cells, and of the tally."""
    model = manifest.model.agents
    channels, cells, q = len(manifest.channels), len(manifest.cells) * len(model.cell_most), len(model.tally)
    return gradient_words(manifest.gradient, channels=channels, cells=cells, q=q, mode=manifest.mode)
