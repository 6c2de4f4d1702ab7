"""What each party of a run received per step, in bytes, from what every party wrote down about itself."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final, final

from lpm_secure.report.table import csv_of_rows
from lpm_secure.testbed.deployment import PartyProcesses
from protocols.task.manifest import require_simulation
from protocols.task.parties import ENGINE

FILE: Final = "received.csv"
QUESTIONS: Final = ("Members", "Compared", "Tried")  # what aggregators ask each other beside their computation
MASKED: Final = "Masked"  # of servers and engine; each server tells the bytes of these by who called
EACH_CLIENT: Final = "each client (mean)"
CLIENTS: Final = "clients"
AGGREGATORS: Final = "aggregators"


@final
@dataclass(frozen=True, slots=True)
class Ingress:
    """What one party received from one kind of sender.

    Attributes:
        party: its name; all clients are one row.
        sender: clients, aggregators, or the name of the dealer or engine.
        per_step: bytes, mean over the run's steps; what is sent once counts as spread over them.
    """

    party: str
    sender: str
    per_step: float


def ingress(deployment: PartyProcesses, clients: Mapping[str, Mapping[str, Any]]) -> tuple[Ingress, ...]:
    """Return what every party received: messages as they are sent, without what TLS and HTTP/2 add.

    The links of the secret permutation, which devices with hidden contacts need, are not counted.

    Args:
        deployment: whose processes have ended: an aggregator tells its bytes when it stops.
        clients: what each client wrote in its summary.
    """
    manifest = require_simulation(deployment.manifest)
    names = [party.name for party in manifest.aggregators]
    total: dict[tuple[str, str], float] = defaultdict(float)
    for own in names:
        for event, counts in facts(deployment.party(own) / "log.jsonl"):
            for what, count in counts.items():
                for party, sender, share in _ways(event, what, own=own, names=names):
                    total[party, sender] += count * share
    if clients:
        mean = fmean(client["received_bytes"] for client in clients.values())
        total[EACH_CLIENT, AGGREGATORS] = mean
    rounds = manifest.steps + 1
    return tuple(Ingress(party, sender, count / rounds) for (party, sender), count in sorted(total.items()))


def _ways(event: str, what: str, *, own: str, names: Sequence[str]) -> Iterator[tuple[str, str, float]]:
    """Return who received from whom what an aggregator counted, and which share of the count."""
    name, direction = what.rsplit(" ", 1)
    if name == MASKED:
        return
    others = [other for other in names if other != own]
    if event == "computed":
        if direction == "received":
            yield own, AGGREGATORS if name in names else name, 1.0
        elif name not in names:
            yield name, AGGREGATORS, 1.0
    elif name in QUESTIONS and direction == "received":
        yield own, AGGREGATORS, 1.0
    elif name in QUESTIONS:
        for other in others:  # every other one asks the same questions, so answers are of one size
            yield other, AGGREGATORS, 1.0 / len(others)
    elif name == "Announce":
        yield (own, ENGINE, 1.0) if direction == "received" else (ENGINE, AGGREGATORS, 1.0)
    elif direction == "received":
        yield own, CLIENTS, 1.0


def by_party(rows: Sequence[Ingress]) -> dict[str, float]:
    """Return the bytes that each party received per step, from all senders together."""
    total: dict[str, float] = defaultdict(float)
    for row in rows:
        total[row.party] += row.per_step
    return dict(total)


def table(rows: Sequence[Ingress]) -> bytes:
    """Return `received.csv`."""
    head = ("party", "sender", "bytes_per_step")
    values = ((row.party, row.sender, f"{row.per_step:.1f}") for row in rows)
    return csv_of_rows([dict(zip(head, each, strict=True)) for each in values], head=head)


def facts(log: Path) -> list[tuple[str, dict[str, int]]]:
    """Return the byte counts in a log, with the events that told them."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return [(line["event"], line["bytes"]) for line in lines if isinstance(line.get("bytes"), dict)]
