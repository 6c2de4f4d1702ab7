"""Small runs in which one agent's event is there or not, for each release that may have noise."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np

from lpm_secure.audit.replay import AMPLE, Replay, sum_replay
from lpm_secure.audit.replay import SIGMAS as SUM_SIGMAS
from lpm_secure.models.declarations import Message, cell_message, field, message, outcome, stage
from lpm_secure.models.functions import where
from lpm_secure.models.model import Draw, Heard, Me, Model
from lpm_secure.models.symbols import Number
from lpm_secure.models.tracer import trace
from protocols.models.graph.agents import GraphModel
from protocols.releases.query import NOISE, SCORE, Release, Releases
from protocols.releases.suppression import FIRST
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, SimulationManifest
from protocols.task.parties import ClientParty
from protocols.task.release_plan import releases_of
from protocols.task.secure_sum.spec import SecureSum

STEPS: Final = 5
CELL_STEPS: Final = 2  # in which the event is told to a cell
CLIENTS: Final = (ClientParty("client", (1,)), ClientParty("other", (2,)))  # the other one only where a run needs two
SIGMAS: Final[Mapping[str, tuple[float, ...]]] = {
    "incidence": (1.19, 4.22),
    "running": (1.19, 4.22, 40.0),
    "cells": (4.22,),
    SCORE: (),
}


class Departure(Model):
    """An agent that leaves its first stage when others tell it that they have."""

    stage = stage("BEFORE", "AFTER")
    least = field(0, 0)

    contact = message(most=1)
    mixing = cell_message(most=1)
    called = outcome({contact: 1, mixing: 1}, above=least)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Begin in the first stage."""
        return me.set(stage="BEFORE", least=0)

    def says(self, me: Me) -> Mapping[Message, Number]:
        """Tell contacts and cell whether the agent has left it."""
        return dict.fromkeys((self.contact, self.mixing), me.stage == "AFTER")

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Leave it for good."""
        return me.set(stage=where(heard[self.called], "AFTER", me.stage))


def rules(manifest: Manifest) -> list[tuple[str, float]]:
    """Return which releases are replayed, and with which sigmas: those of the run among them."""
    given = SUM_SIGMAS if isinstance(manifest, SecureSum) else SIGMAS
    own = {(str(each.name), each.sigma) for each in releases_of(manifest).each if each.mechanism == NOISE}
    fixed = {(name, sigma) for name, sigmas in given.items() for sigma in sigmas}
    return sorted(fixed | {(name, sigma) for name, sigma in own if name in given})


def replay_of(manifest: Manifest, name: str, sigma: float) -> Replay:
    """Return the small run for one release of a run, with the sigma that it is promised."""
    if isinstance(manifest, SecureSum):
        return sum_replay(manifest, sigma)
    given = _small(manifest, name, sigma)
    layout = Layout.of(given)
    first = layout.n * layout.c
    tally = first + layout.cells
    without, event = np.zeros((2, STEPS + 1, layout.d), dtype=np.uint64)
    if name == "cells":
        event[:CELL_STEPS, first] = 1
        reads, change = tuple((step, first) for step in range(STEPS + 1)), event[:, first].astype(np.float64)
        return Replay(given, without, event, reads, change, sigma / np.sqrt(CELL_STEPS))
    if name == SCORE:
        by = np.array(given.score_changes, dtype=np.uint64)
        words = tally + len(given.model.agents.tally) + np.arange(by.size)
        event[STEPS, words] = by
        reads = tuple((STEPS, int(word)) for word in words)
        return Replay(given, without, event, reads, by.astype(np.float64), sigma / np.sqrt(by.size))
    at = tally + FIRST
    without[:, at], event[:, at] = 1, np.uint64(2**64 - 1)  # the agent has left the first stage from the first step on
    change = np.ones(STEPS + 1) if name == "running" else np.eye(STEPS + 1)[0]
    return Replay(given, without, event, tuple((step, at) for step in range(STEPS + 1)), change, sigma)


def _small(manifest: SimulationManifest, name: str, sigma: float) -> SimulationManifest:
    rule: dict[str, Any] = {"name": name, "mechanism": NOISE, "sigma": sigma, "unit": "contribution", "epsilon": 1.0}
    exact: tuple[str, ...] = ()
    changed: dict[str, Any] = {"clients": CLIENTS[:1], "min_cohort": 1, "min_count": 0, "steps": STEPS}
    changed |= {"twins": msgspec.UNSET, "replicates": msgspec.UNSET, "cells": (), "devices": None, "edges": "dense"}
    changed |= {"trust": None, "gradient": None}
    if name != SCORE:  # noise does not depend on the model, and series of one event refuse some
        plain = GraphModel(trace(Departure).graph)
        changed |= {"model": plain, "model_hash": plain.digest, "channels": plain.contact_channels}
    if name == "cells":
        changed["cells"], rule["times"], exact = (1,), STEPS + 1, ("tally",)
    if name == SCORE and manifest.gradient is not None:
        changed |= {"clients": CLIENTS, "min_cohort": 2}
        changed["gradient"], rule["times"], exact = manifest.gradient, manifest.gradient.p, ("tally",)
        if manifest.cells:  # a parameter may be of these
            moves = len(manifest.model.agents.cell_names)
            changed["cells"], exact = (len(CLIENTS),) * moves or (1,), ("tally", "cells")
    each = (msgspec.convert(rule, Release), *(msgspec.convert({"name": other}, Release) for other in exact))
    return msgspec.structs.replace(manifest, **changed, releases=Releases(each=each, rho=AMPLE))
