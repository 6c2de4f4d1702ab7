"""What travels between parties, as frozen values. `wire` turns them into bytes and back."""

from dataclasses import dataclass, field
from typing import Final, final

from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64, U64
from protocols.masking.envelope import SignedMessage
from protocols.task.rounds import Phase

MOST_CONTACTS: Final = 2**15  # that two clients compare
LETTER_BYTES: Final = 32 * MOST_CONTACTS + 2**12  # of a letter from one client to another, at most
LETTERS: Final = 4  # from each client to each other one


@final
@dataclass(frozen=True, slots=True)
class Join:
    """A client joins a run at one aggregator; joining again changes nothing.

    Attributes:
        since: from which step on it asks for public numbers of steps that are over, which it has missed.

    Security: `key` expands to this aggregator's shares of all rounds but those whose shares come with keys of their
        own. The last aggregator gets none.
    """

    run_id: bytes
    key: bytes = field(repr=False)
    since: Step | None = None


@final
@dataclass(frozen=True, slots=True)
class JoinReply:
    """The aggregator took the client in; rounds are open from `step` on.

    Attributes:
        public: the environment's numbers of the steps that it asked for, one step after the other, as many as fit.
        counted: the last round in which the client's share counted here, if there is one.
    """

    step: Step
    public: tuple[int, ...] = ()
    counted: RoundNumber | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """One client's share of one round, for one aggregator: its words, or where they are expanded, what from.

    That is the key of the join, and then there are none; or a key of this round's own, of a client that was started
    again, as four words.

    Attributes:
        start: 16 bytes of the keys that it is under, the same for all aggregators; see `additive.start_of`.
    """

    run_id: bytes
    step: Step
    share: U64 = field(repr=False)
    phase: Phase = Phase.SPEAK
    start: bytes = b""


@final
@dataclass(frozen=True, slots=True, eq=False)
class RoundResult:
    """What a client gets from one aggregator when a round closes.

    Attributes:
        own: this aggregator's share of what is the client's own. In sum mode its agents' exposures, uint64[n_own * c];
            in outcome mode nothing when agents speak, and when they are decided XOR shares of a bit for each, packed
            into uint64[bit_words(n_own)].
        release: uint64[cells + q], this aggregator's share of what is opened to all; none but when agents speak.
        synthetic: int64[cells + e], what the engine announced, with the twins of clients that took no part; public, the
            same from every aggregator. Where edges are permuted, when thresholds are taken in: a bit for each agent,
            whether it takes part.
        members: how many clients took part.
    """

    step: Step
    own: U64 = field(repr=False)
    release: U64 = field(repr=False)
    synthetic: I64
    members: int
    phase: Phase = Phase.SPEAK


@final
@dataclass(frozen=True, slots=True, eq=False)
class Announcement:
    """The engine opens a step: its part of each cell's total, public numbers, and what twins say. All public."""

    run_id: bytes
    step: Step
    synthetic: I64


@final
@dataclass(frozen=True, slots=True, eq=False)
class RoundRelease:
    """What the engine gets from one aggregator when a round closes.

    Attributes:
        release: uint64[cells + q], this aggregator's share of what is opened to all.
        members: how many clients took part.
        traffic: bytes that clients sent to this aggregator and it sent to clients in this round.
        names: of those clients, in order; of a secure sum, and of a run with twins, only.
        refused: clients that have been left out for garbage by now, in order; of a secure sum only.
    """

    step: Step
    release: U64 = field(repr=False)
    members: int
    traffic: int
    names: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class MembersQuery:
    """One aggregator asks another who took part in a round."""

    run_id: bytes
    step: Step
    phase: Phase = Phase.SPEAK


@final
@dataclass(frozen=True, slots=True)
class Members:
    """Who took part in a round at one aggregator: names of clients, in order; and its ledger's head before it.

    Attributes:
        announced: digest of what the engine announced for it; none where it announces nothing.
        starts: of each of them, that its share came with.
    """

    step: Step
    names: tuple[str, ...]
    phase: Phase = Phase.SPEAK
    head: bytes = b""
    announced: bytes = b""
    starts: tuple[bytes, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class ComputationQuery:
    """One aggregator asks another which joint computation of a round it has finished and kept."""

    run_id: bytes
    step: Step
    phase: Phase = Phase.DECIDE


@final
@dataclass(frozen=True, slots=True)
class Computation:
    """The name of the joint computation that an aggregator has kept for a round: 32 bytes, or none."""

    step: Step
    name: bytes


@final
@dataclass(frozen=True, slots=True)
class TrialQuery:
    """One aggregator asks another for its share of a sum that all of them open, to find out whether it is in range.

    Attributes:
        trial: of the step, from 0.
        over: digest of the names of whom the sum is over, 32 bytes; see `group_testing.mark`. It asks for no group: the
            other one answers for the group that it has come to by itself, or not at all.
    """

    run_id: bytes
    step: Step
    trial: int
    over: bytes


@final
@dataclass(frozen=True, slots=True, eq=False)
class TrialShare:
    """An aggregator's share of a sum, uint64[d], its noise included; and over whom."""

    step: Step
    trial: int
    over: bytes
    share: U64 = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class MaskedCall:
    """A signed message of an active run, to a server: a client's, the engine's, or an aggregator's."""

    run_id: bytes
    envelope: SignedMessage = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class MaskedReply:
    """What answers it: a server's own signed message to the caller, or nothing."""

    envelope: SignedMessage | None = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class Letter:
    """A client leaves a letter for another one at an aggregator, asks for one that is for it, or does both.

    Attributes:
        number: which letter of a pair, from 0.
        to: for whom it is; nobody where none is left.
        content: which the other client alone can read.
        wanted: from whom it has no letter of this number, in order.
    """

    run_id: bytes
    number: int
    to: str = ""
    content: bytes = field(repr=False, default=b"")
    wanted: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class LetterReply:
    """A letter of one of those from whom it was wanted; of nobody where there is none as yet."""

    sender: str = ""
    content: bytes = field(repr=False, default=b"")


@final
@dataclass(frozen=True, slots=True)
class StreamedCall:
    """One call of a stream.

    Attributes:
        number: in the stream.
        method: which is called; nothing where the caller waits for the answer of this number no longer.
        content: the request's bytes.
    """

    number: int
    method: str
    content: bytes = field(repr=False, default=b"")


@final
@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """What answers one call of a stream.

    Attributes:
        number: of the call.
        content: the reply's bytes.
        status: of gRPC, 0 where there is a reply.
        code: stable, of an error of ours.
        details: what went wrong.
    """

    number: int
    content: bytes = field(repr=False, default=b"")
    status: int = 0
    code: str = ""
    details: str = ""
