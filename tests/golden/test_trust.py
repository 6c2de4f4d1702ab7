"""Manifests, signatures, invitations and consents, byte for byte: what others signed must stay what it was.

Source: JSON written by hand, keys in the order of the fields (mappings in order of their keys), no spaces, bytes in
base64, times in UTC; signatures by Ed25519 (RFC 8032, which has no randomness) of the statement written out below.
"""

import base64
import datetime
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client_sdk.consent import Consent
from lpm_secure.config.model import TableIntegers, graph_of
from protocols import canonical_json
from protocols.identity import enrolment, signing
from protocols.identity.signing import SignaturePurpose
from protocols.identity.trust import PartyKeys, Trust
from protocols.task import manifest as manifests
from protocols.task import signature
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import AggregatorParty, ClientParty

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = signing.public_of(KEY)
TIME = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
YEAR = datetime.timedelta(days=365)
MODEL = graph_of(TableIntegers(beta=(5,), cell_beta=0, latent=(2**32,), infectious=(2**32,), initial=7, f=40))


def b64(content):
    return base64.b64encode(content).decode()


def keys(place):
    filled = bytes([place])
    return PartyKeys(operator=f"op-{place}", identity=filled * 32, sealing=filled * 1216, certificate=filled * 32)


def keys_text(place):
    filled = bytes([place])
    return (
        f'{{"operator":"op-{place}","identity":"{b64(filled * 32)}","sealing":"{b64(filled * 1216)}",'
        f'"certificate":"{b64(filled * 32)}"}}'
    )


TRUST = Trust(operator="ministry", not_before=TIME, not_after=TIME + YEAR, keys={"b": keys(2), "a": keys(1)})
TRUST_TEXT = (
    '{"operator":"ministry","collusion_bound":1,"not_before":"2026-01-02T03:04:05Z",'
    f'"not_after":"2027-01-02T03:04:05Z","keys":{{"a":{keys_text(1)},"b":{keys_text(2)}}},"identities":{{}}}}'
)
MANIFEST = SimulationManifest(
    name="golden",
    model=MODEL,
    model_hash=MODEL.digest,
    steps=3,
    channels=("near",),
    max_message=4,
    mode="sum",
    aggregators=(AggregatorParty("a", "localhost:1"), AggregatorParty("b", "localhost:2")),
    clients=(ClientParty("hospital", (1, 2)),),
    min_cohort=1,
    trust=TRUST,
)
SIGNATURE = signature.sign(MANIFEST, KEY)
TERMS = enrolment.Terms(name="hospital", not_after=TIME, secret=bytes(range(16)), operator_key=PUBLIC)
TERMS_TEXT = (
    f'{{"version":1,"name":"hospital","not_after":"2026-01-02T03:04:05Z","secret":"{b64(bytes(range(16)))}",'
    f'"operator_key":"{b64(PUBLIC)}"}}'
)
INVITED = signing.sign(KEY, SignaturePurpose.INVITATION, TERMS_TEXT.encode())
CONSENT = Consent(
    client="hospital",
    number=1,
    previous=bytes(32),
    run=bytes(range(32)),
    policy=bytes(32),
    rho=None,
    given=TIME,
    identity=PUBLIC,
    signature=bytes(64),
)
CONSENT_TEXT = (
    f'{{"version":2,"client":"hospital","number":1,"previous":"{b64(bytes(32))}","run":"{b64(bytes(range(32)))}",'
    f'"policy":"{b64(bytes(32))}","rho":null,"given":"2026-01-02T03:04:05Z","identity":"{b64(PUBLIC)}","signature":"{b64(bytes(64))}"}}'
)
FROZEN = [
    (TRUST, TRUST_TEXT),
    (
        SIGNATURE,
        f'{{"version":1,"operator":"ministry","run":"{b64(manifests.run_id(MANIFEST))}",'
        f'"signature":"{b64(SIGNATURE.signature)}"}}',
    ),
    (TERMS, TERMS_TEXT),
    (
        enrolment.Invitation(terms=TERMS, signature=INVITED),
        f'{{"terms":{TERMS_TEXT},"signature":"{b64(INVITED)}"}}',
    ),
    (CONSENT, CONSENT_TEXT),
]


@pytest.mark.parametrize(("value", "text"), FROZEN, ids=lambda each: type(each).__name__)
def test_a_canonical_file_is_written_and_read_as_ever(value, text):
    assert canonical_json.encode(value).decode() == text
    assert canonical_json.decode(text.encode(), type(value), what="file") == value


def test_trust_stands_in_the_manifest_as_ever():
    assert f'"trust":{TRUST_TEXT}'.encode() in manifests.encode(MANIFEST)
    assert hashlib.sha256(manifests.encode(MANIFEST)).digest() == manifests.run_id(MANIFEST)


@pytest.mark.parametrize("purpose", SignaturePurpose, ids=lambda each: each.name)
def test_a_statement_is_signed_as_ever(purpose):
    said = {
        SignaturePurpose.MANIFEST: b"lpm-secure 1 manifest\x00content",
        SignaturePurpose.COUNTERSIGNATURE: b"lpm-secure 1 countersignature\x00content",
        SignaturePurpose.INVITATION: b"lpm-secure 1 invitation\x00content",
        SignaturePurpose.ENROLMENT: b"lpm-secure 1 enrolment\x00content",
        SignaturePurpose.CONSENT: b"lpm-secure 1 consent\x00content",
        SignaturePurpose.LEDGER: b"lpm-secure 1 ledger\x00content",
        SignaturePurpose.INDEX: b"lpm-secure 1 index\x00content",
        SignaturePurpose.MESSAGE: b"lpm-secure 1 message\x00content",
    }
    assert signing.sign(KEY, purpose, b"content") == KEY.sign(said[purpose])


def test_a_manifest_is_signed_over_its_id():
    assert SIGNATURE.signature == KEY.sign(b"lpm-secure 1 manifest\x00" + manifests.run_id(MANIFEST))


def test_the_mark_of_an_invitation_is_the_hash_of_its_terms():
    assert enrolment.Invitation(terms=TERMS, signature=INVITED).mark == hashlib.sha256(TERMS_TEXT.encode()).hexdigest()
