"""Processes that compute seeds side by side; what they compute does not depend on how many there are."""

import contextlib
import os
import queue
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
            self._workers = [self._start() for _ in range(min(self.workers, len(tasks)))]
            with ThreadPoolExecutor(len(self._workers)) as threads:
                done = [threads.submit(self._serve, each, waiting, on_series) for each in self._workers]
                self._wait(done)
        finally:
            self._stop()

    def _wait(self, done: Sequence[Future[None]]) -> None:
        try:
            wait(done, return_when=FIRST_EXCEPTION)
            for each in done:
                if each.done():
                    each.result()  # raises
        finally:
            self._stop()  # a thread that waits for an answer ends by this

    def _start(self) -> "_Worker":
        path = os.pathsep.join([*filter(None, sys.path)])
        threads = dict.fromkeys(THREADS, str(self.cores))
        answers, written = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", MODULE, str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=written,
                env={**os.environ, **threads, "PYTHONPATH": path},
                text=True,
            )
        except OSError:
            os.close(answers)
            raise
        finally:
            os.close(written)
        return _Worker(process, os.fdopen(answers))

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

    def _stop(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.wait()
            worker.close()


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    """A process, and what it answers."""

    process: subprocess.Popen[str]
    answers: IO[str]

    def ask(self, task: Task) -> SeedAnswer:
        """Let it compute a task, and return its answer.

        Raises:
            Unavailable: it has ended.
        """
        line = ""
        with contextlib.suppress(OSError, ValueError):  # it has ended, or was ended beside another's error
            if self.process.stdin is not None:
                self.process.stdin.write(f"{task[0]} {task[1]}\n")
                self.process.stdin.flush()
                line = self.answers.readline()
        if not line:
            raise Unavailable(f"a process ended in the run of seed {task[1]}, for want of memory say; use workers=1")
        return msgspec.json.decode(line, type=SeedAnswer)

    def close(self) -> None:
        """Close both ends."""
        for stream in (self.process.stdin, self.answers):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
