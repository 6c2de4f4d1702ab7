"""The MPC worker of an aggregator: one long-lived thread that computes on shares with the other aggregators' workers.

worker = MpcWorker(config)
share = worker.submit(Task(b"compare", step, lambda: operations.compare(h, tau, bits=62))).result()
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar, final

from aggregator.mpc.config import PartyConfig
from aggregator.mpc.net.mesh_join import listen
from aggregator.mpc.net.tls import Tls
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

    Attributes:
        loaded: done when torch is loaded, and a task can begin.

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
        self.loaded: Future[None] = self._thread.submit(_load)

    def submit(self, task: "Task[T]") -> "Future[T]":
        """Queue a task for the MPC thread; tasks run in the order in which they came.

        The future raises, besides what the task does:
            Unavailable: a party or the dealer is gone or late; do the step again.
            PartiesDisagree: parties stand at different places; nothing was opened; do the step again.
        """
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
@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """An operation for the MPC thread; `kind` and `step` are compared between the parties before anything is opened."""

    kind: bytes
    step: int
    call: Callable[[], T] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a step that no stamp can carry."""
        if not 0 <= self.step <= _MAX_STEP:
            raise ParameterError(f"got step {self.step}; 0 to 2**64 - 1 are allowed")
