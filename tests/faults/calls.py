"""Faults of one semi-honest run in this process, as seeds draw them: the bits of whoever was there, or one clear stop.

Clients' processes end at drawn calls, or an answer to them is lost; they are started again at once, or when rounds have
closed without them. The engine ends and goes on from its journal, and in mode sum the aggregators do from their stores.
"""

import asyncio
import random
import tempfile
from pathlib import Path

import numpy as np
import torch

from aggregator import Aggregator, Run, Store
from aggregator.wire.remote_peer import RemotePeer
from lpm_secure.audit.views.ideal import Ideal
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.engine.loop import RemotePart, simulate
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import CohortTooSmall, LpmError, RoundClosed, Unavailable
from protocols.task import manifest as manifests
from protocols.task.parties import ENGINE
from tests.client_restarts import MOMENTS, FragileClient, FragileProcess, absences
from tests.conformance.conftest import contact_table, heaviest
from tests.conformance.reference import reference
from tests.conftest import _manifest, _seir
from tests.masked_restarts import Server, Way

SIZES, STEPS, SYNTHETIC = (2, 0, 3, 1), 4, 12
CPU = torch.device("cpu")
PATIENCE_S = 60.0


class CallFaults:
    """What happens at which calls, as a seed draws it."""

    def __init__(self, seed):
        draw = random.Random(seed)
        self.mode, self.world = draw.choice(["sum", "outcome"]), draw.randrange(10**6)
        self.least = draw.choice([0, 3]) if self.mode == "outcome" else 0
        self.is_away = draw.random() < 0.3  # clients stay away while rounds close
        self.clients = {}
        for place in draw.sample(range(len(SIZES)), draw.choice([1, 1, 2, 4])):
            ends = {draw.randrange(4, 30): draw.choice(MOMENTS) for _ in range(draw.choice([1, 1, 3]))}
            self.clients[f"client-{place}"] = ends
        self.rounds = draw.randrange(1, 4)
        self.engine = {draw.randrange(12): draw.choice(MOMENTS) for _ in range(draw.choice([0, 0, 1, 2]))}
        servers = draw.choice([0, 1, 3]) if self.mode == "sum" else 0
        self.servers = {(draw.randrange(2), draw.randrange(60)) for _ in range(servers)}

    def testbed(self):
        """Return the world that they happen in."""
        rng, n = np.random.default_rng(self.world), sum(SIZES)
        table = contact_table(rng, m=4 * n, n=n, c=1, period=2, largest=20)
        model = _seir(beta=(round(0.05 * 2**20),), cell_beta=2**18, initial=2**30, f=20)
        timeout_s = 0.3 if self.is_away else 30.0
        manifest = _manifest(
            [own.tolist() for own in np.split(rng.choice(2**40, n, replace=False), np.cumsum(SIZES)[:-1])],
            model=model,
            mode=self.mode,
            steps=STEPS,
            period=2,
            max_message=max(heaviest(table), 1),
            cells=(8, 30),
            engine=True,
            min_count=self.least,
            testbed_seed=self.world,
            join_timeout_s=5.0,
            round_timeout_s=timeout_s,
        )
        return Testbed(manifest, table, rng.integers(0, 2, n), SYNTHETIC, "drawn", True)


class Scene:
    """A run, and its faults."""

    def __init__(self, faults, folder):
        self.faults, self.testbed, self._folder = faults, faults.testbed(), folder
        self.manifest = self.testbed.manifest
        self._names = [party.name for party in self.manifest.aggregators]
        self._joint = Ideal(len(self._names)) if self.manifest.schedule.outcome else None
        self._stores, self._calls, self._runs = [], [0] * len(self._names), {}
        self._servers = [Server(lambda index=index: self._begin(index)) for index in range(len(self._names))]

    def _begin(self, index):
        store = Store(f"sqlite:///{self._folder / self._names[index]}.sqlite")
        self._stores.append(store)
        others = [other for other in range(len(self._names)) if other != index]
        peers = [RemotePeer(self._way(self._names[index], other), PATIENCE_S) for other in others]
        backend = None if self._joint is None else self._joint.party(index)
        self._runs[index] = Run(self.manifest, index, store, peers, backend)
        return Aggregator({self._runs[index].id: self._runs[index]})

    def _way(self, caller, index):
        later = type("Later", (), {"answer": lambda _, *given: self._servers[index].answer(*given)})()
        return Way(caller, self._names[index], later, self._pass)

    async def _pass(self, caller, callee, request, go_on):
        index = self._names.index(callee)
        place, self._calls[index] = (index, self._calls[index]), self._calls[index] + 1
        if place in self.faults.servers:
            asyncio.get_running_loop().call_soon(self._restart, index)
        return await go_on()

    def _restart(self, index):
        self._servers[index].kill()
        self._servers[index].start()

    def _ways(self, caller):
        return [self._way(caller, index) for index in range(len(self._names))]

    async def _away(self):
        if self.faults.is_away:
            last = self.manifest.schedule.rounds
            until = min(self._runs[0].round.number + self.faults.rounds, last)
            while self._runs[0].round.number < until:
                await asyncio.sleep(0.005)

    async def _drive(self, ways):
        run = manifests.run_id(self.manifest)
        journal = ReleaseJournal(self._folder / "releases.jsonl", run=run, engine="0" * 64)
        part, agents = RemotePart(self.manifest, ways, journal), self.testbed.synthetic_agents(CPU)
        return await simulate(self.manifest, part, agents, environment=self.testbed.new_environment())

    async def play(self):
        """Play the run, and return its series and clients, or raise why it ended."""
        engine = FragileProcess(self._drive, self._ways(ENGINE), self.faults.engine)
        clients = {
            name: FragileClient(
                self.manifest,
                name,
                lambda name=name: self.testbed.private_state(name),
                self._ways(name),
                self.faults.clients.get(name, {}),
                self._away,
            )
            for name in (party.name for party in self.manifest.clients)
        }
        parties = [asyncio.ensure_future(each.run()) for each in (engine, *clients.values())]
        try:
            series, *ended = await asyncio.wait_for(asyncio.gather(*parties), 2 * PATIENCE_S)
        finally:
            for each in parties:
                each.cancel()
            await asyncio.gather(*parties, return_exceptions=True)
            for server in self._servers:
                server.process.stop()
            for store in self._stores:
                store.close()
        return series, ended, {name: absences(self.manifest, each.journal) for name, each in clients.items()}


def play(seed):
    """Play the faults of a seed, and return how the run ended, and what is wrong with that."""
    faults = CallFaults(seed)
    with tempfile.TemporaryDirectory() as folder:

        async def begin():
            return await Scene(faults, Path(folder)).play()

        try:
            series, ended, away = asyncio.run(begin())
        except RoundClosed as error:  # of the first round, without which there are no thresholds
            is_first = faults.is_away and faults.mode == "outcome" and str(error).startswith("step 0 ")
            return "one stop", [] if is_first else [f"ended: {error}"]
        except (CohortTooSmall, Unavailable) as error:
            return "one stop", [] if faults.is_away or faults.servers else [f"ended: {error}"]
        except (LpmError, TimeoutError) as error:
            return "one stop", [f"ended: {type(error).__name__} {error}"]
    missed, deaf, _, undecided = ({name: steps[k] for name, steps in away.items()} for k in range(4))
    state, counts = reference(faults.testbed(), missed, undecided, deaf)
    private = {
        field: np.concatenate([each.private.state[field] for each in ended]).tolist()
        for field in ended[0].private.state
        if field != "hazard" or faults.mode == "sum"
    }
    wrong = [f"{field} is another" for field in private if private[field] != state[field]]
    if series.counts.tolist() != counts:
        wrong.append("the series is another")
    if not faults.is_away and any(steps for each in away.values() for steps in each):
        wrong.append("a client was away")
    return "came back" if any(steps for each in away.values() for steps in each) else "the same bits", wrong
