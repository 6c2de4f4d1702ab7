"""Flower nodes and messages inside one process, for tests of the app."""

import dataclasses

import numpy as np
from flwr.app import Context, Error, Message, RecordDict
from flwr.serverapp import Grid

from lpm_secure.calibration.parties import deployment_for, manifest_for
from lpm_secure.flower.bridge import RoundReply
from lpm_secure.flower.client_app import app
from lpm_secure.flower.strategy import SecureSum, play
from lpm_secure.secure_sum.federation import Federation, FederationSum
from protocols.task.secure_sum.spec import Calibration
from tests.calibration_hospitals import WEEKS

DRAWS = 3


class LocalGrid(Grid):
    """Plays every node in this process; what a node raises becomes an error, as Flower makes one of it."""

    def __init__(self, parties):
        self.folders = dict(enumerate(sorted(each for each in parties.iterdir() if (each / "config.toml").exists())))
        self.seen, self.away, self.change = [], set(), lambda message, reply: reply

    def node_of(self, name):
        return next(node for node, folder in self.folders.items() if folder.name == name)

    def ask(self, message):
        node = message.metadata.dst_node_id
        context = Context(1, node, {"party": str(self.folders[node])}, RecordDict(), {})
        return app(message, context)

    def send_and_receive(self, messages, *, timeout=None):
        replies = []
        for message in messages:
            node = message.metadata.dst_node_id
            if node in self.away:
                continue
            try:
                reply = self.change(message, self.ask(message))
            except Exception as error:
                reply = Message(Error(0, repr(error)), reply_to=message)
            reply.metadata._src_node_id = node
            self.seen.append((message, reply))
            replies.append(reply)
        return replies

    def get_node_ids(self):
        return list(self.folders)

    def set_run(self, run):
        raise NotImplementedError

    run = property(set_run)
    create_message = push_messages = pull_messages = set_run


@dataclasses.dataclass
class OverGrid(Federation):
    """Plays a fit's rounds over a grid."""

    strategy: SecureSum
    grid: LocalGrid
    on_round: object = lambda number: None
    round: int = 0

    def gradient(self, log_inpatients):
        self.on_round(self.round)
        opened = play(self.strategy, self.grid, log_inpatients, server_round=self.round + 1, timeout_s=1.0)
        self.round += 1
        total = opened.total * 2.0**-24
        return FederationSum(total.reshape(log_inpatients.shape), opened.members, opened.refused)


def write(folder, held, min_cohort):
    """Write the parties' folders, and return the manifest."""
    calibration = Calibration(draws=DRAWS, places=2, weeks=WEEKS)
    addresses = [f"127.0.0.1:{port}" for port in (1001, 1002, 1003)]
    manifest = manifest_for(tuple(held), calibration, addresses, rounds=60, min_cohort=min_cohort)
    deployment = deployment_for(manifest, held, folder)
    deployment.write()
    return deployment.testbed.manifest


def draws_of(value=3.0):
    return np.full((DRAWS, 2, WEEKS), value)


@dataclasses.dataclass
class LocalBridge:
    """Plays what a Flower federation asks for in this process."""

    strategy: SecureSum
    grid: LocalGrid

    def ask(self, asked, *, timeout_s):
        self.strategy.asked = set(asked.hospitals)
        draws = np.frombuffer(asked.draws).reshape(asked.shape)
        opened = play(self.strategy, self.grid, draws, server_round=asked.server_round, timeout_s=timeout_s)
        return RoundReply(opened.total.tobytes(), opened.members, opened.refused)
