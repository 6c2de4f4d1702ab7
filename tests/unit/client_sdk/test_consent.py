"""A client's consents: signed, one after the other, and paid for from one budget over all runs."""

import datetime
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk import consent
from lpm_secure.testbed.keys import permissive, pin_keys
from protocols import canonical_json
from protocols.errors import BadSignature, ParameterError, PolicyConflict
from protocols.identity import signing
from protocols.releases.query import Release, Releases
from protocols.task import manifest as manifests
from protocols.task import policy as policies

KEY = signing.new_key()


@pytest.fixture
def noised_of(manifest_of):
    """Return a function that makes a manifest that costs an epsilon of some 0.36 at a delta of 1e-5."""
    rule = {"mechanism": "discrete-gaussian", "sigma": 12.0, "unit": "contribution", "epsilon": 0.01, "delta": 1e-6}
    releases = Releases(each=(Release(name="incidence", **rule),), rho=1.0)

    def made(name):
        return pin_keys(manifest_of(mode="outcome", min_cohort=2, releases=releases, name=name))[0]

    return made


@pytest.fixture
def owners_of(tmp_path):
    """Return a function that writes a policy for a manifest, with an epsilon of 0.4 and further lines."""

    def made(manifest, more=""):
        text = permissive(manifest).replace("max_epsilon = inf", "max_epsilon = 0.4")
        lines = [line for line in text.splitlines() if not line.startswith("total_epsilon")]
        path = tmp_path / "policy.toml"
        path.write_text("\n".join([more, *lines]))
        return policies.load_policy(path)

    return made


def _give(folder, manifest, owners, client="client-0"):
    return consent.give(folder, manifest, owners, client=client, identity=KEY)


def test_a_run_that_the_policy_allows_is_consented_to_with_a_signature_and_once(noised_of, owners_of, tmp_path):
    manifest = noised_of("one")
    owners = owners_of(manifest)
    first = _give(tmp_path, manifest, owners)
    (path,) = tmp_path.glob("consent-*.json")
    assert path.stat().st_mode & 0o777 == 0o600
    assert consent.load(path) == first
    assert (first.run, first.policy) == (manifests.run_id(manifest), owners.digest)
    assert first.identity == signing.public_of(KEY)
    assert _give(tmp_path, manifest, owners) == first  # a client that starts again pays once
    assert consent.history(tmp_path) == [first]


def test_runs_over_the_same_people_share_one_budget(noised_of, owners_of, tmp_path):
    """Fifty manifests, each of which a policy allows, told of the same people what none of them may."""
    one, two = noised_of("one"), noised_of("two")
    _give(tmp_path, one, owners_of(one))
    with pytest.raises(PolicyConflict, match=r"all runs of this client may spend an epsilon of 0\.4 together"):
        _give(tmp_path, two, owners_of(two))
    assert len(consent.history(tmp_path)) == 1
    _give(tmp_path, one, owners_of(one))  # a run that is paid for goes on
    _give(tmp_path, two, owners_of(two, "total_epsilon = 0.55"))
    with pytest.raises(PolicyConflict, match=r"policy\.toml:1: all runs of this client may spend an epsilon of 0\.55"):
        _give(tmp_path, noised_of("three"), owners_of(two, "total_epsilon = 0.55"))
    assert [each.number for each in consent.history(tmp_path)] == [1, 2]


def test_the_same_people_do_not_take_part_in_one_run_twice_at_the_price_of_once(noised_of, owners_of, tmp_path):
    """An operator who enrols two kits of them would hear each of them twice, under noise for one contribution."""
    one = noised_of("one")
    _give(tmp_path, one, owners_of(one))
    with pytest.raises(PolicyConflict, match="client-0 takes part in this run with the consents of"):
        _give(tmp_path, one, owners_of(one), client="client-1")
    assert len(consent.history(tmp_path)) == 1


def test_after_exact_releases_no_epsilon_bounds_what_all_runs_told(manifest_of, noised_of, owners_of, tmp_path):
    exact = pin_keys(manifest_of(mode="outcome", cells=(5,), min_cohort=2))[0]
    path = tmp_path / "all.toml"
    path.write_text(permissive(exact))
    assert _give(tmp_path, exact, policies.load_policy(path)).rho is None
    with pytest.raises(PolicyConflict, match=r"an epsilon of 0\.4 together, and with this one it is inf"):
        _give(tmp_path, noised_of("one"), owners_of(noised_of("one")))


def test_a_consent_that_is_gone_or_out_of_its_place_is_missed(noised_of, owners_of, tmp_path):
    for name in ("one", "two", "three"):
        _give(tmp_path, noised_of(name), owners_of(noised_of(name), "total_epsilon = 9.0"))
    first, second, third = (tmp_path / f"consent-{number}.json" for number in (1, 2, 3))
    content = second.read_bytes()
    second.unlink()
    with pytest.raises(PolicyConflict, match=r"consent-2\.json is missing beside consent-3\.json"):
        consent.history(tmp_path)
    second.write_bytes(first.read_bytes())
    with pytest.raises(PolicyConflict, match=r"consent-2\.json does not follow"):
        consent.history(tmp_path)
    second.write_bytes(content)
    assert len(consent.history(tmp_path)) == 3
    third.rename(tmp_path / "consent-4a1b.json")
    with pytest.raises(PolicyConflict, match=r"consent-3\.json is missing beside consent-4a1b\.json"):
        consent.history(tmp_path)


def test_those_who_consent_at_once_do_not_overspend(noised_of, owners_of, tmp_path):
    runs = [noised_of(f"run-{number}") for number in range(8)]
    owners, barrier = owners_of(runs[0]), threading.Barrier(8)

    def take_part(manifest):
        barrier.wait()
        try:
            return _give(tmp_path, manifest, owners).number
        except PolicyConflict:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(take_part, runs)) == [0] * 7 + [1]


UNSIGNED = consent.Consent(
    client="client-0",
    number=2,
    previous=bytes(32),
    run=bytes(range(32)),
    policy=bytes(32),
    rho=0.5,
    given=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
    identity=signing.public_of(KEY),
    signature=bytes(64),
)
CONSENT = msgspec.structs.replace(
    UNSIGNED, signature=signing.sign(KEY, signing.SignaturePurpose.CONSENT, canonical_json.encode(UNSIGNED))
)


@given(field=st.sampled_from([name for name in CONSENT.__struct_fields__ if name != "version"]))
def test_a_consent_with_any_field_changed_is_refused(field):
    other = {
        "client": "client-1",
        "number": 1,
        "previous": bytes(range(32)),
        "run": bytes(32),
        "policy": bytes(range(32)),
        "rho": None,
        "given": CONSENT.given + datetime.timedelta(seconds=1),
        "identity": signing.public_of(signing.new_key()),
        "signature": bytes(64),
    }
    with pytest.raises(BadSignature):
        msgspec.structs.replace(CONSENT, **{field: other[field]}).check()


def test_a_consent_whose_file_was_changed_is_refused(tmp_path):
    CONSENT.check()
    path = tmp_path / "consent-1.json"
    path.write_bytes(canonical_json.encode(CONSENT).replace(b"client-0", b"client-1"))
    with pytest.raises(BadSignature):
        consent.load(path)
    path.write_bytes(canonical_json.encode(CONSENT) + b"\n")
    with pytest.raises(ParameterError, match="canonical"):
        consent.load(path)
    path.write_bytes(re.sub(rb'"version":2', b'"version":1', canonical_json.encode(CONSENT)))
    with pytest.raises(ParameterError, match="version"):
        consent.load(path)
