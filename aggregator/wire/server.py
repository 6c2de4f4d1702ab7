"""One operator's server process."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509

from aggregator.aggregator import Aggregator
from aggregator.config import AggregatorConfig
from aggregator.mailbox import Mailbox
from aggregator.masking.service.rounds import MaskedRounds
from aggregator.metrics import Metrics
from aggregator.release.ledger import Ledger
from aggregator.run import Run
from aggregator.store import Store
from aggregator.wire.access import Access
from aggregator.wire.endpoint import open_endpoint, wait_for_stop
from aggregator.wire.gateway import Gateway, RunGateway
from aggregator.wire.masked_server import begin_rounds, way_to_dealer
from aggregator.wire.remote_peer import RemotePeer
from protocols.arithmetic.counters import Step
from protocols.errors import ConfigError
from protocols.identity import certificates
from protocols.identity.server_keys import ServerKeys, server_keys
from protocols.masking.plan import plan_of
from protocols.releases.ledger import file_name
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest, Simulation, compares, is_active
from protocols.task.signature import load_verified, trust_of
from protocols.task.timeouts import patience_s
from protocols.wire.connect import connect
from protocols.wire.transport import Transport

if TYPE_CHECKING:
    from aggregator.on_shares.crypten_backend import CryptenBackend

LOG: Final = logging.getLogger("aggregator")
GRACE_S: Final = 1.0


async def serve(config: AggregatorConfig, folder: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        config: of this aggregator.
        folder: that its paths are relative to.

    Raises:
        ConfigError: a manifest does not list this aggregator, or the address cannot be bound.
    """
    credentials = certificates.read(folder / config.credentials)
    loaded = [load_verified(folder / path, operator_key=config.operator_key) for path in config.manifests]
    keys = [server_keys(folder / config.credentials, trust_of(manifest).keys, config.name) for manifest in loaded]
    ledgers = {
        run: Ledger(folder / file_name(run), run=run, name=config.name, key=own.identity)
        for run, own in ((manifests.run_id(each), own) for each, own in zip(loaded, keys, strict=True))
    }
    store = Store(config.store, folder)
    transports = {manifests.run_id(manifest): _transports(manifest, credentials) for manifest in loaded}
    backend = _backend(config.name, loaded, folder / config.credentials)
    boxes = {r: Mailbox(manifest, store) for r, manifest in zip(transports, loaded, strict=True) if compares(manifest)}
    _clear(boxes, ledgers)
    aggregator = Aggregator(
        {
            run: _masked_run(config, manifest, folder, transports[run], keys=own, ledger=ledgers[run])
            if is_active(manifest)
            else _run(config.name, manifest, store, transports[run], backend, ledger=ledgers[run])
            for run, manifest, own in zip(transports, loaded, keys, strict=True)
        },
        boxes,
    )
    metrics = Metrics()
    served = [
        _run_gateway(config.name, manifest, own, transports[manifests.run_id(manifest)])
        for manifest, own in zip(loaded, keys, strict=True)
    ]
    gateway = _gateway(config, folder, aggregator, store, runs=served)
    if soon := certificates.expires_soon(credentials.certificate):
        LOG.warning("certificate", extra={"facts": {"reason": soon}})
    server = await open_endpoint(
        config.listen,
        credentials,
        gateway.answer,
        metrics=metrics,
        calls_per_s=config.calls_per_s,
        manifests=loaded,
    )
    if config.metrics_port:
        metrics.serve(config.metrics_port)
    LOG.info("serving", extra={"facts": {"name": config.name, "listen": config.listen, "runs": len(loaded)}})
    await wait_for_stop()
    aggregator.stop()
    await server.stop(GRACE_S)
    if backend is not None:
        backend.close()
    for traffic in ([backend.traffic()] if backend else []) + aggregator.traffic():
        LOG.info("computed", extra={"facts": {"bytes": traffic}})
    for transport in (each for run in transports.values() for each in run):
        await transport.close()
    _clear(boxes, ledgers)
    store.close()
    LOG.info("stopped", extra={"facts": {"name": config.name, "bytes": metrics.traffic()}})


def _clear(boxes: Mapping[bytes, Mailbox], ledgers: Mapping[bytes, Ledger]) -> None:
    """Remove the letters of runs that are over."""
    for run, mailbox in boxes.items():
        mailbox.clear(ledgers[run].number)


def _backend(name: str, loaded: list[Manifest], credentials: Path) -> "CryptenBackend | None":
    """Return the backend of the one run in outcome mode, if there is one; only then is torch loaded."""
    simulations = [each for each in loaded if isinstance(each, Simulation) and not is_active(each)]
    outcome = [each for each in simulations if each.schedule.outcome]
    if not outcome:
        return None
    if len(outcome) > 1:
        raise ConfigError(f"got {len(outcome)} runs in outcome mode; a process computes for one, so start one for each")
    from aggregator.on_shares.crypten_backend import CryptenBackend  # noqa: PLC0415

    return CryptenBackend(outcome[0], _index(name, outcome[0]), credentials)


def _index(name: str, manifest: Manifest) -> int:
    names = [party.name for party in manifest.aggregators]
    if name not in names:
        raise ConfigError(f"the manifest {manifest.name} lists no aggregator {name}; it has {', '.join(names)}")
    return names.index(name)


def _transports(manifest: Manifest, credentials: certificates.Credentials) -> list[Transport]:
    """Return the ways to all aggregators, and in an active run behind them the one to the dealer."""
    ways = connect(manifest, credentials)
    return [*ways, way_to_dealer(plan_of(manifest), credentials)] if is_active(manifest) else ways


def _masked_run(
    config: AggregatorConfig,
    manifest: Manifest,
    folder: Path,
    transports: list[Transport],
    *,
    keys: ServerKeys,
    ledger: Ledger,
) -> MaskedRounds:
    index, credentials = _index(config.name, manifest), folder / config.credentials
    ways = transports[1 - index], transports[-1]
    return begin_rounds(plan_of(manifest), index, folder, keys=keys, credentials=credentials, ways=ways, ledger=ledger)


def _run(
    name: str,
    manifest: Manifest,
    store: Store,
    transports: list[Transport],
    backend: "CryptenBackend | None",
    *,
    ledger: Ledger,
) -> Run:
    index = _index(name, manifest)
    timeout_s = 2 * max(manifest.join_timeout_s, manifest.round_timeout_s)
    peers = [RemotePeer(each, timeout_s) for place, each in enumerate(transports) if place != index]
    own = backend if manifest.schedule.outcome else None
    return Run(manifest, index, store, peers, own, permuter=own.permuter if own else None, ledger=ledger)


def _run_gateway(name: str, manifest: Manifest, keys: ServerKeys, transports: list[Transport]) -> RunGateway:
    """Return what unseals the calls of one run's clients, and the relays to the other aggregators."""
    if keys.sealing is None:
        raise ConfigError(f"the manifest {manifest.name} names {name} as its dealer, not as an aggregator")
    ways = zip(manifest.aggregators, transports, strict=False)
    timeout_s = max(patience_s(manifest, Step(step)) for step in (0, 1))
    others = {party.name: RemotePeer(way, timeout_s) for party, way in ways if party.name != name}
    return RunGateway(manifest, keys.sealing, others)


def _gateway(
    config: AggregatorConfig, folder: Path, aggregator: Aggregator, store: Store, *, runs: list[RunGateway]
) -> Gateway:
    authority = certificates.read(folder / config.credentials).authority
    return Gateway(
        config.name,
        runs,
        aggregator.answer,
        secrets=store,
        authorities=x509.load_pem_x509_certificates(authority),
        access=Access(allowed=_beside(folder, config.allowed), revoked=_beside(folder, config.revoked)),
        leave_out=aggregator.leave_out,
    )


def _beside(folder: Path, name: str | None) -> Path | None:
    return None if name is None else folder / name
