"""One operator's server process."""

import asyncio
import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc
from cryptography import x509
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from aggregator.aggregator import Aggregator
from aggregator.config import AggregatorConfig
from aggregator.metrics import Metrics
from aggregator.release.ledger import Ledger
from aggregator.run import Run
from aggregator.store import Store
from aggregator.wire.access import Access
from aggregator.wire.callers import Callers
from aggregator.wire.gateway import Gateway, RunGateway
from aggregator.wire.interceptor import CALLS_OF_ONE
from aggregator.wire.remote_peer import RemotePeer
from aggregator.wire.servicer import handler
from protocols.arithmetic.counters import Step
from protocols.errors import ConfigError
from protocols.identity import certificates
from protocols.identity.server_keys import ServerKeys, server_keys
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, Simulation
from protocols.task.signature import load_verified, trust_of
from protocols.task.timeouts import patience_s
from protocols.wire.connect import connect
from protocols.wire.methods import SERVICE, largest_call
from protocols.wire.tls import require_tls13
from protocols.wire.transport import Transport

if TYPE_CHECKING:
    from aggregator.on_shares.crypten_backend import CryptenBackend

LOG: Final = logging.getLogger("aggregator")
GRACE_S: Final = 1.0
MAX_CALLS: Final = 10_000  # at the same time


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
        run: Ledger(folder / f"ledger-{run.hex()[:12]}.jsonl", run=run, name=config.name, key=own.identity)
        for run, own in ((manifests.run_id(each), own) for each, own in zip(loaded, keys, strict=True))
    }
    store = Store(config.store, folder)
    transports = {manifests.run_id(manifest): connect(manifest, credentials) for manifest in loaded}
    backend = _backend(config.name, loaded, folder / config.credentials)
    aggregator = Aggregator(
        {
            run: _run(config.name, manifest, store, transports[run], backend, ledger=ledgers[run])
            for run, manifest in ((manifests.run_id(each), each) for each in loaded)
        }
    )
    metrics = Metrics()
    served = [
        _run_gateway(config.name, manifest, own, transports[manifests.run_id(manifest)])
        for manifest, own in zip(loaded, keys, strict=True)
    ]
    gateway = _gateway(config, folder, aggregator, store, runs=served)
    if soon := certificates.expires_soon(credentials.certificate):
        LOG.warning("certificate", extra={"facts": {"reason": soon}})
    state = HealthServicer()
    server = _server(config, credentials, gateway, metrics, loaded)
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    await state.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    await server.start()
    if config.metrics_port:
        metrics.serve(config.metrics_port)
    LOG.info("serving", extra={"facts": {"name": config.name, "listen": config.listen, "runs": len(loaded)}})
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    aggregator.stop()
    await server.stop(GRACE_S)
    if backend is not None:
        backend.close()
        LOG.info("computed", extra={"facts": {"bytes": backend.traffic()}})
    for transport in (each for run in transports.values() for each in run):
        await transport.close()
    store.close()
    LOG.info("stopped", extra={"facts": {"name": config.name, "bytes": metrics.traffic()}})


def _backend(name: str, loaded: list[Manifest], credentials: Path) -> "CryptenBackend | None":
    """Return the backend of the one run in outcome mode, if there is one; only then is torch loaded."""
    outcome = [each for each in loaded if isinstance(each, Simulation) and each.schedule.outcome]
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
    ways = zip(manifest.aggregators, transports, strict=True)
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


def _server(
    config: AggregatorConfig,
    credentials: certificates.Credentials,
    gateway: Gateway,
    metrics: Metrics,
    loaded: list[Manifest],
) -> aio.Server:
    require_tls13()
    clients = max(len(manifest.clients) for manifest in loaded)
    max_bytes = largest_call(max(Layout.of(manifest).longest for manifest in loaded), clients=clients)
    server = aio.server(
        maximum_concurrent_rpcs=max(MAX_CALLS, CALLS_OF_ONE * clients),
        options=[
            ("grpc.max_receive_message_length", max_bytes),
            ("grpc.max_send_message_length", max_bytes),
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_permit_without_calls", 0),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.max_metadata_size", 8_192),
        ],
    )
    callers = Callers(loaded, calls_per_s=config.calls_per_s)
    server.add_generic_rpc_handlers((handler(gateway.answer, metrics, callers),))
    pair = [(credentials.private_key, credentials.certificate)]
    tls = grpc.ssl_server_credentials(pair, credentials.authority, require_client_auth=True)
    try:
        server.add_secure_port(config.listen, tls)
    except RuntimeError as error:
        raise ConfigError(f"cannot listen on {config.listen}: {error}; is the port free?") from error
    return server
