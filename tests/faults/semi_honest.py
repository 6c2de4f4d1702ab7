"""Faults of real processes in semi-honest runs of people of one's own: kill -9, SIGSTOP, restarts, an engine's end."""

import dataclasses
import random

import msgspec

from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build
from tests.faults.campaign import CLIENTS, SERVERS, STEPS, TIMEOUT_S, Fault
from tests.integration.conftest import small_config, small_data

KINDS = ("kill", "kill", "stop", "stop", "restart", "back")


class SemiHonestFault(Fault):
    """A fault of a run of four institutions and two aggregators, in mode sum, or over CrypTen with a dealer.

    Attributes:
        mode: of the run.
    """

    def __init__(self, seed):
        super().__init__(seed)
        draw = random.Random(-1 - seed)
        self.mode = draw.choice(["sum", "outcome"])
        self.servers = SERVERS if self.mode == "outcome" else SERVERS[1:]
        self.kind, self.party, self.lie = draw.choice(KINDS), draw.choice((*self.servers, *CLIENTS)), ""
        if self.kind == "back":
            self.party = "engine"

    def write(self, folder):
        config = small_config(mode=self.mode, join_timeout_s=30.0, round_timeout_s=TIMEOUT_S, min_cohort=2)
        config = msgspec.structs.replace(config, steps=STEPS)
        data = dataclasses.replace(small_data(), group=tuple(f"client-{index // 5}" for index in range(20)))
        deployment = Deployment(folder, build(config, data, free_addresses(config.protocol.addresses)))
        deployment.write()
        return deployment
