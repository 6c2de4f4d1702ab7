"""Certificates: who signs whom, and who may read a key."""

import datetime
import os
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocols.errors import ParameterError
from protocols.identity import certificates

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def authority():
    return certificates.new_authority("a run")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def parsed(credentials):
    return x509.load_pem_x509_certificate(credentials.certificate)


def test_a_certificate_names_its_party_and_is_signed_by_the_authority(authority):
    certificate = parsed(authority.issue("client-1"))
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "client-1"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["client-1"]
    certificate.verify_directly_issued_by(authority.certificate)


def test_a_certificate_of_another_authority_does_not_verify(authority):
    other = certificates.new_authority("a run").issue("client-1")
    with pytest.raises(Exception, match=r"^$"):
        parsed(other).verify_directly_issued_by(authority.certificate)


def test_only_the_authority_may_sign(authority):
    def constraints(certificate):
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints)

    assert constraints(authority.certificate).value == x509.BasicConstraints(ca=True, path_length=0)
    own = constraints(parsed(authority.issue("client-1")))
    assert own.critical
    assert not own.value.ca


def test_a_party_both_calls_and_answers(authority):
    usage = parsed(authority.issue("client-1")).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}


def test_a_certificate_is_valid_for_as_long_as_was_asked(authority):
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = parsed(authority.issue("client-1", days=2, now=now))
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (now, now + 2 * DAY)


def test_a_key_belongs_to_its_certificate_and_to_no_other(authority):
    def public(key):
        return key.public_numbers()

    one, other = authority.issue("client-1"), authority.issue("client-1")
    own = serialization.load_pem_private_key(one.private_key, None).public_key()
    assert public(own) == public(parsed(one).public_key())
    assert public(own) != public(parsed(other).public_key())


def test_credentials_are_read_back_and_the_key_has_mode_0600(authority, tmp_path):
    credentials = authority.issue("client-1")
    certificates.write(tmp_path / "new" / "folder", credentials)
    assert certificates.read(tmp_path / "new" / "folder") == credentials
    assert mode(tmp_path / "new" / "folder" / "private.key") == 0o600


def test_a_key_that_was_open_to_others_is_closed_when_it_is_written_again(authority, tmp_path):
    key = tmp_path / "private.key"
    key.write_bytes(b"old")
    key.chmod(0o644)
    certificates.write(tmp_path, authority.issue("client-1"))
    assert mode(key) == 0o600


def test_a_key_is_never_open_to_others_whatever_the_umask(authority, tmp_path):
    before = os.umask(0)
    try:
        certificates.write(tmp_path, authority.issue("client-1"))
    finally:
        os.umask(before)
    assert mode(tmp_path / "private.key") == 0o600


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o660, 0o601, 0o777])
def test_a_key_that_others_may_read_is_refused(authority, tmp_path, open_to):
    certificates.write(tmp_path, authority.issue("client-1"))
    key = tmp_path / "private.key"
    key.chmod(open_to)
    with pytest.raises(ParameterError, match=f"has mode {open_to:o}: only its owner may read it; chmod 600 {key}"):
        certificates.read(tmp_path)


def test_an_owner_who_only_reads_is_fine(authority, tmp_path):
    certificates.write(tmp_path, authority.issue("client-1"))
    (tmp_path / "private.key").chmod(0o400)
    assert certificates.read(tmp_path).private_key


@pytest.mark.parametrize("name", ["authority.pem", "certificate.pem", "private.key"])
def test_a_missing_file_says_how_to_make_it(authority, tmp_path, name):
    certificates.write(tmp_path, authority.issue("client-1"))
    (tmp_path / name).unlink()
    with pytest.raises(
        ParameterError, match=rf"^cannot read .*{name}: No such file or directory; make it with lpm keys$"
    ):
        certificates.read(tmp_path)


def test_an_authority_is_read_back_and_its_key_has_mode_0600(authority, tmp_path):
    certificates.write_authority(tmp_path, authority)
    again = certificates.read_authority(tmp_path)
    assert again.certificate == authority.certificate
    parsed(again.issue("client-1")).verify_directly_issued_by(authority.certificate)
    assert mode(tmp_path / "authority.key") == 0o600


def test_credentials_and_authority_print_no_key(authority):
    credentials = authority.issue("client-1")
    body = credentials.private_key.splitlines()[1].decode()
    assert body not in repr(credentials)
    assert "PRIVATE" not in repr(credentials) + repr(authority)
    assert "private_key" not in repr(credentials) + repr(authority)
