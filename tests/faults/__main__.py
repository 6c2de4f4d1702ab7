"""Draw faults over the processes of small active runs, and go on where the last campaign stopped.

    python -m tests.faults [--count N] [--state FILE] [--seed SEED]

Prints one line a fault. Exit code 1 if any ended in anything but the same bits, a client left out, or one clear stop.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from lpm_secure.testbed import deployment as deployments
from tests import zygote
from tests.faults.campaign import append, play


def main():
    """Play the faults that are still to be drawn."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--count", type=int, default=60, help="of faults in all, those of before counted")
    parser.add_argument(
        "--state", type=Path, default=Path("build/faults.jsonl"), help="one line for each that was played"
    )
    parser.add_argument("--seed", type=int, help="play this one alone, whatever was played before")
    given = parser.parse_args()
    given.state.parent.mkdir(parents=True, exist_ok=True)
    lines = [] if given.seed is not None else [*_played(given.state)]
    seeds = range(len(lines), given.count) if given.seed is None else [given.seed]
    deployments.launch = zygote.launch
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            lines.append(play(seed, Path(folder) / "run"))
        print(json.dumps(lines[-1]), flush=True)
        if given.seed is None:
            append(given.state, lines[-1])
    print(dict(Counter(line["result"] for line in lines)), sum(bool(line["wrong"]) for line in lines), "wrong")
    for each in zygote.ZYGOTES.values():
        each.stop()
    return int(any(line["wrong"] for line in lines))


def _played(state: Path):
    """Yield what was played before; a last line that was cut off is no fault that was played."""
    for line in state.read_text().splitlines() if state.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            yield json.loads(line)


if __name__ == "__main__":
    sys.exit(main())
