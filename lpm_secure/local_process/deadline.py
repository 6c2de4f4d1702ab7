"""The end of a program that is told to end: it has its own clock, whatever it and its processes are busy with."""

import os
import signal
import threading
from types import FrameType
from typing import Final

END_S: Final = 4.0  # from the signal on, and a second for the system to take all of it apart
INTERRUPTED: Final = 130  # exit code
LINE: Final = b"lpm: interrupted\n"


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle a signal as Ctrl-C is handled, and end this process and all that was forked for it if it is here later.

    Raises:
        KeyboardInterrupt: always.
    """
    clock = threading.Timer(END_S, end)
    clock.daemon = True
    clock.start()
    signal.default_int_handler(number, frame)


def end() -> None:
    """End this process, and all that was forked for it, at once."""
    from lpm_secure.local_process.launch import kill_all  # noqa: PLC0415 - most commands start nothing

    kill_all()
    os.write(2, LINE)
    os._exit(INTERRUPTED)
