"""A program that is told to end has a clock, at whatever moment it is told so again."""

import subprocess
import sys

PROGRAM = """
import _thread, os, signal, sys, time
from lpm_secure.local_process import deadline


def signal_again(at):
    # Send a signal, and one more at this line of its handler; return whether the handler has so many.
    lines = 0

    def trace(frame, event, arg):
        nonlocal lines
        lines += event == "line"
        if event == "line" and lines == at:
            os.kill(os.getpid(), signal.SIGTERM)
        return trace

    try:
        sys.settrace(trace)
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        sys.settrace(None)
    return lines >= at


deadline.END_S = 600.0
signal.signal(signal.SIGTERM, deadline.interrupt)
at = 1
while signal_again(at):
    while _thread._count() < at:  # until a clock runs for this one, too
        time.sleep(0.001)
    at += 1
print(at)
os._exit(0)
"""


def test_a_second_signal_while_the_first_is_handled_is_not_waited_for():
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert int(ended.stdout) > 3  # lines of the handler
