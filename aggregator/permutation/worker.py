"""A server of the secret permutation over mutual TLS: joined when it is first needed, and again after any error."""

import contextlib
import datetime
import logging
import socket
import threading
from dataclasses import dataclass
from typing import Final, final

from aggregator.mpc.config import Endpoint, Identity, endpoint
from aggregator.mpc.net.mesh_join import join, listen
from aggregator.mpc.net.tls import Tls
from aggregator.permutation.channel import Channel
from aggregator.permutation.roles import Role
from aggregator.permutation.server import PermutationServer, TokensOf
from aggregator.permutation.stages import Shape
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ConfigError, LpmError
from protocols.task import manifest as manifests
from protocols.task.manifest import SimulationManifest

LOG: Final = logging.getLogger("aggregator")
PAUSE_S: Final = 0.2


@final
@dataclass(frozen=True, slots=True)
class PermutationConfig:
    """One server's configuration of the secret permutation: the three servers of a run, and what they permute.

    Attributes:
        rank: this server's role.
        parties: aggregators A and B, and the dealer, with their addresses for the permutation.
        identity: this server's certificate.
        run: the hash of the manifest.
        shape, period, steps: of what is permuted.
        timeout_s: how long one exchange may take; `join_timeout_s` how long the servers wait for each other.
    """

    rank: int
    parties: tuple[Endpoint, ...]
    identity: Identity
    run: bytes
    shape: Shape
    period: int
    steps: int
    timeout_s: float
    join_timeout_s: float


def permutation_config(manifest: SimulationManifest, role: Role, identity: Identity) -> PermutationConfig:
    """Return one server's configuration in a run over permuted edges."""
    if manifest.devices is None or manifest.dealer is None:
        raise ConfigError(f"the run {manifest.name} has dense edges: it permutes nothing")
    parties = tuple(endpoint(manifest.trust, party.name, party.permutation or "") for party in manifest.aggregators)
    return PermutationConfig(
        rank=role,
        parties=(*parties, endpoint(manifest.trust, manifest.dealer.name, manifest.dealer.permutation or "")),
        identity=identity,
        run=manifests.run_id(manifest),
        shape=Shape(len(manifest.clients), manifest.devices.degree, len(manifest.channels)),
        period=manifest.period,
        steps=manifest.steps,
        timeout_s=manifest.round_timeout_s,
        join_timeout_s=manifest.round_timeout_s,
    )


@final
class PermutationWorker:
    """One server, its port, and its session with the other two while there is one."""

    def __init__(self, config: PermutationConfig) -> None:
        """Open the port; the other servers are joined by the first use.

        Raises:
            ConfigError: certificate files cannot be used, or the port is taken.
        """
        self._config, self._tls = config, Tls(config.identity)
        me = config.parties[config.rank]
        try:
            self._listener: socket.socket = listen(me)
        except OSError as error:
            raise ConfigError(f"cannot listen on {me.host}:{me.port}: {error.strerror}; choose a free port") from error
        self._server: PermutationServer | None = None

    def permute(self, x: U64, *, step: int, tokens: TokensOf) -> tuple[bytes, U64]:
        """Return the name of the joint operation, and this aggregator's share of the exposures.

        Raises:
            Unavailable: a server is gone or late; do the step again.
            PartiesDisagree: servers stand at different places; do the step again.
        """
        try:
            return self._join().step(x, step, tokens)
        except BaseException:
            self.leave()
            raise

    def serve_one(self) -> None:
        """As C, carry out the next order; an error ends the session."""
        try:
            self._join().serve_one()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """End the session, if there is one; the others notice."""
        if self._server is not None:
            self._server.close()
        self._server = None

    def close(self) -> None:
        """End the session and close the port."""
        self.leave()
        self._listener.close()

    def _join(self) -> PermutationServer:
        if self._server is not None and not self._server.alive:
            self.leave()
        if self._server is None:
            config = self._config
            links, session = join(config, self._tls, self._listener)
            by_role = {Role(rank): link for rank, link in links.items()}
            try:
                channel = Channel(Role(config.rank), by_role, session, timeout_s=config.timeout_s)
            except BaseException:
                for link in links.values():
                    link.close()
                raise
            self._server = PermutationServer(channel, config.shape, period=config.period, steps=config.steps)
        return self._server


def serve_third(worker: PermutationWorker, stop: threading.Event, *, until: datetime.datetime) -> None:
    """Be the third server until told to stop: join the aggregators, carry out orders, and after any error join again.

    Once the run's time is over its port is free for another run.

    Security: it holds masked shares alone, and keeps nothing from one session to the next.
    """
    with contextlib.closing(worker):
        while not stop.is_set() and datetime.datetime.now(datetime.UTC) < until:
            try:
                worker.serve_one()
            except (LpmError, OSError) as error:
                LOG.info("permutation joins again", extra={"facts": {"reason": type(error).__name__}})
                with contextlib.suppress(OSError):
                    worker.leave()
                stop.wait(PAUSE_S)
