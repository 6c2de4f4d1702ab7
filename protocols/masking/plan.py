"""What a manifest demands of each message of a masked run, and which runs the masked backend does not take."""

from typing import Final, final

import numpy as np

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, to_ring
from protocols.errors import ParameterError, WouldWrap
from protocols.masking.folding import ProofShape
from protocols.masking.plans.relaxed_ranges import RelaxedRanges
from protocols.masking.plans.run_plan import PROOF_WORDS, QUESTION_WORDS, RunPlan
from protocols.masking.plans.sum_plan import SumPlan, require_masked_sum
from protocols.masking.words import LIMIT, WIDTH, residue
from protocols.releases.query import NOISE, SCORE
from protocols.releases.suppression import OFF
from protocols.task.gradients.hidden_score import count_factors, score_bits, score_words
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, Simulation, is_active
from protocols.task.ranges import Ranges
from protocols.task.release_plan import releases_of
from protocols.task.rounds import Phase
from protocols.task.secure_sum.spec import SecureSum

KEY_WORDS: Final = 4 * WIDTH  # bounds, in words of 8 bytes: of a comparison's key at one aggregator, with its offset,
PRODUCT_WORDS: Final = 3 * 4 * 2 + 1  # of a product of a secret bit,
COUNT_WORDS: Final = 2**13  # and of a count that may be suppressed, and of what is found out of all of them


@final
class MaskingPlan(RunPlan):
    """The words of a simulation.

    In place of the sum of their own levels clients tell by how much these grow in a step, so that a range in each step
    bounds the whole run; one that was away in some steps, by how much they have grown in these too.
    """

    manifest: Simulation

    def __init__(self, manifest: Simulation) -> None:
        """Prepare.

        Raises:
            ParameterError: the masked backend does not take this run; the message says what does.
        """
        require_masking(manifest)
        RunPlan.__init__(self, manifest)
        self._ranges = _ranges_of(manifest)
        self._shapes: dict[bytes, ProofShape] = {}
        bounds, names = _bounds(manifest), [each.name for each in self.outcomes if each.is_bit]
        widest = max((bounds[f"the level of {name}"] + bounds[f"the threshold of {name}"] for name in names), default=0)
        self._difference_bits = min(widest.bit_length(), WIDTH - 1)

    def compares(self, number: RoundNumber) -> bool:
        """Tell whether keys of a comparison are dealt in a round: those of the decision that comes next."""
        schedule = self.manifest.schedule
        return schedule.outcome and self.opens(number) and schedule.step(number) < self.manifest.steps

    def opens(self, number: RoundNumber) -> bool:
        """Tell whether anything is released in a round."""
        return self.phase(number) == Phase.SPEAK

    @property
    def difference_bits(self) -> int:
        """Return of how many bits threshold less level is at most, over the whole run, without its sign."""
        return self._difference_bits

    @property
    def opens_bits(self) -> bool:
        """Tell whether comparisons are by a tree, where there are any."""
        return self.manifest.comparison == "tree" and bool(self.bits)

    def suppresses(self, number: RoundNumber) -> bool:
        """Tell whether small counts are kept back in a round, so that the aggregators open masked ones first."""
        return self.opens(number) and self.manifest.min_count > OFF

    def announces(self, number: RoundNumber) -> bool:
        """Tell whether the engine announces anything in a round."""
        return self.manifest.engine and self.opens(number)

    def announcement_words(self, number: RoundNumber) -> int:
        """Return of how many words what is announced in a round is."""
        return self.layout.announced if self.announces(number) else 0

    @property
    def proved(self) -> int:
        """Return about how many words are proved in the whole run."""
        return self.manifest.schedule.steps * self.layout.d * len(self.layout.own)

    @property
    def longest(self) -> int:
        """Return a bound on the words of 8 bytes of a message: of clients, of the dealer, of questions."""
        layout = self.layout
        sent = 2 * (layout.longest + layout.release_words) + PROOF_WORDS
        dealt = layout.d + layout.n * len(self.outcomes) * KEY_WORDS
        dealt += layout.n * len(self.products) * PRODUCT_WORDS
        dealt += (layout.release_words + layout.copies) * COUNT_WORDS if self.manifest.min_count > OFF else 0
        return max(sent, dealt, len(self.names) * QUESTION_WORDS)

    def count(self, client: str, number: RoundNumber) -> int:
        """Return how many words a client sends in a round."""
        return self.layout.words(self.phase(number), client)

    def shape(self, client: str, number: RoundNumber, *, steps: int = 1) -> ProofShape:
        """Return the shape of a client's proof in a round, of own levels that have grown in so many steps."""
        bits = self._ranges.bits(client, number, steps=steps)
        if (key := bits.tobytes()) not in self._shapes:
            self._shapes[key] = ProofShape.of(bits)
        return self._shapes[key]

    def words_to_check(self, words: U64, client: str, number: RoundNumber) -> U64:
        """Return what is checked of a client's words, as they are or masked, modulo 2**58."""
        return residue(to_ring(self._ranges.words(lambda numbers: numbers, words, client, number)))

    def pads_to_check(self, pads: U64, client: str, number: RoundNumber) -> U64:
        """Return the pads of what is checked: of numbers that everybody knows there is none."""
        return residue(to_ring(self._ranges.words(np.zeros_like, pads, client, number)))

    def release_mask(self) -> I64:
        """Return 1 of each released word that is opened, and 0 of those that stay closed, int64[cells + q]."""
        opened = np.ones(self.layout.release_words, dtype=np.int64)
        if self.release_plan.releases.of("tally") is None:
            opened[self.layout.cells : self._first_score] = 0
        return opened

    def noises(self, number: RoundNumber) -> tuple[tuple[int, int, float], ...]:
        """Return the noise of cells, and of each word of the score where it is opened."""
        found: list[tuple[int, int, float]] = []
        for release in self.release_plan.in_step(self.manifest.schedule.step(number)):
            if release.mechanism == NOISE and release.name == SCORE:
                changes = enumerate(self.manifest.score_changes, start=self._first_score)
                found += [(place, 1, release.sigma * change) for place, change in changes]
            elif release.mechanism == NOISE:
                found.append((0, self.layout.cells, release.sigma))
        return tuple(found)

    @property
    def _first_score(self) -> int:
        """Return the place of the score behind the tally."""
        return self.layout.release_words - score_words(self.manifest.gradient)


def plan_of(manifest: Manifest) -> RunPlan:
    """Return the plan of an active run; errors are those of its kind's."""
    return SumPlan(manifest) if isinstance(manifest, SecureSum) else MaskingPlan(manifest)


def check_security(manifest: Manifest) -> None:
    """Refuse an active run that the masked backend does not take; errors are those of its plan."""
    asks = isinstance(manifest, Simulation) and bool(manifest.comparison)
    if asks and not (is_active(manifest) and manifest.schedule.outcome):
        raise ParameterError('comparison = "tree" is of active runs in outcome mode without tangents; leave it out')
    if not is_active(manifest):
        return
    if isinstance(manifest, SecureSum):
        require_masked_sum(manifest)
    else:
        require_masking(manifest)


def require_masking(manifest: Simulation) -> None:
    """Refuse a run that needs what the masked backend has not, in one line that says which backend takes it.

    Raises:
        ParameterError: it needs more than sums, products of bits, and comparisons.
        WouldWrap: a level or a total could reach 2**57.
    """
    releases = releases_of(manifest)
    needs = {
        f"{len(manifest.aggregators)} aggregators, where two share with the dealer": len(manifest.aggregators) != 2,
        "permuted edges": manifest.devices is not None,
        "clients that are trusted with their ranges (validity)": manifest.validity != "bits",
        "scores by a common factor in outcome mode": bool(count_factors(manifest.gradient, manifest.mode)),
        "a series of one event of each agent (incidence, running)": any(
            releases.of(name) is not None for name in ("incidence", "running")
        ),
    }
    if manifest.dealer is None:
        raise ParameterError("the run has no dealer, and the masked backend shares with one; name one in the manifest")
    missing = [need for need, is_there in needs.items() if is_there]
    if missing:
        raise ParameterError(
            f"the run needs {missing[0]}, which the masked backend has not; the CrypTen backend takes it"
        )
    for name, bound in _bounds(manifest).items():
        if bound >= LIMIT:
            raise WouldWrap(
                f"{name} could need {bound.bit_length()} bits with every client at the end of its range, and the "
                f"masked backend has {LIMIT.bit_length() - 1}: use {bound.bit_length() - LIMIT.bit_length() + 1} "
                "fraction bits less, or the CrypTen backend"
            )


def _bounds(manifest: Simulation) -> dict[str, int]:
    """Return what each number reaches at most, over the whole run, where clients lie within their ranges.

    Raises:
        WouldWrap: they could bring a level beyond what its client holds.
    """
    layout, ranges, model = Layout.of(manifest), _ranges_of(manifest), manifest.model.agents
    if isinstance(ranges, RelaxedRanges):
        return {"a sum of values or derivatives": ranges.largest}
    messages = sum(2 ** ranges.message_bits(client) - 1 for client in layout.own)
    if manifest.schedule.outcome:
        bounds = _level_bounds(manifest, messages)
    else:
        bounds = {"an exposure": messages}
        model.level_bounds(n=1, max_message=messages, steps=manifest.steps)  # clients add levels up in words of 64 bits
    noise = sum(2**7 * release.sigma for release in releases_of(manifest).each if release.mechanism == NOISE)
    if manifest.score_changes:
        score = sum(2 ** score_bits(manifest.gradient, layout.size(client)) for client in layout.own)
        bounds["the score of all agents"] = score + int(noise * 2 * max(manifest.score_changes))  # of two operators
    widest = max([*(abs(end) for word in model.tally for end in (word.low, word.high)), *model.cell_most, 0])
    bounds["a release"] = 4 * (layout.n // layout.copies) * widest + int(noise)
    return bounds


def _ranges_of(manifest: Simulation) -> Ranges | RelaxedRanges:
    """Return the ranges of a run's words: of agents, or of what is expected of them."""
    relaxed = manifest.gradient is not None and manifest.gradient.relaxed
    return RelaxedRanges(manifest) if relaxed else Ranges(manifest)


def _level_bounds(manifest: Simulation, messages: int) -> dict[str, int]:
    """Return what levels and thresholds reach, where all clients together tell an agent so much in a step."""
    layout, model = Layout.of(manifest), manifest.model.agents
    most = max((layout.size(client) // layout.copies for client in layout.own), default=0)
    growth = model.level_bounds(n=most, max_message=manifest.max_message, steps=1)
    bounds = {}
    for outcome, bound, own in zip(model.outcomes, manifest.level_bounds, growth, strict=True):
        steps = manifest.steps if outcome.keep else 1
        weight = 2 ** (outcome.weight or 1).bit_length() - 1
        heard = sum(abs(factor) for factor in outcome.coefficients) * messages * weight
        bounds[f"the level of {outcome.name}"] = steps * (heard + 2 * 2 ** own.bit_length())  # of any steps at once
        bounds[f"the threshold of {outcome.name}"] = 2 ** (bound + 1).bit_length() - 1
    return bounds
