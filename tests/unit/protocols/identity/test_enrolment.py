"""Enrolment: an invitation is used once, keys stay where they are made, and nothing forged is signed."""

import base64
import datetime
import threading

import msgspec
import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from client_sdk import certificate_request as client
from protocols import canonical_json
from protocols.errors import BadSignature, NotEnrolled, ParameterError
from protocols.identity import certificates, enrolment, signing

AUTHORITY = certificates.new_authority("a run")
OPERATOR = signing.new_key()
DAY = datetime.timedelta(days=1)


@pytest.fixture
def invited(tmp_path):
    """Return a function that invites a client and returns the invitation's file."""

    def made(name="hospital", key=OPERATOR, days=14.0):
        path = tmp_path / f"{name}.invitation"
        path.write_bytes(canonical_json.encode(enrolment.invite(tmp_path / "operator", key, name, days=days)))
        return path

    return made


def admitted(tmp_path, request, **more):
    given = request if isinstance(request, enrolment.Request) else enrolment.load_request(request)
    key = signing.public_of(OPERATOR)
    return enrolment.enrol(tmp_path / "operator", AUTHORITY, given, operator_key=key, days=90, **more)


def test_a_client_is_enrolled_with_keys_that_never_leave_it(invited, tmp_path):
    folder = tmp_path / "hospital"
    request = client.request(invited(), folder)
    answer = tmp_path / "hospital.enrolled"
    answer.write_bytes(canonical_json.encode(admitted(tmp_path, request)))
    pinned = client.accept(answer, folder)
    assert pinned == signing.public_of(OPERATOR)
    credentials = certificates.read(folder)
    assert certificates.name_of(credentials.certificate) == "hospital"
    x509.load_pem_x509_certificate(credentials.certificate).verify_directly_issued_by(AUTHORITY.certificate)
    secrets = [(folder / name).read_bytes() for name in ("private.key", "identity.key")]
    for name in ("private.key", "identity.key"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    for path in (*(tmp_path / "operator").rglob("*"), request, answer):
        content = path.read_bytes() if path.is_file() else b""
        assert all(secret.splitlines()[1] not in content for secret in secrets)


@pytest.mark.parametrize("name", ["engine", "dealer", "aggregator-0"])
def test_nobody_is_enrolled_under_the_name_of_a_role(invited, tmp_path, name, monkeypatch):
    with pytest.raises(ParameterError, match=f"a client cannot be named {name}"):
        invited(name)
    with monkeypatch.context() as patch:  # as an operator of an earlier version, or one that lies, invited
        patch.setattr(enrolment, "require_client", lambda name: name)
        request = client.request(invited(name), tmp_path / "client")
    with pytest.raises(ParameterError, match=f"a client cannot be named {name}"):
        admitted(tmp_path, request)


def test_an_invitation_is_used_once_even_by_many_at_the_same_time(invited, tmp_path):
    path = invited()
    requests = [enrolment.load_request(client.request(path, tmp_path / f"copy-{i}")) for i in range(8)]
    ended = []

    def one(request):
        try:
            ended.append(admitted(tmp_path, request))
        except NotEnrolled as error:
            ended.append(error)

    threads = [threading.Thread(target=one, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [each for each in ended if isinstance(each, NotEnrolled)]
    assert len(ended) - len(refused) == 1
    assert all("was used already" in str(each) for each in refused)


def test_the_operator_keeps_a_hash_and_not_the_invitation(invited, tmp_path):
    given = enrolment.load_invitation(invited())
    kept = list((tmp_path / "operator").rglob("*"))
    text = " ".join(path.name + (path.read_text() if path.is_file() else "") for path in kept)
    secret = given.terms.secret
    assert given.mark in text
    assert secret.hex() not in text
    assert base64.b64encode(secret).decode() not in text
    assert secret.hex() not in repr(given)
    assert str(secret)[2:10] not in repr(given.terms)


def test_an_invitation_of_another_operator_or_time_is_refused(invited, tmp_path):
    other = client.request(invited("school", key=signing.new_key()), tmp_path / "school")
    with pytest.raises(BadSignature, match="of another operator"):
        admitted(tmp_path, other)
    mine = client.request(invited(), tmp_path / "hospital")
    with pytest.raises(BadSignature, match="the invitation expired"):
        admitted(tmp_path, mine, now=datetime.datetime.now(datetime.UTC) + 15 * DAY)
    admitted(tmp_path, mine)  # what was refused has not used it up
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(NotEnrolled, match="not made here"):
        enrolment.enrol(
            tmp_path / "elsewhere",
            AUTHORITY,
            enrolment.load_request(mine),
            operator_key=signing.public_of(OPERATOR),
            days=1,
        )


@given(st.data())
def test_any_change_of_a_request_is_refused(data):
    field, change = data.draw(
        st.sampled_from(
            [
                ("identity", signing.public_of(signing.new_key())),
                ("certificate", certificates.new_request("hospital")[1].decode()),
                ("signature", bytes(64)),
                ("invitation", OTHER),
            ]
        )
    )
    forged = msgspec.structs.replace(REQUEST, **{field: change})
    with pytest.raises(BadSignature):
        forged.check(operator_key=signing.public_of(OPERATOR))


def signed_terms(name):
    terms = enrolment.Terms(
        name=name,
        not_after=datetime.datetime.now(datetime.UTC).replace(microsecond=0) + DAY,
        secret=bytes(16),
        operator_key=signing.public_of(OPERATOR),
    )
    signature = signing.sign(OPERATOR, signing.SignaturePurpose.INVITATION, canonical_json.encode(terms))
    return enrolment.Invitation(terms=terms, signature=signature)


INVITATION, OTHER = signed_terms("hospital"), signed_terms("school")
REQUEST = enrolment.Request.of(INVITATION, certificates.new_request("hospital")[1], signing.new_key())


@pytest.mark.parametrize("field", ["name", "secret", "not_after"])
def test_terms_that_were_changed_are_no_invitation(field):
    value = {"name": "school", "secret": bytes(range(16)), "not_after": INVITATION.terms.not_after + DAY}[field]
    forged = msgspec.structs.replace(INVITATION, terms=msgspec.structs.replace(INVITATION.terms, **{field: value}))
    with pytest.raises(BadSignature):
        forged.check()


def test_a_request_under_another_name_than_the_invitations_is_not_signed(invited, tmp_path):
    given = enrolment.load_invitation(invited())
    _, wanted = certificates.new_request("aggregator-0")
    request = enrolment.Request.of(given, wanted, signing.new_key())
    with pytest.raises(ParameterError, match="the request is for aggregator-0; it must be for hospital alone"):
        admitted(tmp_path, request)
    admitted(tmp_path, client.request(invited(), tmp_path / "hospital"))


def test_an_answer_to_another_request_is_not_taken(invited, tmp_path):
    first = admitted(tmp_path, client.request(invited(), tmp_path / "one"))
    client.request(invited(), tmp_path / "other")
    answer = tmp_path / "answer"
    answer.write_bytes(canonical_json.encode(first))
    with pytest.raises(ParameterError, match="is not the answer to"):
        client.accept(answer, tmp_path / "other")
    assert not (tmp_path / "other" / "certificate.pem").exists()


def test_keys_are_not_made_over_others(invited, tmp_path):
    client.request(invited(), tmp_path / "hospital")
    before = (tmp_path / "hospital" / "private.key").read_bytes()
    with pytest.raises(ParameterError, match="holds keys already"):
        client.request(invited(), tmp_path / "hospital")
    assert (tmp_path / "hospital" / "private.key").read_bytes() == before


@pytest.mark.parametrize("name", ["", "Hospital", "../x", "a" * 64, "a b"])
def test_a_name_that_no_manifest_takes_is_not_invited(tmp_path, name):
    with pytest.raises(ParameterError):
        enrolment.invite(tmp_path, OPERATOR, name, days=1)


def test_a_certificate_says_so_in_its_last_week():
    certificate = AUTHORITY.issue("a", days=30).certificate
    end = certificates.expiry(certificate)
    assert certificates.expires_soon(certificate, now=end - 8 * DAY) is None
    assert "expires in 6 days" in certificates.expires_soon(certificate, now=end - 6.5 * DAY)
    assert "has expired" in certificates.expires_soon(certificate, now=end + DAY)
