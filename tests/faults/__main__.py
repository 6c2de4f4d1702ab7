"""Draw faults over processes of small active or semi-honest runs, or within one, and go on where the last one stopped.

    python -m tests.faults [--within] [--semi-honest] [--count N] [--first SEED] [--state FILE] [--seed SEED]

Prints one line a fault; of those within one process, those that went wrong. Exit code 1 if any ended in anything but
the same bits, those of a run in which a client was away, or one clear stop.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.faults import calls, messages
from tests.faults.campaign import Fault, append, play
from tests.faults.semi_honest import SemiHonestFault


def main():
    """Play the faults that are still to be drawn."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument(
        "--within", action="store_true", help="one process: messages that change, calls at which parties end"
    )
    parser.add_argument("--semi-honest", action="store_true", help="semi-honest runs, in place of active ones")
    parser.add_argument(
        "--count", type=int, help="of faults in all, those of before counted; 60 (40), within one 5,000 (2,000)"
    )
    parser.add_argument("--first", type=int, default=0, help="seed of the first one; 0 unless given")
    parser.add_argument("--state", type=Path, help="one line for each that was played; in build/ unless given")
    parser.add_argument("--seed", type=int, help="play this one alone, whatever was played before")
    given = parser.parse_args()
    name = "_semi_honest" * given.semi_honest + "_within" * given.within
    most = {"": 60, "_semi_honest": 40, "_within": 5_000}.get(name, 2_000)
    state, count = given.state or Path(f"build/faults{name}.jsonl"), given.count or most
    state.parent.mkdir(parents=True, exist_ok=True)
    lines = [] if given.seed is not None else [*_played(state)]
    seeds = range(given.first + len(lines), given.first + count) if given.seed is None else [given.seed]
    for seed in seeds:
        play_one = _play_within if given.within else _play_processes
        lines.append(play_one(seed, given.semi_honest))
        if not given.within or lines[-1]["wrong"]:
            print(json.dumps(lines[-1]), flush=True)
        if given.seed is None:
            append(state, lines[-1])
    print(dict(Counter(line["result"] for line in lines)), sum(bool(line["wrong"]) for line in lines), "wrong")
    return int(any(line["wrong"] for line in lines))


def _play_processes(seed, semi_honest):
    with tempfile.TemporaryDirectory() as folder:
        return play(seed, Path(folder) / "run", SemiHonestFault if semi_honest else Fault)


def _play_within(seed, semi_honest):
    if semi_honest:
        result, wrong = calls.play(seed)
        return {"seed": seed, "fault": "calls", "result": result, "wrong": wrong}
    sender = messages.SENDERS[seed % len(messages.SENDERS)]
    ended, wrong = messages.play(seed, sender)
    return {"seed": seed, "fault": sender, "result": "one stop" if ended else "went on", "wrong": wrong}


def _played(state: Path):
    """Yield what was played before; a last line that was cut off is no fault that was played."""
    for line in state.read_text().splitlines() if state.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            yield json.loads(line)


if __name__ == "__main__":
    sys.exit(main())
