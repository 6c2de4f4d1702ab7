"""The servers of active runs: an aggregator's rounds, with its ways to the other servers, and the dealer's process."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from aggregator.config import DealerFile
from aggregator.masking.aggregator import MaskingAggregator
from aggregator.masking.dealer import MaskingDealer
from aggregator.masking.service.questions import MaskedQuestions
from aggregator.masking.service.rounds import MaskedRounds
from aggregator.metrics import Metrics
from aggregator.release.ledger import Ledger
from aggregator.wire.endpoint import open_endpoint, wait_for_stop
from protocols.errors import ConfigError
from protocols.identity import certificates
from protocols.identity.certificates import Credentials
from protocols.identity.server_keys import ServerKeys, server_keys
from protocols.masking.envelope import NONCE_BYTES, Signer
from protocols.masking.journal import Journal, open_journal
from protocols.masking.plan import plan_of
from protocols.masking.plans.run_plan import RunPlan
from protocols.task.manifest import Manifest
from protocols.task.signature import trust_of
from protocols.wire.masked_link import MaskedLink
from protocols.wire.methods import largest_call_of
from protocols.wire.remote import GrpcTransport
from protocols.wire.transport import Transport

LOG: Final = logging.getLogger("aggregator")
GRACE_S: Final = 1.0
CALLS_PER_S: Final = 1_000.0


def way_to_dealer(plan: RunPlan, credentials: Credentials) -> Transport:
    """Return an aggregator's transport to the dealer; the first call connects."""
    dealer, max_bytes = plan.dealer, largest_call_of(plan.manifest)
    return GrpcTransport(dealer.address, name=dealer.name, credentials=credentials, max_bytes=max_bytes)


def begin_rounds(
    plan: RunPlan,
    index: int,
    folder: Path,
    *,
    keys: ServerKeys,
    credentials: Path,
    ways: tuple[Transport, Transport],
    ledger: Ledger,
) -> MaskedRounds:
    """Return one active run at an aggregator, to begin with or to go on with; its journal is in `folder`.

    Args:
        plan: of the run.
        index: of the aggregator.
        folder: of its configuration.
        keys: its own.
        credentials: the folder of these, in which the key of the journal is.
        ways: to the other aggregator, and to the dealer.
        ledger: of the run.
    """
    signer, journal = _begin(plan, plan.aggregators[index], keys, folder, credentials=credentials)
    signing_keys, (peer, dealer) = trust_of(plan.manifest).signing_keys, ways
    return MaskedRounds(
        lambda: MaskingAggregator(plan, signer, signing_keys, journal, index),
        plan.manifest,
        peer=MaskedLink(peer, plan.run),
        dealer=MaskedLink(dealer, plan.run),
        ledger=ledger,
    )


def _begin(plan: RunPlan, name: str, keys: ServerKeys, folder: Path, *, credentials: Path) -> tuple[Signer, Journal]:
    journal = open_journal(folder, plan.run, name, credentials=credentials)
    return Signer(name, keys.identity, journal.once("nonce key", NONCE_BYTES)), journal


async def serve_dealer(given: DealerFile, folder: Path, manifest: Manifest) -> None:
    """Serve as the dealer of an active run until SIGTERM or SIGINT.

    Raises:
        ConfigError: it shares an aggregator's host outside a testbed, or the address cannot be bound.
    """
    plan = plan_of(manifest)
    _require_own_host(plan, given)
    keys = server_keys(folder / given.credentials, trust_of(manifest).keys, given.name)
    if keys.sealing is None or given.name != plan.dealer.name:
        raise ConfigError(f"the manifest {manifest.name} does not name {given.name} as the dealer of an active run")
    signer, journal = _begin(plan, given.name, keys, folder, credentials=folder / given.credentials)
    sealing, signing_keys = keys.sealing, trust_of(manifest).signing_keys
    questions = MaskedQuestions(lambda: MaskingDealer(plan, signer, signing_keys, journal, sealing=sealing))
    credentials, metrics = certificates.read(folder / given.credentials), Metrics()
    server = await open_endpoint(
        plan.dealer.address,
        credentials,
        questions.answer,
        metrics=metrics,
        calls_per_s=CALLS_PER_S,
        manifests=[manifest],
    )
    LOG.info("serving", extra={"facts": {"name": given.name, "listen": plan.dealer.address, "runs": 1}})
    forgetting = asyncio.ensure_future(questions.forget())
    await wait_for_stop()
    forgetting.cancel()
    questions.stop()
    await server.stop(GRACE_S)
    LOG.info("stopped", extra={"facts": {"name": given.name, "bytes": metrics.traffic()}})


def _require_own_host(plan: RunPlan, given: DealerFile) -> None:
    host = plan.dealer.address.rpartition(":")[0]
    shared = [party.name for party in plan.manifest.aggregators if party.address.rpartition(":")[0] == host]
    if shared and not given.testbed:
        raise ConfigError(
            f"the dealer is on the host of {shared[0]}, which could then read all inputs; run it on another one, or "
            "say testbed = true where nothing is secret"
        )
