"""A client's side of a round: share a vector, send it to all aggregators, put together what they answer."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, final

import numpy as np

from protocols.arithmetic.counters import FIRST_STEP, RoundNumber, Step
from protocols.arithmetic.fixed_point import I64, U64, from_ring
from protocols.arithmetic.sharing import Sharing
from protocols.arithmetic.sharing.additive import start_of
from protocols.errors import (
    AnswerLost,
    ParameterError,
    PartiesDisagree,
    RoundClosed,
    RunEnded,
    ShareRefused,
    Unavailable,
)
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, is_active
from protocols.task.outcome_layout import join_answers
from protocols.task.rounds import Phase
from protocols.task.secure_sum.spec import SecureSum
from protocols.task.timeouts import patience_s
from protocols.wire.messages import Join, JoinReply, RoundResult, Share
from protocols.wire.transport import Transport

JOINS: Final = 2  # a call that is late at one aggregator alone finds the run further on there
RECALL_S: Final = 0.02  # between two questions for what an aggregator is about to have
LONGEST_WAIT_S: Final = 1.0  # between two such questions, where each wait is twice the one before


@final
@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a round told this client, opened.

    Attributes:
        own: int64, its agents' exposures (sum mode) or outcomes [n_own, o]; empty where the round tells nothing.
        release: int64[cells + q], or empty.
        synthetic: public words: int64[cells + e], or who is there, or empty.
    """

    own: I64 = field(repr=False)
    release: I64
    synthetic: I64


class RoundExchange(Protocol):
    """A client's side of the rounds of a run, whatever hides its words."""

    async def join(self) -> Step:
        """Join the run, and return the step that comes next."""

    async def recall(self, since: Step, until: Step) -> list[dict[str, int]]:
        """Return the environment's numbers of steps `since` to `until` - 1, which are over and were missed."""

    async def round(self, vector: U64, *, step: Step, phase: Phase = Phase.SPEAK) -> Answer:
        """Take part in one round with a vector of the length that the layout gives the phase."""


@final
class Exchange:
    """One client's rounds with all aggregators of a run.

    Security: each aggregator gets one share under the client's own key for it, which serves for one run: drawn here, or
        kept by a client that may be started again, whose later starts share under others.
    """

    def __init__(
        self,
        manifest: Manifest,
        name: str,
        transports: Sequence[Transport],
        *,
        keys: tuple[bytes, ...] | None = None,
        sharing: Sharing | None = None,
    ) -> None:
        """Draw the keys, or go on with those that this client has kept of this run; nothing is sent.

        Args:
            keys: that the client has kept.
            sharing: in place of the manifest's, in an audit that chooses the coins.
        """
        if is_active(manifest):
            raise ParameterError(
                "the run's security is active: take part by client_sdk.masking, as the client's process does"
            )
        if len(transports) != len(manifest.aggregators):
            raise ParameterError(
                f"got {len(transports)} transports for {len(manifest.aggregators)} aggregators; give one each"
            )
        self._manifest, self._name, self._transports = manifest, name, transports
        self._id = manifests.run_id(manifest)
        self._layout = Layout.of(manifest)
        self._sharing = sharing or manifest.share()
        self._keys = self._sharing.keys() if keys is None else keys

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Return the keys that this client joins with, one for each aggregator but the last."""
        return self._keys

    async def join(self) -> Step:
        """Join at all aggregators, and return the step that comes next.

        Raises:
            PartiesDisagree: an aggregator told a step that the run does not have, or two are more than a step apart
                once more when the run waits for this client, which no two honest ones are.
        """
        schedule, steps = self._manifest.schedule, [FIRST_STEP]
        last = schedule.step(RoundNumber(schedule.rounds))  # where a run stands that is over
        for _ in range(JOINS):
            steps = [reply.step for reply in await self._join(None)]
            step = max(steps)
            if step > last:
                raise PartiesDisagree(
                    f"an aggregator told step {step}, and the run is over at step {last}; stop the run"
                )
            if step - min(steps) <= 1:
                return step
        raise PartiesDisagree(f"aggregators say that steps {steps} come next; stop the run")

    async def recall(self, since: Step, until: Step) -> list[dict[str, int]]:
        """Return the environment's numbers of steps `since` to `until` - 1, which are over and were missed.

        Raises:
            PartiesDisagree: the aggregators told different things.
            OutOfRange: a number is not in its range.
            Unavailable: one of them does not tell in time.
        """
        return self.public_numbers(await self.recall_words(since, until), since, until)

    async def recall_words(self, since: Step, until: Step) -> I64:
        """Return the environment's words of steps `since` to `until` - 1, int64[(until - since) * e]; as `recall`."""
        words, told, end = len(self._layout.environment), np.zeros(0, dtype=np.int64), time.monotonic()
        end += patience_s(self._manifest, since)
        while told.size < words * (until - since):
            replies = await self._join(Step(since + told.size // words))
            size = min(len(reply.public) for reply in replies)
            if size % words or len({reply.public[:size] for reply in replies}) != 1:
                raise PartiesDisagree(f"aggregators told different public numbers from step {since} on; stop the run")
            if not size and time.monotonic() > end:
                raise Unavailable(f"an aggregator has no public numbers of step {until - 1}; call again")
            told = np.concatenate([told, np.array(replies[0].public[:size], dtype=np.int64)])
            await asyncio.sleep(0 if size else RECALL_S)
        return told[: words * (until - since)]

    def public_numbers(self, told: I64, since: Step, until: Step) -> list[dict[str, int]]:
        """Return the environment's numbers of steps, by name, of the words of `recall_words`.

        Raises:
            OutOfRange: a number is not in its range.
        """
        nothing, words = np.zeros(self._layout.cells, dtype=np.int64), len(self._layout.environment)
        return [
            self._layout.public_numbers(
                np.concatenate([nothing, told[words * place : words * (place + 1)]]), step=since + place
            )
            for place in range(until - since)
        ]

    async def ask_last_round(self) -> RoundNumber | None:
        """Return the last round in which this client counted, if there is one, once all aggregators say the same.

        Raises:
            PartiesDisagree: they do not, for longer than one of them may close a round after another one, or one does
                not say it.
        """
        end, wait_s = time.monotonic() + patience_s(self._manifest, FIRST_STEP), RECALL_S
        while len(counted := await self._last_rounds()) > 1:
            if time.monotonic() > end:
                raise PartiesDisagree(
                    "aggregators say different things of the last round in which this client's share counted; stop the "
                    "run, and let their operators compare their ledgers"
                )
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        return counted.pop()

    async def _last_rounds(self) -> set[RoundNumber | None]:
        """Return the last rounds in which this client counted, as the aggregators say."""
        try:
            return {reply.counted for reply in await self._join(None)}
        except RoundClosed as error:  # else that would be taken for a round that closed without this client
            raise PartiesDisagree("an aggregator does not say in which round a share counted; stop the run") from error

    async def _join(self, since: Step | None) -> list[JoinReply]:
        calls = (Join(self._id, key, since) for key in (*self._keys, b""))
        timeout_s = patience_s(self._manifest, FIRST_STEP)
        joined: list[JoinReply] = await asyncio.gather(
            *(
                transport.call(call, timeout_s=timeout_s)
                for transport, call in zip(self._transports, calls, strict=True)
            )
        )
        return joined

    async def round(
        self, vector: U64, *, step: Step, phase: Phase = Phase.SPEAK, keys: tuple[bytes, ...] | None = None
    ) -> Answer:
        """Take part in one round.

        Args:
            vector: uint64, of the length that the layout gives the phase.
            keys: of this round alone, which go with the shares; in place of those that this client joined with.

        Raises:
            RoundClosed: it closed without this client, as all aggregators say.
            AnswerLost: it closed with this client's share, and its answer is not to be had any more.
            ShareRefused: all aggregators say that this client is out of a secure sum.
            PartiesDisagree: the aggregators told different things, or answered with another size.
            RunEnded: the run is over for good, or its time is.
            Unavailable: one of them did not answer in time.
        """
        if self._manifest.trust is not None:
            self._manifest.trust.require_current()
        number = self._manifest.schedule.number(step, phase)
        masks = self._keys if keys is None else keys
        share, start = self._sharing.split(vector, masks, round_number=number), start_of(masks)
        nothing = np.zeros(0, dtype=np.uint64)
        others = [nothing for _ in self._keys] if keys is None else [np.frombuffer(key, np.uint64) for key in keys]
        timeout_s = patience_s(self._manifest, step)
        answers = await asyncio.gather(
            *(
                transport.call(Share(self._id, step, words, phase, start), timeout_s=timeout_s)
                for transport, words in zip(self._transports, [*others, share], strict=True)
            ),
            return_exceptions=True,
        )
        if errors := [answer for answer in answers if isinstance(answer, BaseException)]:
            error = self._refusal(errors)
            if type(error) is RoundClosed and await self.ask_last_round() == number:  # it called again, and too late
                raise AnswerLost(f"step {step} has closed, and its answer is gone; go on without it") from error
            raise error
        return self._combine([answer for answer in answers if isinstance(answer, RoundResult)], step, phase)

    def _refusal(self, errors: Sequence[BaseException]) -> BaseException:
        """Return why a round was not answered: first that the run is over, and last that the round has closed.

        What one aggregator alone says of a round that closed counts for nothing: it may have counted this client there.
        """
        ended = [error for error in errors if isinstance(error, RunEnded)]
        error = next((error for error in [*ended, *errors] if not isinstance(error, RoundClosed)), None)
        if error is not None:
            return error
        refused = [error for error in errors if isinstance(error, ShareRefused)]
        if len(refused) == len(self._transports) and isinstance(self._manifest, SecureSum):
            return refused[0]
        if any(type(error) is not RoundClosed for error in errors):
            return PartiesDisagree("an aggregator alone says that it refused a share, or lost it; stop the run")
        return errors[0]

    def _combine(self, replies: list[RoundResult], step: Step, phase: Phase) -> Answer:
        layout = self._layout
        speak = phase == Phase.SPEAK
        expected = (
            step,
            phase,
            self._own_words(phase),
            layout.release_words if speak else 0,
            layout.public(phase),
        )
        for reply in replies:
            if (reply.step, reply.phase, reply.own.size, reply.release.size, reply.synthetic.size) != expected:
                raise PartiesDisagree(f"an aggregator answered step {step} with vectors of another size; stop the run")
        if len({(reply.members, reply.synthetic.tobytes()) for reply in replies}) != 1:
            raise PartiesDisagree(f"aggregators told different things about step {step}; stop the run")
        own = [reply.own for reply in replies]
        decides = phase == Phase.DECIDE
        return Answer(
            join_answers(layout.outcomes, own, layout.size(self._name))
            if decides
            else from_ring(self._sharing.join(own)),
            from_ring(self._sharing.join([reply.release for reply in replies])),
            replies[0].synthetic,
        )

    def _own_words(self, phase: Phase) -> int:
        """Return how many words of its own this client is told in a round."""
        size = self._layout.size(self._name)
        if phase == Phase.DECIDE:
            return self._layout.answer(self._name)
        return size * self._layout.c if phase == Phase.SPEAK and not self._manifest.schedule.outcome else 0
