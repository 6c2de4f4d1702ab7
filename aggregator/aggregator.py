"""One operator's aggregator: who may ask what, of which run."""

from collections.abc import Mapping
from typing import final

from aggregator.mailbox import Mailbox
from aggregator.masking.service.rounds import MaskedRounds
from aggregator.run import Run
from protocols.errors import ManifestMismatch, NotEnrolled, WireError
from protocols.task.parties import ENGINE
from protocols.wire import messages

AnyRun = Run | MaskedRounds
PeerQuery = messages.MembersQuery | messages.ComputationQuery | messages.TrialQuery  # by another aggregator
Request = messages.Join | messages.Share | messages.Announcement | messages.MaskedCall | messages.Letter | PeerQuery
Reply = (
    messages.JoinReply
    | messages.RoundResult
    | messages.RoundRelease
    | messages.Members
    | messages.Computation
    | messages.TrialShare
    | messages.MaskedReply
    | messages.LetterReply
)


@final
class Aggregator:
    """Answers calls of parties whose names the transport has verified."""

    def __init__(self, runs: Mapping[bytes, AnyRun]) -> None:
        """Serve these runs, by their ids."""
        self._runs: dict[bytes, AnyRun] = dict(runs)
        self._mailboxes: dict[bytes, Mailbox] = {}

    def add(self, run_id: bytes, run: AnyRun, mailbox: Mailbox | None = None) -> None:
        """Serve one more run, and letters of its clients where they compare their contacts."""
        self._runs[run_id] = run
        if mailbox is not None:
            self._mailboxes[run_id] = mailbox

    async def answer(self, caller: str, request: object) -> Reply:
        """Answer one call.

        Args:
            caller: the name in the certificate that the transport verified.
            request: a decoded message.

        Raises:
            ManifestMismatch: no run of this id is served here.
            NotEnrolled: the caller may not ask this.
        """
        if not isinstance(request, Request):
            raise WireError(f"an aggregator is not asked with a {type(request).__name__}")
        run = self._runs.get(request.run_id)
        if run is None:
            raise ManifestMismatch("this aggregator serves no run of that id; compare the manifests")
        if isinstance(request, messages.Letter):
            if request.run_id not in self._mailboxes:
                raise ManifestMismatch("clients of this run do not compare their contacts; compare the manifests")
            return self._mailboxes[request.run_id].answer(caller, request)
        if isinstance(run, MaskedRounds):
            return await run.answer(caller, request)
        if isinstance(request, messages.MaskedCall):
            raise WireError("the run's security is semi-honest, and it takes no masked messages; compare the manifests")
        if isinstance(request, messages.Join):
            return run.join(caller, request)
        if isinstance(request, messages.Share):
            return await run.exchange(caller, request)
        if isinstance(request, messages.Announcement):
            if caller != ENGINE:
                raise NotEnrolled(f"{caller} is not the engine; only the engine announces")
            return await run.announce(request)
        if caller not in {party.name for party in run.manifest.aggregators}:
            raise NotEnrolled(f"{caller} is not an aggregator of this run; only they ask this")
        return await _answer_peer(run, request)

    def leave_out(self, run: bytes, client: str) -> None:
        """Wait no longer for a client that was shut out."""
        self._runs[run].leave_out(client)

    def traffic(self) -> list[dict[str, int]]:
        """Return the bytes between this server and others, of each active run."""
        return [run.traffic for run in self._runs.values() if isinstance(run, MaskedRounds)]

    def stop(self) -> None:
        """Let go of all runs."""
        for run in self._runs.values():
            run.stop()


async def _answer_peer(run: Run, request: PeerQuery) -> messages.Computation | messages.TrialShare | messages.Members:
    if isinstance(request, messages.ComputationQuery):
        return await run.result_name(request)
    if isinstance(request, messages.TrialQuery):
        return await run.share_trial(request)
    return await run.members(request)
