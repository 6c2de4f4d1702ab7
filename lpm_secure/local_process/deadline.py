"""The end of a program that is told to end: it has its own clock, whatever its processes are busy with."""

import _thread
import atexit
import os
import signal
import time
from types import FrameType
from typing import Final

END_S: Final = 4.0  # from the signal on, and a second for the system to take all of it apart
INTERRUPTED: Final = 130  # exit code
LINE: Final = b"lpm: interrupted\n"
_signals: Final[list[int]] = []


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle a signal as Ctrl-C is handled, and end this process and all that was forked for it if it is here later.

    The interpreter calls it between two instructions: one call of a library, as of a solver, is waited for first.

    Raises:
        KeyboardInterrupt: always.
    """
    _signals.append(number)
    _thread.start_new_thread(_end, ())  # takes no lock, for which a signal during this one would wait forever
    signal.default_int_handler(number, frame)


def leave() -> None:
    """End a process that was told to end, and that has printed all: the interpreter takes seconds to take it apart."""
    if _signals:
        atexit._run_exitfuncs()
        os._exit(INTERRUPTED)


def _end() -> None:
    """End this process, and all that was forked for it, when it has had its time."""
    time.sleep(END_S)
    from lpm_secure.local_process.launch import kill_all  # noqa: PLC0415 - most commands start nothing

    kill_all()
    os.write(2, LINE)
    os._exit(INTERRUPTED)
