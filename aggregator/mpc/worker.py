"""The MPC worker of an aggregator: one long-lived thread that computes on shares with the other aggregators' workers.

worker = MpcWorker(config)
share = worker.compare(h, tau, step=7)                  # blocks
share = await AsyncMpcWorker(worker).compare(h, tau, step=7)
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar, final

import numpy as np

from aggregator.mpc.circuits.bit_planes import bits_of
from aggregator.mpc.config import PartyConfig
from aggregator.mpc.keystream import I64, U8
from aggregator.mpc.net.mesh_join import listen
from aggregator.mpc.net.tls import Tls
from aggregator.mpc.randomness.correlations import MAX_BITS, Comparison, Triple
from protocols.errors import ConfigError, ParameterError, Unavailable

if TYPE_CHECKING:
    from aggregator.mpc.session import MpcSession

T = TypeVar("T")
_MAX_STEP: Final = (1 << 64) - 1


@final
class MpcWorker:
    """Computes on shares; inputs and results are plain arrays, and nothing of them is kept.

    Every party must call the same operations, of the same sizes and for the same steps, in the same order. After any
    error the connections are closed and the next call joins again: the same call with the same inputs, made by *all*
    parties, then gives shares of the same numbers.

    Security:
        Up to k - 1 parties learn nothing but sizes, as long as no dealer is among them: all that is opened is masked by
        words that the dealer shared. Semi-honest: one that lies can change results unseen, and whatever is done with a
        result that it has changed, such as a verdict, can tell it something about inputs.
    """

    def __init__(self, config: PartyConfig) -> None:
        """Open this party's port; the other parties are joined by the first call.

        Raises:
            ConfigError: certificate files cannot be used, or the port is taken.
        """
        self._config = config
        self._tls = Tls(config.identity)
        me = config.parties[config.rank]
        try:
            self._listener = listen(me)
        except OSError as err:
            raise ConfigError(f"cannot listen on {me.host}:{me.port}: {err.strerror}; choose a free port") from err
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mpc")
        self._session: MpcSession | None = None
        self._thread.submit(_load)

    def compare(self, h: I64, tau: I64, *, step: int = 0, bits: int = MAX_BITS) -> I64:
        """Return additive shares of the bit `h > tau`.

        Args:
            h: int64[n], this party's additive share of numbers in [0, 2**bits).
            tau: int64[n], likewise.
            step: which step this is for; parties that differ are told so.
            bits: at most 63; fewer are cheaper. Numbers out of range give wrong bits, unseen: prove the range first.
        Returns:
            int64[n]; the sum over all parties, modulo 2**64, is 0 or 1.
        Raises:
            ParameterError: arrays or numbers that cannot be used; nothing was sent.
            Unavailable: a party or the dealer is gone or late; do the step again.
            PartiesDisagree: parties stand at different places; nothing was opened; do the step again.
        """
        return self.submit(comparison(h, tau, step=step, bits=bits)).result()

    def compare_bits(self, h: I64, tau: I64, *, step: int = 0, bits: int = MAX_BITS) -> U8:
        """Return XOR shares of the bit `h > tau`, uint8[n] of 0 and 1: one opening less than `compare`."""
        return self.submit(bit_comparison(h, tau, step=step, bits=bits)).result()

    def multiply(self, x: I64, y: I64, *, step: int = 0) -> I64:
        """Return additive shares of the products modulo 2**64, int64[n]; raises what `compare` does."""
        return self.submit(product(x, y, step=step)).result()

    def submit(self, task: "Task[T]") -> "Future[T]":
        """Queue a task for the MPC thread; tasks run in the order in which they came."""
        return self._thread.submit(self._run, task)

    def close(self) -> None:
        """End the session, the thread and the port; waits for a running task, which its timeouts bound."""
        self._thread.submit(self._leave)
        self._thread.shutdown(wait=True)
        self._listener.close()

    def _run(self, task: "Task[T]") -> T:
        from aggregator.mpc.session import MpcSession  # noqa: PLC0415 (torch is loaded in the MPC thread, where it is used)

        try:
            if self._session is not None and not self._session.alive:
                self._leave()
            if self._session is None:
                self._session = MpcSession.join(self._config, self._tls, self._listener)
            return self._session.run(task.call, kind=task.kind, step=task.step)
        except OSError as err:
            self._give_up()
            raise Unavailable(f"a connection failed ({type(err).__name__}); the step can be done again") from err
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.retire()

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _load() -> None:
    """Load torch ahead of the first task, which would raise what went wrong here."""
    from aggregator.mpc import session  # noqa: F401, PLC0415 (as above)


@final
class AsyncMpcWorker:
    """The same operations for a coroutine: awaiting one blocks no event loop."""

    __slots__ = ("_worker",)

    def __init__(self, worker: MpcWorker) -> None:
        """Wrap a worker, which stays usable; close the worker itself."""
        self._worker = worker

    async def compare(self, h: I64, tau: I64, *, step: int = 0, bits: int = MAX_BITS) -> I64:
        """Do what `MpcWorker.compare` does."""
        return await asyncio.wrap_future(self._worker.submit(comparison(h, tau, step=step, bits=bits)))

    async def compute(self, task: "Task[T]") -> T:
        """Do what `MpcWorker.submit` does: a task of several operations, of a kind of its own."""
        return await asyncio.wrap_future(self._worker.submit(task))

    async def compare_bits(self, h: I64, tau: I64, *, step: int = 0, bits: int = MAX_BITS) -> U8:
        """Do what `MpcWorker.compare_bits` does."""
        return await asyncio.wrap_future(self._worker.submit(bit_comparison(h, tau, step=step, bits=bits)))

    async def multiply(self, x: I64, y: I64, *, step: int = 0) -> I64:
        """Do what `MpcWorker.multiply` does."""
        return await asyncio.wrap_future(self._worker.submit(product(x, y, step=step)))


@final
@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """An operation for the MPC thread; `kind` and `step` are compared between the parties before anything is opened."""

    kind: bytes
    step: int
    call: Callable[[], T] = field(repr=False)


def comparison(h: I64, tau: I64, *, step: int, bits: int) -> Task[I64]:
    """Return the task of `MpcWorker.compare`."""

    def call() -> I64:
        from aggregator.mpc import operations  # noqa: PLC0415 (as above)

        return operations.compare(h, tau, bits=bits)

    return Task(Comparison(_length(h, tau, step), bits, additive=True).encode(), step, call)


def bit_comparison(h: I64, tau: I64, *, step: int, bits: int) -> Task[U8]:
    """Return the task of `MpcWorker.compare_bits`."""

    def call() -> U8:
        from aggregator.mpc import operations  # noqa: PLC0415 (as above)

        return bits_of(operations.compare_bits(h, tau, bits=bits), len(h)).astype(np.uint8)

    return Task(Comparison(_length(h, tau, step), bits).encode(), step, call)


def product(x: I64, y: I64, *, step: int) -> Task[I64]:
    """Return the task of `MpcWorker.multiply`."""

    def call() -> I64:
        from aggregator.mpc import operations  # noqa: PLC0415 (as above)

        return operations.multiply(x, y)

    return Task(Triple(_length(x, y, step)).encode(), step, call)


def _length(x: I64, y: I64, step: int) -> int:
    for share in (x, y):
        if share.dtype != np.int64 or share.shape != x.shape or share.ndim != 1:
            raise ParameterError(f"got shares {share.dtype}{list(share.shape)}; both must be int64[n] of one length")
    if not 0 <= step <= _MAX_STEP:
        raise ParameterError(f"got step {step}; 0 to 2**64 - 1 are allowed")
    return len(x)
