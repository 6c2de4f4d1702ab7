"""Flower nodes and messages inside one process, for tests of the app."""

import dataclasses

import numpy as np
from flwr.app import Context, Error, Message, RecordDict
from flwr.serverapp import Grid

from client_sdk.secure_sum.sealed_message import seal_shares
from lpm_secure.flower.bridge import RoundReport
from lpm_secure.flower.client_app import app
from lpm_secure.flower.records import of_bytes
from lpm_secure.flower.strategy import SecureSumStrategy, play
from lpm_secure.secure_sum.parties import manifest_for
from lpm_secure.secure_sum.transport import Reason, RoundCounter, SumTransport
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.identity.certificates import read as read_credentials
from protocols.task.layout import Layout
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
class OverGrid(SumTransport):
    """Plays rounds over a grid."""

    strategy: SecureSumStrategy
    grid: LocalGrid
    on_round: object = lambda number: None
    manifest: object = None

    def __post_init__(self):
        self.manifest = self.strategy.manifest
        self.counter = RoundCounter(self.manifest)

    def open(self, announced):
        self.on_round(self.counter.round)
        opened = play(self.strategy, self.grid, announced, server_round=self.counter.round + 1, timeout_s=1.0)
        reasons = dict.fromkeys(opened.unopened, Reason.UNSEALED) | dict.fromkeys(opened.left_out, Reason.GARBAGE)
        return self.counter.count(opened.total, opened.members, reasons)


def write(folder, held, min_cohort, **changes):
    """Write the parties' folders, and return the manifest."""
    addresses = [f"127.0.0.1:{port}" for port in (1001, 1002, 1003)]
    manifest = manifest_for(tuple(held), (DRAWS, 2, WEEKS), addresses, rounds=60, min_cohort=min_cohort, **changes)
    deployment = SumDeployment(folder, manifest, held)
    deployment.write()
    return deployment


def lie(manifest, folders, names):
    """Return what a grid does with replies, so that some institutions share words out of range."""

    def change(message, reply):
        folder = folders[message.metadata.dst_node_id]
        if message.metadata.message_type != "train" or folder.name not in names:
            return reply
        words = np.full(Layout.of(manifest).d, 2**50, dtype=np.uint64)
        sealed = seal_shares(words, manifest, read_credentials(folder), number=message.content["about"]["step"])
        return Message(RecordDict({"sealed": of_bytes(sealed), "about": reply.content["about"]}), reply_to=message)

    return change


def draws_of(value=3.0):
    return np.full((DRAWS, 2, WEEKS), value)


@dataclasses.dataclass
class LocalBridge:
    """Plays what a Flower federation asks for in this process."""

    strategy: SecureSumStrategy
    grid: LocalGrid

    def ask(self, request, *, timeout_s):
        self.strategy.asked = set(request.institutions)
        announced = np.frombuffer(request.words).reshape(request.shape)
        number = request.server_round
        opened = play(self.strategy, self.grid, announced, server_round=number, timeout_s=timeout_s)
        return RoundReport(opened.total.tobytes(), opened.members, opened.left_out, opened.unopened)

    def close(self):
        """Nothing is open."""
