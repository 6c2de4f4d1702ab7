"""Where fuzzing begins: what the encoders write, for each target."""

import datetime

import numpy as np
from targets import AUTHORITY, FILES, KEY, MANIFEST, MESSAGES, ROUTE, SETTINGS, graph_manifest, sum_of

from client_sdk.config import ClientConfig
from client_sdk.consent import Consent
from lpm_secure.testbed.keys import permissive, pin_keys
from protocols import canonical_json
from protocols.identity import certificates, enrolment, signing
from protocols.identity.sealing_key import public_key
from protocols.identity.server_request import ServerRequest
from protocols.masking.envelope import SignedMessage
from protocols.sealing.handshake import begin
from protocols.sealing.messages import Handshake, SealedReply, SealedRequest
from protocols.task import manifest as manifests
from protocols.task import signature
from protocols.task.policy import Policy
from protocols.wire import codec
from protocols.wire.messages import (
    Announcement,
    Computation,
    ComputationQuery,
    Join,
    JoinReply,
    Letter,
    LetterReply,
    MaskedCall,
    MaskedReply,
    Members,
    MembersQuery,
    RoundRelease,
    RoundResult,
    Share,
    StreamedAnswer,
    StreamedCall,
    TrialQuery,
    TrialShare,
)
from protocols.wire.sealed_transport import pack

RUN = bytes(range(32))
WORDS, SIGNED = np.arange(3, dtype=np.uint64), np.arange(3, dtype=np.int64)
ENVELOPE = SignedMessage("client-0", b"content", bytes(32), bytes(64))
LONG = SignedMessage("client-0", b"content", bytes(32), bytes(64), (memoryview(b"part"), memoryview(b"another")))
SENT = [
    Join(RUN, RUN),
    Join(RUN, b""),
    JoinReply(300),
    JoinReply(300, (1, -1)),
    Share(RUN, 5, WORDS, start=RUN[:16]),
    RoundResult(5, WORDS, WORDS, SIGNED, 3),
    Announcement(RUN, 5, SIGNED),
    RoundRelease(5, WORDS, 3, 2**32),
    MembersQuery(RUN, 7),
    Members(5, ("a", "b-1"), starts=(RUN[:16], RUN[16:])),
    ComputationQuery(RUN, 5),
    Computation(5, RUN),
    TrialQuery(RUN, 5, 1, RUN),
    TrialShare(5, 1, RUN, WORDS),
    SealedRequest(RUN, "aggregator-1", "client-0", Handshake(b"1", b"2", b"3"), 300, bytes(20)),
    SealedReply(bytes(40)),
    MaskedCall(RUN, ENVELOPE),
    MaskedReply(ENVELOPE),
    MaskedCall(RUN, LONG),
    Letter(RUN, 1, "client-1", b"sealed", ("client-1", "client-2")),
    LetterReply("client-1", b"sealed"),
    StreamedCall(3, "Sealed", bytes(40)),
    StreamedAnswer(3, b"", 9, "round-closed", "the round is over"),
]


def _wire():
    return [bytes([MESSAGES.index(type(each))]) + codec.encode(each) for each in SENT]


def _files():
    key, (manifest, _keys) = signing.new_key(), pin_keys(MANIFEST)
    given = enrolment.Terms(
        name="client-0",
        not_after=datetime.datetime(2096, 1, 1, tzinfo=datetime.UTC),
        secret=bytes(16),
        operator_key=signing.public_of(key),
    )
    invitation = enrolment.Invitation(
        terms=given, signature=signing.sign(key, signing.SignaturePurpose.INVITATION, canonical_json.encode(given))
    )
    made = [
        signature.sign(manifest, key),
        invitation,
        enrolment.Request.of(invitation, certificates.new_request("client-0")[1], key),
        enrolment.EnrolmentReply(name="client-0", authority="x", certificate="y"),
        Consent(
            client="client-0",
            number=1,
            previous=RUN,
            run=RUN,
            policy=RUN,
            rho=0.5,
            given=given.not_after,
            identity=signing.public_of(key),
            signature=bytes(64),
        ),
        ServerRequest(
            name="aggregator-0",
            keys=manifest.trust.keys["aggregator-0"],
            certificate=certificates.new_request("aggregator-0")[1].decode("ascii"),
        ),
        manifest.trust,
    ]
    return [bytes([FILES.index(type(each))]) + canonical_json.encode(each) for each in made]


def _sealed():
    opening = begin(ROUTE, public_key(KEY.public), AUTHORITY.issue("client-0"))[1]
    return [opening.sealed + opening.certificate + opening.signature[:1], bytes(3)]


def _settings():
    client = b'name = "a"\nmanifest = "m"\noperator_key = "' + b"A" * 43 + b'="\npolicy = "p"\ncredentials = "."\n'
    policy = permissive(pin_keys(MANIFEST)[0]).encode()
    return [bytes([SETTINGS.index(ClientConfig)]) + client, bytes([SETTINGS.index(Policy)]) + policy]


def _servicer():
    found = []
    for place in range(18):
        found += [bytes([place, how]) + codec.encode(each)[34 if how else 0 :] for how in (0, 1, 2) for each in SENT]
    return found


SEEDS = {
    "wire": _wire,
    "inner": lambda: [
        pack(each) for each in (Join(RUN, RUN), Share(RUN, 5, WORDS, start=RUN[:16]), MaskedCall(RUN, ENVELOPE))
    ],
    "manifest": lambda: [
        manifests.encode(each) for each in (MANIFEST, pin_keys(MANIFEST)[0], graph_manifest(), sum_of())
    ],
    "files": _files,
    "request": lambda: [certificates.new_request("client-0")[1], certificates.new_request("other")[1]],
    "sealed": _sealed,
    "settings": _settings,
    "tables": lambda: [b"agent,cell\n1,0\n2,1\n\x00day,a,b,channel,weight\n0,1,2,near,3\n"],
    "frames": lambda: [b"lpmmpc1h" + bytes(66), b"lpmmpc1s" + bytes(72), b"lpmmpc1r" + bytes(24)],
    "servicer": _servicer,
}
