"""What the manifest of a secure sum demands of each message where a dealer takes part."""

from typing import Final, final

import numpy as np

from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ParameterError, WouldWrap
from protocols.masking.folding import ProofShape
from protocols.masking.norm import HALVES, NormBound
from protocols.masking.plans.run_plan import PROOF_WORDS, QUESTION_WORDS, RunPlan
from protocols.masking.words import LIMIT, WIDTH, residue
from protocols.releases.query import NOISE
from protocols.task.secure_sum.spec import SecureSum, answers

NO_WORDS: Final = ProofShape.of(np.zeros(0, dtype=np.uint8))
NOISES: Final = 2  # in full: the dealer's, and the aggregators' together
TAIL: Final = 2**7  # no sample of the noise is further out than so many sigmas


@final
class SumPlan(RunPlan):
    """Rounds that ask, in which clients say that they are there, and rounds that answer, with a vector of each.

    Attributes:
        norm: what each client proves of its vector.
    """

    manifest: SecureSum

    def __init__(self, manifest: SecureSum) -> None:
        """Prepare.

        Raises:
            ParameterError, WouldWrap: the masked backend does not take this run.
        """
        require_masked_sum(manifest)
        RunPlan.__init__(self, manifest)
        self.norm = norm_of(manifest)
        self._shape = ProofShape.of(np.zeros(0, dtype=np.uint8), self.norm)
        self._lowest = np.uint64(1 << self.norm.bits - 1)

    def opens(self, number: RoundNumber) -> bool:
        """Tell whether vectors are summed in a round."""
        return answers(number)

    def compares(self, number: RoundNumber) -> bool:
        """Tell that nothing is compared."""
        return False

    @property
    def difference_bits(self) -> int:
        """Return 0: nothing is compared."""
        return 0

    def suppresses(self, number: RoundNumber) -> bool:
        """Tell that nothing is suppressed."""
        return False

    def announces(self, number: RoundNumber) -> bool:
        """Tell that the engine takes part in every round; in one that answers it has nothing to say."""
        return True

    def announcement_words(self, number: RoundNumber) -> int:
        """Return the length of what institutions answer."""
        return 0 if answers(number) else self.manifest.length

    def takes_seeds(self, number: RoundNumber) -> bool:
        """Tell whether it is the first round: who is away in one is out of the run."""
        return number == FIRST_ROUND

    @property
    def longest(self) -> int:
        """Return a bound on the words of a message: masked entries, their bits and numbers modulo p; of questions."""
        return max(3 * self.manifest.length + 2 * HALVES + PROOF_WORDS, len(self.names) * QUESTION_WORDS)

    @property
    def proved(self) -> int:
        """Return about how many words are proved in the whole run."""
        return self.manifest.rounds * self._shape.terms * len(self.names)

    def count(self, client: str, number: RoundNumber) -> int:
        """Return how many words a client sends in a round."""
        return self.manifest.words(number)

    def shape(self, client: str, number: RoundNumber, *, steps: int = 1) -> ProofShape:
        """Return the shape of a client's proof in a round, in whatever steps it was away."""
        return self._shape if answers(number) else NO_WORDS

    def words_to_check(self, words: U64, client: str, number: RoundNumber) -> U64:
        """Return the entries above the lowest one, modulo 2**58."""
        return residue(words + self._lowest)

    def pads_to_check(self, pads: U64, client: str, number: RoundNumber) -> U64:
        """Return the pads."""
        return pads

    def release_mask(self) -> I64:
        """Return that the whole sum is opened."""
        return np.ones(self.manifest.length, dtype=np.int64)

    def noises(self, number: RoundNumber) -> tuple[tuple[int, int, float], ...]:
        """Return the noise of the sum."""
        noised = self.manifest.release.mechanism == NOISE
        return ((0, self.manifest.length, self.manifest.sigma),) if noised else ()


def norm_of(manifest: SecureSum) -> NormBound:
    """Return what each client of a sum proves of its vector.

    Raises:
        WouldWrap: an entry is wider than a masked word.
        ParameterError: vectors are too long.
    """
    if (bits := int(manifest.reach).bit_length()) + 1 >= WIDTH:
        raise WouldWrap(
            f"a vector's norm has {bits} bits, and the masked backend takes {WIDTH - 2}: use fewer fraction bits"
        )
    return NormBound.of(manifest.length, manifest.squares)


def require_masked_sum(manifest: SecureSum) -> None:
    """Refuse sums that the masked backend does not take.

    Raises:
        ParameterError: more than two aggregators.
        WouldWrap: a total could reach 2**57.
    """
    if len(manifest.aggregators) != 2:
        raise ParameterError(
            f"the run has {len(manifest.aggregators)} aggregators, and with a dealer a sum has two: leave one out, or "
            'say security = "semi-honest"'
        )
    total = len(manifest.clients) * (int(norm_of(manifest).largest) + 1) + int(NOISES * TAIL * manifest.sigma)
    if total >= LIMIT:
        raise WouldWrap(
            f"a sum could need {total.bit_length()} bits, and the masked backend has {LIMIT.bit_length() - 1}: use "
            f"{total.bit_length() - LIMIT.bit_length() + 1} fraction bits less"
        )
