"""What is wrong with a kit is said in a line each, and nothing is said of one that can start."""

import contextlib
import datetime
import shutil
import socket
import ssl
import subprocess
import sys
import threading

import pytest

from client_sdk import kit as client_kit
from protocols import canonical_json
from protocols.errors import ConfigError
from protocols.identity import certificates
from protocols.identity.enrolment import EnrolmentReply
from protocols.kit import doctor
from tests.examined_kits import examined, replace_certificate

LATER = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)
EARLIER = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize("name", ["st-anne", "agg-a", "dealer-c"])
def test_nothing_is_said_of_a_kit_that_can_start(kit, name):
    assert examined(kit(name)) == []


def spoil_certificate(kit):
    (kit.credentials / "certificate.pem").write_text("-----BEGIN CERTIFICATE-----")


def spoil_key(kit):
    (kit.credentials / "private.key").write_text("none")


def change_key(kit):
    private, _ = certificates.new_request("st-anne")
    (kit.credentials / "private.key").write_bytes(private)


def open_key(kit):
    (kit.credentials / "identity.key").chmod(0o644)


def open_table(kit):
    (kit.folder / "people.csv").chmod(0o640)


def open_folder(kit):
    kit.folder.chmod(0o777)


def lose_manifest(kit):
    (kit.folder / "manifest.json").unlink()


def change_manifest(kit):
    (kit.folder / "manifest.json").write_text("{}")


MISTAKES = {
    "a key that others may read": (open_key, "identity.key has mode 644, and others may read it; chmod 600"),
    "a table that others may read": (open_table, "people.csv has mode 640, and others may read it; chmod 600"),
    "a folder that others may change": (open_folder, "can be changed by others than its owner; chmod 700"),
    "no manifest": (lose_manifest, "manifest.json is not there; put it and"),
    "a changed manifest": (change_manifest, "the signature is of another manifest"),
    "a certificate that is none": (spoil_certificate, "certificate.pem is no certificate"),
    "a private key that is none": (spoil_key, "private.key holds no P-256 key"),
    "another key": (change_key, "the certificate is not for the keys in"),
    "another name": (lambda kit: replace_certificate(kit, name="x"), "the certificate is for x, and the kit of st-an"),
    "another authority": (lambda kit: replace_certificate(kit, foreign=True), "not issued by authority.pem beside it"),
    "an expired certificate": (lambda kit: replace_certificate(kit, now=EARLIER), "the certificate expired at 2001-"),
}


@pytest.mark.parametrize(("spoil", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_on_the_own_machine_is_one_line(kit, spoil, said):
    own = kit("st-anne")
    spoil(own)
    (line,) = examined(own)
    assert said in line


def test_a_clock_that_is_behind_is_said_and_one_that_is_ahead_has_expired_certificates(kit):
    own = kit("st-anne")
    assert "the clock says 2001-01-01" in examined(own, now=EARLIER)[0]
    assert "set the clock" in examined(own, now=EARLIER)[0]
    assert "the certificate expired" in examined(own, now=LATER)[0]


def test_a_kit_without_keys_and_one_without_an_answer_say_what_comes_next(kit):
    own = kit("st-anne")
    (own.credentials / "certificate.pem").unlink()
    own.answer.unlink()
    assert "hand st-anne.request to winter's operator" in examined(own)[0]
    shutil.rmtree(own.credentials)
    assert "has no keys yet; make them with: lpm enrol" in examined(own)[0]


def test_an_answer_for_other_keys_is_refused(kit):
    own, other = kit("st-anne"), kit("st-john")
    (own.credentials / "certificate.pem").unlink()
    shutil.copyfile(other.answer, own.answer)
    assert "is not for the keys in" in examined(own)[0]


def test_an_answer_for_the_right_name_and_another_key_is_refused(kit, made):
    own = kit("st-anne")
    (own.credentials / "certificate.pem").unlink()
    authority = certificates.read_authority(made / "operator")
    other = authority.issue("st-anne")
    reply = EnrolmentReply(name="st-anne", authority=other.authority.decode(), certificate=other.certificate.decode())
    own.answer.write_bytes(canonical_json.encode(reply))
    assert "is not for the keys in" in examined(own)[0]
    assert not (own.credentials / "certificate.pem").exists()


def context_of(kit, credentials):
    """Return what a server of these credentials listens with."""
    folder = kit.folder.parent / "served"
    certificates.write(folder, credentials)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "private.key")
    context.load_verify_locations(folder / "authority.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextlib.contextmanager
def serving(address, context):
    """Serve TLS, or without a context nothing but silence, on a manifest's address."""
    host, port = address.split(":")

    def answer(server):
        with contextlib.suppress(OSError):
            while True:
                plain, _ = server.accept()
                with contextlib.suppress(OSError), plain:
                    plain.settimeout(5)
                    if context is None:
                        plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                        continue
                    with context.wrap_socket(plain, server_side=True) as secure:
                        secure.sendall(b"settings")

    server = socket.create_server((host, int(port)))
    thread = threading.Thread(target=answer, args=(server,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


def said_of(agg, credentials, *, context=None):
    own, address, _, _ = agg
    made = context_of(own, credentials) if credentials else context
    with serving(address, made):
        return next(line for line in examined(own, peers=True) if "agg-a" in line or not line)


def test_five_causes_of_silence_are_five_messages(agg):
    own, address, _, authority = agg
    refused = [line for line in examined(own, peers=True) if "agg-a" in line]
    assert f"agg-a does not answer at {address} (connection refused); has its operator started it?" in refused
    foreign = certificates.new_authority("other")
    assert "is of another authority; is it of another run?" in said_of(agg, foreign.issue("agg-a"))
    assert f"another party than agg-a answers at {address}" in said_of(agg, authority.issue("agg-x"))
    assert "is not valid now (certificate has expired)" in said_of(agg, authority.issue("agg-a", now=EARLIER))
    assert f"no TLS 1.3 at {address}, where agg-a should be" in said_of(agg, None)


def test_a_server_that_does_not_take_this_partys_certificate_is_said(agg):
    own, _, _, authority = agg
    foreign = certificates.new_authority("other")
    context_of(own, authority.issue("agg-a"))
    only = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    only.load_cert_chain(own.folder.parent / "served" / "certificate.pem", own.folder.parent / "served" / "private.key")
    only.load_verify_locations(cadata=certificates.pem_of(foreign.certificate).decode())
    only.verify_mode = ssl.CERT_REQUIRED
    assert "does not take this party's certificate (tlsv1 alert unknown ca)" in said_of(agg, None, context=only)


def test_a_client_whose_servers_are_there_takes_part_and_nothing_is_said(agg):
    own, address, other, authority = agg
    one, two = context_of(own, authority.issue("agg-a")), context_of(own, authority.issue("agg-b"))
    begun, said = [], []

    async def take_part(path):
        begun.append(path)

    with serving(address, one), serving(other, two):
        assert examined(own, peers=True) == []
        client_kit.start(own.folder, take_part, said.append)
    assert (begun, said) == ([own.config], [])


def test_all_that_is_wrong_is_said_before_a_start_is_refused_a_line_each(kit):
    own, said = kit("st-anne"), []
    own.folder.chmod(0o777)
    (own.folder / "people.csv").chmod(0o644)
    with pytest.raises(ConfigError, match="can be changed by others"):
        doctor.require_healthy(own, said.append)
    (line,) = said
    assert "people.csv has mode 644" in line


HEAVY = "torch numba plotly typer pandas pyarrow scipy sqlalchemy crypten lpm_secure aggregator"
CHILD = f"""
import sys
from client_sdk.__main__ import main
sys.argv = ["client_sdk", "doctor", sys.argv[1]]
code = main()
print(code, *(name for name in {HEAVY.split()!r} if name in sys.modules))
"""


def test_the_doctor_needs_a_clients_small_installation_alone(kit):
    own = kit("st-anne")
    done = subprocess.run([sys.executable, "-c", CHILD, own.folder], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["2"], done.stdout
    assert [line.split(" does not answer")[0] for line in done.stderr.splitlines()] == [
        "client: agg-a",
        "client: agg-b",
    ]


WITHOUT = """
import sys
class Lack:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("typer", "click", "torch", "numba", "plotly", "pyarrow"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Lack())
from lpm_secure.entry import main
main()
"""


@pytest.mark.parametrize(
    ("command", "said"), [("doctor", "client: agg-a does not answer"), ("run", " is not installed; lpm needs")]
)
def test_lpm_has_the_doctor_where_nothing_but_a_clients_needs_are_installed(kit, command, said):
    own = kit("st-anne")
    given = [sys.executable, "-c", WITHOUT, command, own.folder]
    done = subprocess.run(given, capture_output=True, text=True, timeout=60)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
