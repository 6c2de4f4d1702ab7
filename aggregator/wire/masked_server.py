"""The servers of active runs: an aggregator's rounds, with its ways to the other servers, and the dealer's process."""

import asyncio
import logging
from pathlib import Path
from typing import Final, final

from aggregator.config import DealerFile
from aggregator.masking.aggregator import MaskingAggregator
from aggregator.masking.dealer import MaskingDealer
from aggregator.masking.service.questions import MaskedQuestions
from aggregator.masking.service.rounds import MaskedRounds
from aggregator.metrics import Metrics
from aggregator.release.ledger import Ledger
from aggregator.run_folder import run_folder
from aggregator.wire.callers import Callers
from aggregator.wire.endpoint import open_endpoint, wait_for_stop
from protocols.errors import ConfigError, WireError
from protocols.identity import certificates
from protocols.identity.certificates import Credentials
from protocols.identity.server_keys import ServerKeys, server_keys
from protocols.masking.envelope import NONCE_BYTES, Signer
from protocols.masking.journal import Journal, open_journal
from protocols.masking.plan import plan_of
from protocols.masking.plans.run_plan import RunPlan
from protocols.task.manifest import Manifest, is_active
from protocols.task.signature import trust_of
from protocols.wire.masked_link import MaskedLink
from protocols.wire.messages import MaskedCall, MaskedReply
from protocols.wire.methods import largest_call_of
from protocols.wire.remote import GrpcTransport
from protocols.wire.transport import Transport

LOG: Final = logging.getLogger("aggregator")
GRACE_S: Final = 1.0
CALLS_PER_S: Final = 1_000.0
ROOM: Final = 64 * 2**20  # bytes of a call of a run that comes while a server serves


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
        plan,
        peer=MaskedLink(peer, plan.run),
        dealer=MaskedLink(dealer, plan.run),
        ledger=ledger,
    )


def _begin(plan: RunPlan, name: str, keys: ServerKeys, folder: Path, *, credentials: Path) -> tuple[Signer, Journal]:
    journal = open_journal(folder, plan.run, name, credentials=credentials)
    return Signer(name, keys.identity, journal.once("nonce key", NONCE_BYTES)), journal


@final
class MaskedDealers:
    """The dealer's part of each active run that its process serves; more may come while it does.

    Attributes:
        address: that all of them are dealt at.
        callers: who calls, and how often.
        largest_call: bytes of a call, that the server takes.
    """

    def __init__(self, given: DealerFile, folder: Path, first: Manifest) -> None:
        """Take part in a first run.

        Raises:
            ConfigError: see `add`.
        """
        self._given, self._folder = given, folder
        self._questions: dict[bytes, MaskedQuestions] = {}
        self._forgetting: list[asyncio.Task[None]] = []
        self.address, self.largest_call = plan_of(first).dealer.address, largest_call_of(first)
        self.callers = Callers([], calls_per_s=CALLS_PER_S)
        self.add(first)
        if given.runs is not None:
            self.largest_call = max(self.largest_call, ROOM)

    def add(self, manifest: Manifest) -> None:
        """Take part in a run, from its beginning or from where the journal is; nothing changes where that cannot be.

        Raises:
            ConfigError: the dealer shares an aggregator's host outside a testbed, or is another one or elsewhere in
                this run; or an aggregator's key is; or its calls are too large.
        """
        given = self._given
        if not is_active(manifest):
            raise ConfigError(f"the run {manifest.name} is not active, and this dealer serves active ones: start one")
        plan = plan_of(manifest)
        if plan.run in self._questions:
            return
        _require_own_host(plan, given)
        keys = server_keys(self._folder / given.credentials, trust_of(manifest).keys, given.name)
        if keys.sealing is None or given.name != plan.dealer.name:
            raise ConfigError(f"the manifest {manifest.name} does not name {given.name} as the dealer of an active run")
        require_place(manifest, plan.dealer.address, served=self.address)
        require_room(manifest, self.largest_call)
        self.callers.require_keys(manifest)
        signer, journal = _begin(plan, given.name, keys, self._folder, credentials=self._folder / given.credentials)
        sealing, signing_keys = keys.sealing, trust_of(manifest).signing_keys
        questions = MaskedQuestions(lambda: MaskingDealer(plan, signer, signing_keys, journal, sealing=sealing))
        self._questions[plan.run] = questions
        self.callers.add(manifest)
        self._forgetting.append(asyncio.ensure_future(questions.forget()))

    async def answer(self, caller: str, request: object) -> MaskedReply:
        """Answer one call; see `MaskedQuestions.answer`.

        Raises:
            WireError: it is of no run that is dealt here.
        """
        questions = self._questions.get(request.run_id) if isinstance(request, MaskedCall) else None
        if questions is None:
            raise WireError("the dealer answers masked calls of its own runs alone; compare the manifests")
        return await questions.answer(caller, request)

    def stop(self) -> None:
        """Let go of what waits."""
        for each in self._forgetting:
            each.cancel()
        for questions in self._questions.values():
            questions.stop()


async def serve_dealer(given: DealerFile, folder: Path, manifest: Manifest) -> None:
    """Serve as the dealer of active runs until SIGTERM or SIGINT.

    Raises:
        ConfigError: see `MaskedDealers.add`; or the address cannot be bound.
    """
    dealers, further = MaskedDealers(given, folder, manifest), run_folder(given, folder)
    if further is not None:
        further.look(dealers.add)
    credentials, metrics = certificates.read(folder / given.credentials), Metrics()
    server = await open_endpoint(
        dealers.address,
        credentials,
        dealers.answer,
        metrics=metrics,
        callers=dealers.callers,
        max_bytes=dealers.largest_call,
    )
    LOG.info("serving", extra={"facts": {"name": given.name, "listen": dealers.address}})
    watch = None if further is None else asyncio.ensure_future(further.watch(dealers.add))
    await wait_for_stop()
    if watch is not None:
        watch.cancel()
    dealers.stop()
    await server.stop(GRACE_S)
    LOG.info("stopped", extra={"facts": {"name": given.name, "bytes": metrics.traffic()}})


def require_place(manifest: Manifest, address: str, *, served: str) -> None:
    """Refuse a run in which a server is reached elsewhere than where it serves.

    Raises:
        ConfigError: it is.
    """
    if address != served:
        raise ConfigError(
            f"the manifest {manifest.name} has this server at {address}, and it is reached at {served}: name that in "
            "the project, or start another server"
        )


def require_room(manifest: Manifest, largest_call: int) -> None:
    """Refuse a run of larger calls than a server takes since it was started.

    Raises:
        ConfigError: it is one.
    """
    if (size := largest_call_of(manifest)) > largest_call:
        raise ConfigError(
            f"calls of {manifest.name} may take {size:,} bytes, and this server takes {largest_call:,} since it was "
            "started: start it again"
        )


def _require_own_host(plan: RunPlan, given: DealerFile) -> None:
    host = plan.dealer.address.rpartition(":")[0]
    shared = [party.name for party in plan.manifest.aggregators if party.address.rpartition(":")[0] == host]
    if shared and not given.testbed:
        raise ConfigError(
            f"the dealer is on the host of {shared[0]}, which could then read all inputs; run it on another one, or "
            "say testbed = true where nothing is secret"
        )
