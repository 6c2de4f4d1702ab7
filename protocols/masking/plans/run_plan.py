"""What a manifest demands of each message of a masked run, whichever it is of."""

import abc
from typing import Final

import numpy as np

from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ParameterError, WireError
from protocols.masking.folding import ProofShape
from protocols.masking.words import MASK
from protocols.models.outcome import OutcomeSpec
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, run_id
from protocols.task.parties import DealerParty
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase

PROOF_WORDS: Final = 1_024  # bounds, in words of 8 bytes: of a proof of ranges,
SHORT: Final = 2**13  # words that all clients together prove in a round
QUESTION_WORDS: Final = 512  # and of what a question says of one client: challenges, and its sealed seed


class RunPlan(abc.ABC):
    """The words of every message: how many, which of them are checked, and of how many bits.

    Subclasses are final, one for each kind of manifest.

    Attributes:
        manifest: of the run.
        layout: of its vectors.
        release_plan: what it opens.
        run: the manifest's hash.
    """

    manifest: Manifest

    def __init__(self, manifest: Manifest) -> None:
        """Prepare what all runs have."""
        self.manifest, self.layout, self.run = manifest, Layout.of(manifest), run_id(manifest)
        self.release_plan = ReleasePlan.of(manifest)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all clients, in the manifest's order."""
        return tuple(self.layout.own)

    @property
    def aggregators(self) -> tuple[str, ...]:
        """Return the names of both aggregators."""
        return tuple(party.name for party in self.manifest.aggregators)

    @property
    def dealer(self) -> DealerParty:
        """Return the dealer, which every masked run has."""
        if self.manifest.dealer is None:
            raise ParameterError("the masked backend needs a dealer; name one in the manifest")
        return self.manifest.dealer

    def phase(self, number: RoundNumber) -> Phase:
        """Return what a round is for."""
        return self.manifest.schedule.phase(number)

    @property
    def outcomes(self) -> tuple[OutcomeSpec, ...]:
        """Return the outcomes that are decided on shares: none where clients are told exposures, and decide alone."""
        return self.layout.outcomes if self.manifest.schedule.outcome else ()

    @property
    def bits(self) -> tuple[int, ...]:
        """Return the outcomes that reveal a bit, by their places; the others reveal the sum."""
        return tuple(row for row, outcome in enumerate(self.outcomes) if outcome.is_bit)

    def reveals(self, number: RoundNumber) -> tuple[bool, ...]:
        """Return of each number that a client is told of each of its agents in a round, if it is a bit, or exact.

        Exact ones are sums that outcomes reveal or, in sum mode, exposures.
        """
        if self.phase(number) == Phase.DECIDE:
            return tuple(each.is_bit for each in self.outcomes)
        return () if self.manifest.schedule.outcome else (False,) * self.layout.c

    @property
    def products(self) -> tuple[tuple[int, str, int], ...]:
        """Return what secret bits multiply in a decision: of each the outcome's row, the bit's column and its place."""
        products: list[tuple[int, str, int]] = []
        for row, outcome in enumerate(self.outcomes):
            products += [(row, "anew", 0)] if outcome.anew else []
            products += [(row, "weight", place) for place in range((outcome.weight or 0).bit_length())]
        return tuple(products)

    @property
    @abc.abstractmethod
    def difference_bits(self) -> int:
        """Return of how many bits threshold less level is at most, over the whole run, without its sign."""

    @property
    def offset_masks(self) -> U64:
        """Return which bits of each outcome's offsets are told, uint64[o, 1]: those that are compared, or all of a sum.

        Security: what masks an offset has these bits alone; a further one would tell that bit of all pads together.
        """
        compared = np.uint64(2 ** (self.difference_bits + 1) - 1)
        return np.array([[compared if each.is_bit else MASK] for each in self.outcomes], dtype=np.uint64)

    def multiplies(self, number: RoundNumber) -> bool:
        """Tell whether levels take products in a round, so that the aggregators open masked numbers to each other."""
        return bool(self.products) and self.phase(number) == Phase.DECIDE

    @property
    def opens_bits(self) -> bool:
        """Tell whether aggregators open bits to each other, masked, to compare: by a tree, in place of keys."""
        return False

    def takes_openings(self, number: RoundNumber) -> bool:
        """Tell whether they do so in a round."""
        return self.opens_bits and self.phase(number) == Phase.DECIDE

    @property
    def offset_rows(self) -> tuple[int, ...]:
        """Return the outcomes of which the dealer tells offsets: a tree takes none, as its shares are of r itself."""
        rows = range(len(self.outcomes))
        return tuple(row for row in rows if not (self.opens_bits and row in self.bits))

    def compares_verdicts(self, number: RoundNumber) -> bool:
        """Tell whether the aggregators wait for each other's verdict in a round: before they open anything together.

        In the other rounds an aggregator tells each client what follows from messages and answers that both have, and
        whom it counts: clients compare that, and the next round does.
        """
        return self.opens(number) or self.multiplies(number) or self.takes_openings(number)

    @abc.abstractmethod
    def opens(self, number: RoundNumber) -> bool:
        """Tell whether anything is released in a round."""

    def takes_seeds(self, number: RoundNumber) -> bool:
        """Tell whether clients may come, or come back, in a round with a seed that serves from it on."""
        return number == FIRST_ROUND or self.opens(number)

    @abc.abstractmethod
    def compares(self, number: RoundNumber) -> bool:
        """Tell whether keys of a comparison are dealt in a round: those of the decision that comes next."""

    @abc.abstractmethod
    def suppresses(self, number: RoundNumber) -> bool:
        """Tell whether small counts are kept back in a round, so that the aggregators open masked ones first."""

    @abc.abstractmethod
    def announces(self, number: RoundNumber) -> bool:
        """Tell whether the engine announces anything in a round."""

    @abc.abstractmethod
    def announcement_words(self, number: RoundNumber) -> int:
        """Return of how many words what is announced in a round is."""

    def public_numbers(self, number: RoundNumber, announced: I64) -> dict[str, int]:
        """Return the environment's numbers among what the engine announces in a round, by name.

        Raises:
            WireError: it announces another number of words than the layout has.
            OutOfRange: a number is not in its range.
        """
        if announced.size != (expected := self.announcement_words(number)):
            raise WireError(f"{announced.size} words are announced in round {number}; the layout has {expected}")
        return self.layout.public_numbers(announced, step=self.manifest.schedule.step(number)) if expected else {}

    @property
    @abc.abstractmethod
    def longest(self) -> int:
        """Return a bound on the words of 8 bytes of a message: of clients, of the dealer, of questions."""

    @property
    @abc.abstractmethod
    def proved(self) -> int:
        """Return about how many words are proved in the whole run."""

    @property
    def is_short(self) -> bool:
        """Tell whether a round takes a server some ms, for which handing it to a thread takes longer than it saves."""
        return self.proved < SHORT * self.manifest.schedule.rounds

    @abc.abstractmethod
    def count(self, client: str, number: RoundNumber) -> int:
        """Return how many words a client sends in a round."""

    @abc.abstractmethod
    def shape(self, client: str, number: RoundNumber, *, steps: int = 1) -> ProofShape:
        """Return the shape of a client's proof in a round, whose own levels have grown in so many steps."""

    @abc.abstractmethod
    def words_to_check(self, words: U64, client: str, number: RoundNumber) -> U64:
        """Return what is checked of a client's words, as they are or masked, modulo 2**58."""

    @abc.abstractmethod
    def pads_to_check(self, pads: U64, client: str, number: RoundNumber) -> U64:
        """Return the pads of what is checked: of numbers that everybody knows there is none."""

    @abc.abstractmethod
    def release_mask(self) -> I64:
        """Return 1 of each released word that is opened, and 0 of those that stay closed, int64[cells + q]."""

    @abc.abstractmethod
    def noises(self, number: RoundNumber) -> tuple[tuple[int, int, float], ...]:
        """Return which released words of a round take noise: where they begin, how many there are, and their sigma."""
