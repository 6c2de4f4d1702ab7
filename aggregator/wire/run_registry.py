"""The runs of one aggregator's process, with what each needs; more may come while it serves."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from cryptography import x509

from aggregator.aggregator import Aggregator, AnyRun
from aggregator.config import AggregatorConfig
from aggregator.mailbox import Mailbox
from aggregator.masking.service.rounds import MaskedRounds
from aggregator.metrics import Metrics
from aggregator.release.ledger import Ledger
from aggregator.run import Run
from aggregator.store import Store
from aggregator.wire.access import Access
from aggregator.wire.callers import Callers
from aggregator.wire.endpoint import MAX_CALLS
from aggregator.wire.gateway import Gateway, RunGateway
from aggregator.wire.interceptor import CALLS_OF_ONE
from aggregator.wire.masked_server import ROOM, begin_rounds, require_place, require_room, way_to_dealer
from aggregator.wire.remote_peer import RemotePeer
from protocols.arithmetic.counters import Step
from protocols.errors import ConfigError
from protocols.identity import certificates
from protocols.identity.server_keys import ServerKeys, server_keys
from protocols.masking.plan import plan_of
from protocols.masking.plans.run_plan import RunPlan
from protocols.quantity import quantity
from protocols.releases.ledger import file_name
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest, Simulation, compares, is_active
from protocols.task.signature import trust_of
from protocols.task.timeouts import patience_s
from protocols.wire.connect import connect
from protocols.wire.methods import largest_call_of
from protocols.wire.transport import Transport

if TYPE_CHECKING:
    from aggregator.on_shares.crypten_backend import CryptenBackend

LOG: Final = logging.getLogger("aggregator")


@final
class RunRegistry:
    """What an aggregator's process has of each run: ledger, ways to the other servers, rounds, and gateway.

    Attributes:
        credentials: of the server.
        aggregator: answers calls of its runs.
        gateway: unseals what clients say.
        callers: who calls, and how often.
        largest_call: bytes of a call, that the server takes.
        most_calls: that it takes at the same time.
    """

    def __init__(self, config: AggregatorConfig, folder: Path) -> None:
        """Serve no run yet.

        Args:
            config: of this aggregator.
            folder: that its paths are relative to.
        """
        self.metrics: Final = Metrics()
        self._config, self._folder = config, folder
        self._own = folder / config.credentials
        self.credentials = certificates.read(self._own)
        self._store = Store(config.store, folder)
        self._ledgers: dict[bytes, Ledger] = {}
        self._manifests: dict[bytes, Manifest] = {}
        self._boxes: dict[bytes, Mailbox] = {}
        self._backends: dict[bytes, CryptenBackend] = {}
        self._transports: list[Transport] = []
        self.largest_call = 0 if config.runs is None else ROOM
        self.most_calls = MAX_CALLS
        self.aggregator = Aggregator({})
        self.callers = Callers([], calls_per_s=config.calls_per_s)
        lists = (None if name is None else folder / name for name in (config.allowed, config.revoked))
        self.gateway = Gateway(
            config.name,
            [],
            self.aggregator.answer,
            secrets=self._store,
            authorities=x509.load_pem_x509_certificates(self.credentials.authority),
            access=Access(allowed=next(lists), revoked=next(lists)),
            leave_out=self.aggregator.leave_out,
        )

    def __len__(self) -> int:
        """Return how many runs are served."""
        return len(self._manifests)

    def begin(self, manifest: Manifest) -> None:
        """Serve a run before the server does; its calls may be of any size, and its clients of any number.

        Raises:
            ConfigError: see `add`.
        """
        self.largest_call = max(self.largest_call, largest_call_of(manifest))
        self.most_calls = max(self.most_calls, self._calls_with(manifest))
        self.add(manifest)

    def add(self, manifest: Manifest) -> None:
        """Serve a run, from its beginning or from where its store is; nothing changes where it cannot be.

        Raises:
            ConfigError: it does not list this aggregator as it is reached, or pins another key of a name than a run
                before; or its calls are too large or too many, or a port of its comparisons is taken.
        """
        config, run = self._config, manifests.run_id(manifest)
        if run in self._manifests:
            return
        keys = server_keys(self._own, trust_of(manifest).keys, config.name)
        index = _index(config.name, manifest)
        self._require_fit(manifest, index)
        transports = _transports(manifest, self.credentials)
        entrance = _entrance(config.name, manifest, keys, transports)
        backend = self._backend(manifest, index)
        try:
            ledger = Ledger(self._folder / file_name(run), run=run, name=config.name, key=keys.identity)
            box = self._mailbox(manifest) if compares(manifest) else None
            if box is not None:
                box.clear(ledger.number)
            if is_active(manifest):
                ways = transports[1 - index], transports[-1]
                rounds: AnyRun = self._masked_rounds(plan_of(manifest), index, keys=keys, ways=ways, ledger=ledger)
            else:
                rounds = self._rounds(manifest, index, transports, backend, ledger=ledger)
        except BaseException:
            if backend is not None:
                backend.close()
            raise
        if backend is not None:
            self._backends[run] = backend
        self.aggregator.add(run, rounds, box)
        self.gateway.add(entrance)
        self.callers.add(manifest)
        self._manifests[run], self._ledgers[run] = manifest, ledger
        self._transports += transports
        if box is not None:
            self._boxes[run] = box

    def _require_fit(self, manifest: Manifest, index: int) -> None:
        """Refuse a run at another address or of other keys than those before, or of larger or more calls than fit."""
        self.callers.require_keys(manifest)
        for each in self._manifests.values():
            served = each.aggregators[_index(self._config.name, each)].address
            require_place(manifest, manifest.aggregators[index].address, served=served)
        require_room(manifest, self.largest_call)
        if (calls := self._calls_with(manifest)) > self.most_calls:
            raise ConfigError(
                f"with {quantity(len(manifest.clients), 'client')} of {manifest.name} this server could have {calls:,} "
                f"calls at once, and it takes {self.most_calls:,} since it was started: start it again"
            )

    def _calls_with(self, manifest: Manifest) -> int:
        """Return how many calls clients of runs that go on may make at once, those of one more run among them."""
        go_on = [each for run, each in self._manifests.items() if not self._is_over(run)]
        return CALLS_OF_ONE * sum(len(each.clients) for each in (*go_on, manifest))

    def _mailbox(self, manifest: Manifest) -> Mailbox:
        clients, rounds = frozenset(client.name for client in manifest.clients), manifest.schedule.rounds
        return Mailbox(manifests.run_id(manifest), clients, rounds, trust_of(manifest).not_after, self._store)

    def _masked_rounds(
        self, plan: RunPlan, index: int, *, keys: ServerKeys, ways: tuple[Transport, Transport], ledger: Ledger
    ) -> MaskedRounds:
        own = self._own
        return begin_rounds(plan, index, self._folder, keys=keys, credentials=own, ways=ways, ledger=ledger)

    def _rounds(
        self,
        manifest: Manifest,
        index: int,
        transports: list[Transport],
        backend: "CryptenBackend | None",
        *,
        ledger: Ledger,
    ) -> Run:
        timeout_s = 2 * max(manifest.join_timeout_s, manifest.round_timeout_s)
        peers = [RemotePeer(each, timeout_s) for place, each in enumerate(transports) if place != index]
        permuter = None if backend is None else backend.permuter
        return Run(manifest, index, self._store, peers, backend, permuter=permuter, ledger=ledger)

    def _backend(self, manifest: Manifest, index: int) -> "CryptenBackend | None":
        """Return the backend of a run in outcome mode; only for such a one is torch loaded.

        Ports of runs that are over are free for it: whoever asks for their last answers is answered from the store.
        """
        if not isinstance(manifest, Simulation) or is_active(manifest) or not manifest.schedule.outcome:
            return None
        from aggregator.on_shares.crypten_backend import CryptenBackend  # noqa: PLC0415

        for run in [each for each in self._backends if self._is_over(each)]:
            self._backends.pop(run).close()
        return CryptenBackend(manifest, index, self._own, self.metrics.note_computation)

    def _is_over(self, run: bytes) -> bool:
        ledger = self._ledgers[run]
        return ledger.is_ended or ledger.number >= self._manifests[run].schedule.rounds - 1

    async def ready(self) -> None:
        """Wait until the comparisons of all runs can begin."""
        for backend in list(self._backends.values()):
            await backend.ready()

    async def close(self) -> None:
        """Let go of all that runs have, when the server takes no calls any more."""
        traffic = [backend.traffic() for backend in list(self._backends.values())[:1]]  # that of the process
        for backend in self._backends.values():
            backend.close()
        for each in [*traffic, *self.aggregator.traffic()]:
            LOG.info("computed", extra={"facts": {"bytes": each}})
        for transport in self._transports:
            await transport.close()
        for run, box in self._boxes.items():
            box.clear(self._ledgers[run].number)
        self._store.close()


def _index(name: str, manifest: Manifest) -> int:
    names = [party.name for party in manifest.aggregators]
    if name not in names:
        raise ConfigError(f"the manifest {manifest.name} lists no aggregator {name}; it has {', '.join(names)}")
    return names.index(name)


def _transports(manifest: Manifest, credentials: certificates.Credentials) -> list[Transport]:
    """Return the ways to all aggregators, and in an active run behind them the one to the dealer."""
    ways = connect(manifest, credentials)
    return [*ways, way_to_dealer(plan_of(manifest), credentials)] if is_active(manifest) else ways


def _entrance(name: str, manifest: Manifest, keys: ServerKeys, transports: list[Transport]) -> RunGateway:
    """Return what unseals the calls of one run's clients, and the relays to the other aggregators."""
    if keys.sealing is None:
        raise ConfigError(f"the manifest {manifest.name} names {name} as its dealer, not as an aggregator")
    ways = zip(manifest.aggregators, transports, strict=False)
    timeout_s = max(patience_s(manifest, Step(step)) for step in (0, 1))
    others = {party.name: RemotePeer(way, timeout_s) for party, way in ways if party.name != name}
    return RunGateway(manifest, keys.sealing, others)
