"""`commands`: CPU seconds of each command from kits to the first step, against a limit of one.

What the page of three hospitals has typed until all can start, and what a party may ask of its kit before it does.
"""

import tempfile
from pathlib import Path

from measure import Row

from tests.tutorial import Tutorial

LIMIT_S = 1.0
MORE = (  # party, command
    ("ministry", "lpm manifest show winter/answers/st-mary/manifest.json"),
    ("st-mary", "lpm manifest verify st-mary/manifest.json --operator-key KEY"),
    ("st-mary", "lpm doctor st-mary"),
    ("agg-a", "lpm doctor agg-a"),
)


def commands():
    """Return what commands cost in a project whose noise has to be computed, and in one without."""
    return [row for name, seed in (("with noise", None), ("without noise", 11)) for row in _costs(name, seed)]


def _costs(name, seed):
    """Play the page until all can start, and return of each command the most that it took a party, user and system."""
    dearest = {}
    with tempfile.TemporaryDirectory() as folder:
        played = Tutorial(Path(folder), seed=seed)
        played.prepare()
        for party, line in MORE:
            played.run(party, line, codes=(0, 2))  # a doctor finds that nobody serves yet
        for party, line, seconds in played.seconds:
            if seconds > dearest.get(line, (0.0, ""))[0]:
                dearest[line] = seconds, party
    limit = f"limit of {LIMIT_S:g} CPU s"
    return [
        Row(f"commands {line}, {party}, {name}", seconds, "CPU s", limit, seconds / LIMIT_S, 0.0)
        for line, (seconds, party) in dearest.items()
    ]


BENCHMARKS = {"commands": commands}
