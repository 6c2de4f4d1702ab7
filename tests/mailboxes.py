"""Mailboxes of runs at one aggregator, for tests."""

from aggregator.mailbox import Mailbox
from protocols.task.manifest import run_id


def mailbox_of(manifest, store):
    """Return one over a run's clients."""
    names = frozenset(client.name for client in manifest.clients)
    return Mailbox(run_id(manifest), names, manifest.schedule.rounds, manifest.trust.not_after, store)
