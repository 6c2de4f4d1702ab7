"""A manifest and its signature: who answers for a run, until when, and with which keys."""

import datetime
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpm_secure.testbed.keys import pin_keys
from protocols import canonical_json
from protocols.errors import BadSignature, ParameterError
from protocols.identity import certificates, signing
from protocols.identity.sealing_key import SealingKey
from protocols.identity.server_keys import server_keys
from protocols.identity.trust import PartyKeys, Trust
from protocols.task import manifest as manifests
from protocols.task import signature as signatures
from protocols.task.signature import trust_of

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def signed(manifest_of):
    """Return a manifest with pinned keys, the keys, and its signature."""
    manifest, keys = pin_keys(manifest_of(mode="outcome"))
    return manifest, keys, signatures.sign(manifest, keys.operator)


def key_of(keys):
    return signing.public_of(keys.operator)


def changed(manifest, **changes):
    return msgspec.structs.replace(manifest, trust=msgspec.structs.replace(manifest.trust, **changes))


def test_what_the_operator_signed_is_taken(signed, tmp_path):
    manifest, keys, signature = signed
    signatures.verify(manifest, signature, operator_key=key_of(keys))
    path = tmp_path / "manifest.json"
    path.write_bytes(manifests.encode(manifest))
    with pytest.raises(ParameterError, match=r"cannot read the manifest signature .*manifest\.sig"):
        signatures.load_verified(path, operator_key=key_of(keys))
    path.with_suffix(".sig").write_bytes(canonical_json.encode(signature))
    assert signatures.load_verified(path, operator_key=key_of(keys)) == manifest


def test_nothing_is_decoded_that_its_operator_did_not_sign(signed, tmp_path, monkeypatch):
    manifest, keys, signature = signed
    path, decoded = tmp_path / "manifest.json", []
    monkeypatch.setattr(manifests, "decode", lambda content, **more: decoded.append(content))
    path.with_suffix(".sig").write_bytes(canonical_json.encode(signature))
    path.write_bytes(manifests.encode(manifest)[:-1] + b" ")
    with pytest.raises(BadSignature, match="of another manifest"):
        signatures.load_verified(path, operator_key=key_of(keys))
    path.write_bytes(manifests.encode(manifest))
    with pytest.raises(BadSignature, match="was not made over it with the key"):
        signatures.load_verified(path, operator_key=signing.public_of(signing.new_key()))
    assert decoded == []


@pytest.fixture
def countersigned(signed, tmp_path):
    """Return the file of a manifest that the operators of all servers have signed."""
    manifest, keys, _ = signed
    path = tmp_path / "manifest.json"
    for each in keys.servers.values():
        made = signatures.countersign(manifest, each.identity)
        signatures.countersignature_path(path, made.server).write_bytes(canonical_json.encode(made))
    return path


def test_every_servers_operator_signs_for_its_own_server(signed, countersigned):
    manifest = signed[0]
    names = sorted(path.name for path in countersigned.parent.iterdir())
    assert names == [f"manifest.{server}.sig" for server in sorted(manifest.trust.keys)]
    signatures.require_countersigned(countersigned, manifest)
    with pytest.raises(ParameterError, match=r"pins the key of no server .* aggregator-0, aggregator-1, dealer: give"):
        signatures.countersign(manifest, signing.new_key())


def test_a_server_that_has_not_signed_or_signed_something_else_is_named(signed, countersigned):
    manifest = signed[0]
    with pytest.raises(BadSignature, match=r"aggregator-0\.sig is of another manifest or server"):
        signatures.require_countersigned(countersigned, changed(manifest, operator="other"))
    one, other = (signatures.countersignature_path(countersigned, name) for name in ("aggregator-0", "aggregator-1"))
    whole = one.read_bytes()
    one.write_bytes(other.read_bytes())
    with pytest.raises(BadSignature, match=r"aggregator-0\.sig is of another manifest or server"):
        signatures.require_countersigned(countersigned, manifest)
    one.write_bytes(other.read_bytes().replace(b"aggregator-1", b"aggregator-0"))
    with pytest.raises(BadSignature, match="the signature of this countersignature was not made"):
        signatures.require_countersigned(countersigned, manifest)
    one.write_bytes(whole)
    other.unlink()
    with pytest.raises(ParameterError, match=r"cannot read the countersignature .*aggregator-1\.sig"):
        signatures.require_countersigned(countersigned, manifest)


def test_another_manifest_key_or_signer_is_refused(signed):
    manifest, keys, signature = signed
    with pytest.raises(BadSignature, match="of another manifest"):
        signatures.verify(msgspec.structs.replace(manifest, steps=5), signature, operator_key=key_of(keys))
    with pytest.raises(BadSignature, match="was not made over it with the key"):
        signatures.verify(manifest, signature, operator_key=signing.public_of(signing.new_key()))
    renamed = msgspec.structs.replace(signature, operator="somebody")
    with pytest.raises(BadSignature, match="signed by somebody, but the manifest is of testbed"):
        signatures.verify(manifest, renamed, operator_key=key_of(keys))


@given(bit=st.integers(0, 64 * 8 - 1))
def test_a_signature_with_any_bit_flipped_is_refused(signed, bit):
    manifest, keys, signature = signed
    flipped = bytearray(signature.signature)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature):
        signatures.verify(
            manifest, msgspec.structs.replace(signature, signature=bytes(flipped)), operator_key=key_of(keys)
        )


def test_a_manifest_is_refused_before_its_time_and_after_it(signed):
    manifest, keys, signature = signed
    for now, said in (
        (manifest.trust.not_before - DAY, "valid from"),
        (manifest.trust.not_after, "expired at"),
    ):
        with pytest.raises(BadSignature, match=said):
            signatures.verify(manifest, signature, operator_key=key_of(keys), now=now)


def test_a_manifest_without_keys_is_signed_by_nobody(manifest_of):
    with pytest.raises(ParameterError, match="pins no keys"):
        signatures.sign(manifest_of(), signing.new_key())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: {"collusion_bound": 2}, "collusion_bound is 2, but 2 aggregators together can read everything"),
        (lambda m: {"keys": {}}, "trust.keys has keys of nobody"),
        (lambda m: {"keys": {**m.trust.keys, "x": m.trust.keys["dealer"]}}, "same operator"),
        (lambda m: {"not_after": m.trust.not_before}, "before it begins"),
        (lambda m: {"not_after": m.trust.not_after.replace(microsecond=1)}, "UTC and whole seconds"),
        (lambda m: {"not_after": m.trust.not_after.astimezone(datetime.timezone(DAY / 24))}, "UTC and whole seconds"),
        (lambda m: {"keys": other(m, "aggregator-0", operator="operator-of-dealer")}, "same operator"),
        (lambda m: {"keys": other(m, "aggregator-0", sealing=None)}, "aggregator-0: every aggregator has a sealing"),
        (lambda m: {"keys": other(m, "aggregator-0", identity=m.trust.keys["dealer"].identity)}, "same identity key"),
    ],
    ids=["bound", "none", "surplus", "ends first", "fraction", "zone", "operator", "sealing", "identity"],
)
def test_what_contradicts_the_parties_is_refused(signed, change, said):
    manifest = signed[0]
    with pytest.raises(ParameterError, match=re.escape(said)):
        changed(manifest, **change(manifest))


def other(manifest, name, **changes):
    """Return the pinned keys with those of one party changed."""
    return {**manifest.trust.keys, name: msgspec.structs.replace(manifest.trust.keys[name], **changes)}


def test_trust_is_part_of_the_id_and_of_the_canonical_bytes(signed):
    manifest = signed[0]
    later = changed(manifest, not_after=manifest.trust.not_after + DAY)
    assert manifests.run_id(later) != manifests.run_id(manifest)
    content = manifests.encode(manifest)
    assert manifests.decode(content) == manifest
    with pytest.raises(ParameterError, match="canonical form"):
        manifests.decode(re.sub(rb'(\d)Z"', rb'\1+00:00"', content))


def test_a_server_refuses_a_manifest_that_pins_other_keys(signed, tmp_path):
    manifest, keys, _ = signed
    certificates.write(tmp_path, keys.credentials["aggregator-0"])
    keys.servers["aggregator-0"].write(tmp_path)
    assert (
        server_keys(tmp_path, trust_of(manifest).keys, "aggregator-0").sealing.public
        == keys.servers["aggregator-0"].sealing.public
    )
    for name in ("aggregator-1", "dealer"):
        with pytest.raises(ParameterError, match="not those that the manifest pins"):
            server_keys(tmp_path, trust_of(manifest).keys, name)
    certificates.write(tmp_path, keys.authority.issue("aggregator-0"))  # a new TLS key under the same name
    with pytest.raises(ParameterError, match="not those that the manifest pins"):
        server_keys(tmp_path, trust_of(manifest).keys, "aggregator-0")


def test_public_keys_of_wrong_lengths_are_refused(signed):
    content = canonical_json.encode(signed[0].trust)
    kinds = {"identity": PartyKeys, "trust": Trust}
    assert canonical_json.decode(content, kinds["trust"], what="trust") == signed[0].trust
    short = content.replace(b'"certificate":"', b'"certificate":"AAAA')
    with pytest.raises(ParameterError, match="cannot read the trust"):
        canonical_json.decode(short, Trust, what="trust")
    with pytest.raises(ParameterError, match="a sealing key of 3 bytes"):
        SealingKey.of(b"abc")
