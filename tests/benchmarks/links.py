"""What each link of a run carried: bytes per agent and step, from what every party wrote down about itself."""

from collections import Counter

from lpm_secure.run.ingress import facts

CLIENT_TO_AGGREGATOR = "client to aggregators"
AGGREGATOR_TO_CLIENT = "aggregators to client"
BETWEEN_AGGREGATORS = "aggregator to aggregator"
FROM_DEALER = "dealer to aggregator"
TO_DEALER = "aggregator to dealer"
ENGINE = "engine and aggregators"


def per_link(deployment, execution):
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


def _link(event, what, aggregators):
    """Return the kind of link that a count belongs to; nothing where another count covers it."""
    name, direction = what.rsplit(" ", 1)
    if event == "computed":
        if name in aggregators:
            return BETWEEN_AGGREGATORS if direction == "sent" else ""
        return FROM_DEALER if direction == "received" else TO_DEALER
    if name in ("Members", "Compared", "Tried"):
        return BETWEEN_AGGREGATORS
    return ENGINE if name == "Announce" else ""
