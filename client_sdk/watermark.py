"""How far a client has come in a run, as its folder keeps it: servers that tell an earlier step have lost the run."""

import os
from pathlib import Path
from typing import Final, final

from protocols.arithmetic.counters import Step
from protocols.atomic_file import create_atomically
from protocols.errors import ConfigError, RecordsDiffer
from protocols.file_mode import PRIVATE_MODE

DIGITS: Final = 12


@final
class StepWatermark:
    """The last step of a run in which this client was answered.

    Security: a run whose servers were all put back, or set up anew, would tell each of its releases once more, with
        other noise and at no price to this client's budget, which a run is charged to once.
    """

    def __init__(self, path: Path) -> None:
        """Read it, if there is one.

        Raises:
            ConfigError: the file was changed.
        """
        self._path, self._step = path, -1
        if path.exists():
            content = path.read_text(encoding="ascii", errors="replace")
            if len(content) != DIGITS or not content.isdecimal():
                raise ConfigError(f"{path} was changed: put the original back, or sit the run out")
            self._step = int(content)

    def require(self, step: Step) -> None:
        """Refuse to go on with servers that are in an earlier step.

        Raises:
            RecordsDiffer: they are.
        """
        if step < self._step:
            raise RecordsDiffer(
                f"a server says that step {step} comes next, and this client was answered in step {self._step}: the "
                "run was put back, or is played once more; this client sits it out: ask for a new manifest"
            )

    def take(self, step: Step) -> None:
        """Note that this client was answered in a step; in one write, which outlives this process.

        The file begins whole: a machine that loses power leaves none that is empty, with which nobody could go on.
        """
        if step <= self._step:
            return
        is_first, content = self._step < 0, f"{step:0{DIGITS}d}".encode("ascii")
        self._step = step
        if is_first and create_atomically(self._path, content):
            return
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT, PRIVATE_MODE)
        try:
            os.write(file, content)  # at its beginning
        finally:
            os.close(file)
