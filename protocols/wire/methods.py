"""Which call carries which message, and what answers it."""

from typing import Final

from protocols.errors import ParameterError
from protocols.masking.plan import plan_of
from protocols.sealing import messages as sealed
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, compares, is_active
from protocols.wire import lpm_pb2 as pb
from protocols.wire import messages

SERVICE: Final = pb.DESCRIPTOR.services_by_name["Aggregator"].full_name
METHODS: Final[dict[str, tuple[type, type]]] = {
    "Join": (messages.Join, messages.JoinReply),
    "Exchange": (messages.Share, messages.RoundResult),
    "Announce": (messages.Announcement, messages.RoundRelease),
    "Members": (messages.MembersQuery, messages.Members),
    "Compared": (messages.ComputationQuery, messages.Computation),
    "Tried": (messages.TrialQuery, messages.TrialShare),
    "Masked": (messages.MaskedCall, messages.MaskedReply),
    "Correspond": (messages.Letter, messages.LetterReply),
    "Sealed": (sealed.SealedRequest, sealed.SealedReply),
}
LARGEST_CALL: Final = 2**31 - 1  # bytes: gRPC takes no more
METHOD_OF: Final = {request: name for name, (request, _) in METHODS.items()}


def largest_call(words: int, *, clients: int) -> int:
    """Return a bound on the bytes of one call: 8 for each word, 84 for each name and start, 64 KiB for the rest."""
    return 8 * words + 84 * clients + 2**16


def largest_call_of(manifest: Manifest) -> int:
    """Return a bound on the bytes of one call of a run.

    Raises:
        ParameterError: that is more than gRPC takes.
    """
    words = plan_of(manifest).longest if is_active(manifest) else Layout.of(manifest).longest
    words = max(words, messages.LETTER_BYTES // 8) if compares(manifest) else words
    size = largest_call(words, clients=len(manifest.clients))
    if size > LARGEST_CALL:
        raise ParameterError(
            f"a call of this run may take {size:,} bytes, and {LARGEST_CALL:,} are allowed: have fewer replicates at "
            "once, agents, or channels"
        )
    return size
