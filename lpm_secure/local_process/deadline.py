"""The end of a program that is told to end: it has its own clock, whatever it and its processes are busy with."""

import atexit
import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Final

END_S: Final = 4.0  # from the signal on, and a second for the system to take all of it apart
INTERRUPTED: Final = 130  # exit code
LINE: Final = b"lpm: interrupted\n"
_told: Final = threading.Event()


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle a signal as Ctrl-C is handled, and end this process and all that was forked for it if it is here later.

    Raises:
        KeyboardInterrupt: always.
    """
    _told.set()
    clock = threading.Timer(END_S, _end)
    clock.daemon = True
    clock.start()
    signal.default_int_handler(number, frame)


def leave() -> None:
    """End a process that was told to end: at once, for the interpreter takes seconds to take apart what was loaded."""
    if _told.is_set():
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):  # whoever read it may have gone first
                stream.flush()
        os._exit(INTERRUPTED)


def _end() -> None:
    """End this process, and all that was forked for it."""
    from lpm_secure.local_process.launch import kill_all  # noqa: PLC0415 - most commands start nothing

    kill_all()
    os.write(2, LINE)
    os._exit(INTERRUPTED)
