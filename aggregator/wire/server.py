"""One operator's server process."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from aggregator.config import AggregatorConfig
from aggregator.run_folder import run_folder
from aggregator.wire.endpoint import open_endpoint, wait_for_stop
from aggregator.wire.run_registry import RunRegistry
from protocols.identity import certificates
from protocols.task.signature import load_verified

LOG: Final = logging.getLogger("aggregator")
GRACE_S: Final = 1.0


async def serve(config: AggregatorConfig, folder: Path) -> None:
    """Serve until SIGTERM or SIGINT, runs that come meanwhile too.

    Args:
        config: of this aggregator.
        folder: that its paths are relative to.

    Raises:
        ConfigError: a manifest does not list this aggregator, or the address cannot be bound.
    """
    loaded = [load_verified(folder / path, operator_key=config.operator_key) for path in config.manifests]
    runs = RunRegistry(config, folder)
    for manifest in loaded:
        runs.begin(manifest)
    further = run_folder(config, folder)
    if further is not None:
        further.look(runs.begin)
    metrics = runs.metrics
    if soon := certificates.expires_soon(runs.credentials.certificate):
        LOG.warning("certificate", extra={"facts": {"reason": soon}})
    server = await open_endpoint(
        config.listen,
        runs.credentials,
        runs.gateway.answer,
        metrics=metrics,
        callers=runs.callers,
        max_bytes=runs.largest_call,
        max_calls=runs.most_calls,
        ready=runs.ready,
    )
    if config.metrics_port:
        metrics.serve(config.metrics_port)
    LOG.info("serving", extra={"facts": {"name": config.name, "listen": config.listen, "runs": len(runs)}})
    watch = None if further is None else asyncio.ensure_future(further.watch(runs.add))
    await wait_for_stop()
    if watch is not None:
        watch.cancel()
    runs.aggregator.stop()
    await server.stop(GRACE_S)
    await runs.close()
    LOG.info("stopped", extra={"facts": {"name": config.name, "bytes": metrics.traffic()}})
