"""The beginning of a command: when it was typed, and what can begin before its own modules are imported."""

import os
import time
from pathlib import Path
from typing import Final, final

import msgspec

from lpm_secure.local_process.launch import begin
from lpm_secure.local_process.modules import modules_for

START_FIELD: Final = 19  # of /proc/PID/stat, behind the name: clock ticks from the machine's start to the process'


@final
class _Private(msgspec.Struct, frozen=True):
    security: str = "semi-honest"


@final
class _Run(msgspec.Struct, frozen=True):
    private: _Private | None = None


def begin_servers(config: Path) -> None:
    """Let a fork server import what the aggregators of a private run need.

    It takes longer than all that the command imports itself, and may use another core.
    """
    if modules := modules_of(config):
        begin(modules)


def modules_of(config: Path) -> tuple[str, ...]:
    """Return what aggregators of a configuration need; nothing where it has none, or a mistake that others tell."""
    try:
        private = msgspec.toml.decode(config.read_bytes(), type=_Run).private
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return ()
    return () if private is None else modules_for(("aggregator",), active=private.security == "active")


def read_start() -> float:
    """Return when this process started, by `time.perf_counter`; now, where the system does not tell."""
    now = time.perf_counter()
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[START_FIELD])
        return now - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return now
