"""The dealer's process: of active runs over gRPC, of others over links of CrypTen's own."""

import asyncio
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator.config import DealerFile
from aggregator.permutation.roles import Role
from aggregator.run_folder import run_folder
from protocols.errors import ConfigError
from protocols.identity.server_keys import server_keys
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest, SimulationManifest, is_active, require_simulation
from protocols.task.signature import load_verified, trust_of

if TYPE_CHECKING:
    from aggregator.mpc import Identity


def serve(given: DealerFile, folder: Path) -> None:
    """Deal until SIGTERM or SIGINT, for runs that come meanwhile too.

    Raises:
        ConfigError: the dealer is not that of the manifest; or it shares an aggregator's host outside a testbed.
    """
    manifest = load_verified(folder / given.manifest, operator_key=given.operator_key)
    if is_active(manifest):
        from aggregator.wire.masked_server import serve_dealer as serve_masked_dealer  # noqa: PLC0415

        asyncio.run(serve_masked_dealer(given, folder, manifest))
    else:
        _serve(given, folder, manifest)


def _serve(given: DealerFile, folder: Path, first: Manifest) -> None:
    """Deal for runs that are not active."""
    from aggregator.mpc import DealerConfig, serve_dealer  # noqa: PLC0415 - torch is for runs that are not active
    from aggregator.mpc.randomness.dealer import Dealer  # noqa: PLC0415 - as above
    from aggregator.on_shares.crypten_backend import identity, parties_of  # noqa: PLC0415 - as above

    stop, own, further = threading.Event(), identity(folder / given.credentials), run_folder(given, folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def config_of(manifest: Manifest) -> DealerConfig:
        if is_active(manifest):
            raise ConfigError(f"the run {manifest.name} is active, and this dealer serves none that are: start another")
        simulation = require_simulation(manifest)
        parties, me = parties_of(simulation)
        server_keys(folder / given.credentials, trust_of(manifest).keys, given.name)
        run, timeout_s = manifests.run_id(manifest), manifest.round_timeout_s
        return DealerConfig(me, parties, own, run=run, timeout_s=timeout_s, testbed=given.testbed)

    def add(dealer: Dealer, manifest: Manifest) -> None:
        config = config_of(manifest)
        dealer.require_place(config)
        _start_third(require_simulation(manifest), own, stop)
        dealer.add(config)

    config = config_of(first)
    _start_third(require_simulation(first), own, stop)
    serve_dealer(
        config, stop=stop, idle=lambda dealer: further.look(lambda each: add(dealer, each)) if further else None
    )


def _start_third(manifest: SimulationManifest, own: "Identity", stop: threading.Event) -> None:
    """Be the third server of a run over permuted edges, in a thread, until told to stop or its time is over.

    Raises:
        ConfigError: its port is taken.
    """
    if manifest.devices is None:
        return
    from aggregator.permutation.worker import PermutationWorker, permutation_config, serve_third  # noqa: PLC0415

    third, until = PermutationWorker(permutation_config(manifest, Role.C, own)), trust_of(manifest).not_after
    threading.Thread(target=serve_third, args=(third, stop), kwargs={"until": until}, daemon=True).start()
