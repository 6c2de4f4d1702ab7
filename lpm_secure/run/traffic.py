"""What each link of a run carried: bytes per agent and step, from what every party wrote down about itself."""

import json
from collections import Counter
from pathlib import Path

from lpm_secure.run.processes import Execution
from lpm_secure.testbed.deployment import Deployment

CLIENT_TO_AGGREGATOR = "client to aggregators"
AGGREGATOR_TO_CLIENT = "aggregators to client"
BETWEEN_AGGREGATORS = "aggregator to aggregator"
FROM_DEALER = "dealer to aggregator"
TO_DEALER = "aggregator to dealer"
ENGINE = "engine and aggregators"


def per_link(deployment: Deployment, execution: Execution) -> dict[str, float]:
    """Return the bytes per private agent and step of each kind of link, summed over all links of the kind.

    Args:
        deployment: whose processes have ended: an aggregator tells its bytes when it stops.
        execution: of the run.
    """
    manifest = deployment.testbed.manifest
    total = Counter(
        {
            CLIENT_TO_AGGREGATOR: sum(client["sent_bytes"] for client in execution.clients.values()),
            AGGREGATOR_TO_CLIENT: sum(client["received_bytes"] for client in execution.clients.values()),
        }
    )
    names = {party.name for party in manifest.aggregators}
    for name in names:
        for event, counts in facts(deployment.party(name) / "log.jsonl"):
            for what, count in counts.items():
                total[_link(event, what, names)] += count
    total.pop("", None)
    agents = sum(len(client.agents) for client in manifest.clients)
    return {link: count / agents / (manifest.steps + 1) for link, count in total.items()}


def _link(event: str, what: str, aggregators: set[str]) -> str:
    """Return the kind of link that a count belongs to; nothing where another count covers it."""
    name, direction = what.rsplit(" ", 1)
    if event == "computed":
        if name in aggregators:
            return BETWEEN_AGGREGATORS if direction == "sent" else ""
        return FROM_DEALER if direction == "received" else TO_DEALER
    if name in ("Members", "Compared", "Tried"):
        return BETWEEN_AGGREGATORS
    return ENGINE if name == "Announce" else ""


def facts(log: Path) -> list[tuple[str, dict[str, int]]]:
    """Return the byte counts in a log, with the events that told them."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return [(line["event"], line["bytes"]) for line in lines if isinstance(line.get("bytes"), dict)]
