"""Processes that compute seeds side by side; what they compute does not depend on how many there are.

Where the system forks, one of them imports what all need, and forks the others: an import takes seconds, and its pages
are shared. Each has its pipes from the start; they end when these are closed.
"""

import contextlib
import itertools
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, final

import msgspec
import pyarrow as pa
from pyarrow import parquet

from lpm_secure.scenario.ensemble.task import SeedAnswer, series_path
from protocols.errors import Unavailable, error_of

MODULE: Final = "lpm_secure.scenario.ensemble.worker"
FORKS: Final = sys.platform == "linux"  # elsewhere a process that has imported so much is not forked safely
PATIENCE_S: Final = 10.0  # for processes that have nothing left to do
THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
Task = tuple[int, int]  # number of a configuration, and a seed


@final
@dataclass(slots=True, eq=False)
class WorkerPool:
    """So many processes, each of which computes one seed after the other.

    Attributes:
        folder: of their tasks, where series are written.
        workers: how many.
        cores: of each.
        on_notice: told each notice of a process.
    """

    folder: Path
    workers: int
    cores: int
    on_notice: Callable[[str], None]
    _workers: list["_Worker"] = field(default_factory=list)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def compute(self, tasks: Sequence[Task], on_series: Callable[[Task, pa.Table], None]) -> None:
        """Compute all tasks; `on_series` is told each series as soon as it is there, in any order.

        Raises:
            LpmError: as the run of a seed does; all processes have ended then.
            Unavailable: a process ended without an answer.
        """
        waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
        for task in tasks:
            waiting.put(task)
        try:
            count = min(self.workers, len(tasks))
            groups = [count] if FORKS else [1] * count
            for size in groups:
                self._workers += self._start(size)
            with ThreadPoolExecutor(len(self._workers)) as threads:
                done = [threads.submit(self._serve, each, waiting, on_series) for each in self._workers]
                self._wait(done)
        finally:
            self._end(0.0)

    def _wait(self, done: Sequence[Future[None]]) -> None:
        failed = True
        try:
            wait(done, return_when=FIRST_EXCEPTION)
            for each in done:
                if each.done():
                    each.result()  # raises
            failed = False
        finally:
            if failed:
                self._kill()  # a thread that waits for an answer ends by this
        self._end(PATIENCE_S)

    def _start(self, count: int) -> list["_Worker"]:
        """Start so many processes, of which the first forks the others; each reads its own pipe."""
        path = os.pathsep.join([*filter(None, sys.path)])
        threads = dict.fromkeys(THREADS, str(self.cores))
        with contextlib.ExitStack() as theirs:
            ours, given = list[tuple[IO[str], IO[str]]](), list[str]()
            for _ in range(count):
                (asks, asked), (answers, answered) = os.pipe(), os.pipe()
                theirs.callback(os.close, asks)
                theirs.callback(os.close, answered)
                ours.append((os.fdopen(asked, "w"), os.fdopen(answers)))
                given.append(f"{asks}:{answered}")
            try:
                process = subprocess.Popen(  # noqa: S603 - our own command
                    [sys.executable, "-m", MODULE, str(self.folder), *given],
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **threads, "PYTHONPATH": path},
                    pass_fds=[int(end) for each in given for end in each.split(":")],
                    start_new_session=True,
                )
            except OSError:
                for stream in itertools.chain(*ours):
                    stream.close()
                raise
        self._processes.append(process)
        return [_Worker(*streams) for streams in ours]

    def _serve(
        self,
        worker: "_Worker",
        waiting: "queue.SimpleQueue[Task]",
        on_series: Callable[[Task, pa.Table], None],
    ) -> None:
        while True:
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                return
            answer = worker.ask(task)
            for notice in answer.notices:
                self.on_notice(notice)
            if answer.code:
                raise error_of(answer.code, answer.message)
            path = series_path(self.folder, *task)
            table = parquet.read_table(path)
            path.unlink()
            on_series(task, table)

    def _end(self, patience_s: float) -> None:
        """Close all pipes, by which processes end, and kill those that do not."""
        for worker in self._workers:
            worker.close()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
        self._kill()

    def _kill(self) -> None:
        """End the processes that have not ended well, with all that they forked."""
        for process in self._processes:
            if process.poll() != 0:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    """A process, as far as its two pipes."""

    asks: IO[str]
    answers: IO[str]

    def ask(self, task: Task) -> SeedAnswer:
        """Let it compute a task, and return its answer.

        Raises:
            Unavailable: it has ended.
        """
        line = ""
        with contextlib.suppress(OSError, ValueError):  # it has ended, or was ended beside another's error
            self.asks.write(f"{task[0]} {task[1]}\n")
            self.asks.flush()
            line = self.answers.readline()
        if not line:
            raise Unavailable(f"a process ended in the run of seed {task[1]}, for want of memory say; use workers=1")
        return msgspec.json.decode(line, type=SeedAnswer)

    def close(self) -> None:
        """Close both ends."""
        for stream in (self.asks, self.answers):
            with contextlib.suppress(OSError):
                stream.close()
