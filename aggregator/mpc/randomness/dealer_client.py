"""A party's client of the dealer: its key, and for the last party the corrections, fetched ahead of the step."""

import queue
import threading
import time
from typing import Final, final

import numpy as np

from aggregator.mpc.config import PartyConfig
from aggregator.mpc.keystream import KEY_BYTES, U64
from aggregator.mpc.net.frames import ANSWER_BYTES, Hello, encode_request, require_answer
from aggregator.mpc.net.links import Link, Transfer, exchange
from aggregator.mpc.net.mesh_join import connect
from aggregator.mpc.net.tls import Tls
from aggregator.mpc.randomness.correlations import Correlation
from protocols.errors import LpmError, ProtocolError, Unavailable

_STOP: Final = None
_Job = tuple[int, Correlation]


@final
class DealerClient:
    """Correlated randomness of one session, batch by batch; the MPC thread takes, a thread of its own fetches ahead.

    After each batch it fetches the one that followed a batch of the same kind the last time: simulation steps repeat
    themselves. A wrong guess costs time only: batches of different kinds never share a word.
    """

    def __init__(self, config: PartyConfig, tls: Tls, session: bytes) -> None:
        """Fetch this party's key from the dealer."""
        self._timeout_s = config.timeout_s
        deadline = time.monotonic() + config.join_timeout_s
        self._link = Link(connect(tls, config.dealer, deadline=deadline), config.dealer.name)
        key = bytearray(KEY_BYTES)
        hello = Hello(config.rank, len(config.parties), config.run, session)
        try:
            exchange([Transfer(self._link, [hello.encode()], [key])], timeout_s=config.join_timeout_s)
        except LpmError:
            self._link.close()
            raise
        self._key = bytes(key)
        self._follower: dict[Correlation, Correlation] = {}
        self._last: Correlation | None = None
        self._ahead: _Job | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[_Job, U64 | LpmError]] = queue.SimpleQueue()
        self._fetches = config.rank == len(config.parties) - 1
        if self._fetches:
            threading.Thread(target=self._fetch_all, daemon=True, name="mpc-dealer-client").start()
        else:
            self._link.close()

    def take(self, kind: Correlation, index: int) -> tuple[U64, U64]:
        """Return this party's free and product words of a batch.

        Raises:
            Unavailable: the dealer did not answer in time.
        """
        if not self._fetches:
            return kind.expand(self._key, index, None)
        if self._last is not None:
            self._follower[self._last] = kind
        self._last = kind
        job = (index, kind)
        if self._ahead != job:
            self._jobs.put(job)
        correction = self._await(job)
        self._ahead = (index + 1, self._follower.get(kind, kind))
        self._jobs.put(self._ahead)
        return kind.expand(self._key, index, correction)

    def close(self) -> None:
        """Stop fetching; the thread closes its connection."""
        if self._fetches:
            self._jobs.put(_STOP)

    def _await(self, job: _Job) -> U64:
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                done, words = self._done.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise Unavailable(
                    f"the dealer did not answer within {self._timeout_s:g} s; the step can be done again"
                ) from None
            if isinstance(words, LpmError):
                raise words
            if done == job:
                return words

    def _fetch_all(self) -> None:
        while (job := self._jobs.get()) is not _STOP:
            try:
                self._done.put((job, self._fetch(*job)))
            except LpmError as err:
                self._done.put((job, err))
                break
            except Exception as err:  # whatever it was, the MPC thread must hear of it
                self._done.put((job, ProtocolError(f"fetching from the dealer failed: {type(err).__name__}")))
                break
        self._link.close()

    def _fetch(self, index: int, kind: Correlation) -> U64:
        head, words = bytearray(ANSWER_BYTES), np.empty(kind.product_words, np.uint64)

        def check() -> None:
            require_answer(bytes(head), index, len(words))

        request = encode_request(index, kind.encode())
        exchange([Transfer(self._link, [request], [head, words.data], check)], timeout_s=self._timeout_s)
        return words
