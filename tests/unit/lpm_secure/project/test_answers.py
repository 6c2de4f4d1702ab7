"""The run's operator answers requests of the right parties, once each; what is wrong with one is a line."""

import datetime
import re
import shutil

import pytest

from aggregator import kit as server_kit
from client_sdk import kit as client_kit
from lpm_secure.project.answers import answer
from protocols.errors import BadSignature, ConfigError, NotEnrolled, ParameterError
from protocols.identity import signing
from protocols.identity.certificates import expiry
from protocols.identity.enrolment import load_reply
from protocols.identity.server_keys import server_keys
from protocols.kit.kit import Kit
from protocols.task.signature import require_countersigned, trust_of
from tests.three_hospitals import HOSPITALS, SERVERS, ready


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return ready(tmp_path_factory.mktemp("ministry"))


@pytest.fixture
def made(whole, tmp_path):
    """Return a copy of a project whose parties have their answers."""
    shutil.copytree(whole.parent, tmp_path / "winter")
    return tmp_path / "winter" / "project.toml"


def kit_of(path, name):
    return Kit.load(path.parent / "kits" / name)


def test_every_party_gets_a_certificate_for_its_own_key_and_the_signed_manifest(made):
    for name in SERVERS + HOSPITALS:
        kit = kit_of(made, name)
        kit.accept()
        manifest = kit.manifest()
        if name in SERVERS:
            server_keys(kit.credentials, trust_of(manifest).keys, name)
    assert [client.agents for client in manifest.clients] == [(1, 2, 3), (4, 5, 6, 7), (8, 9)]


def test_an_active_run_pins_the_keys_by_which_clients_sign_and_what_they_seal_to_the_dealer_with(tmp_path):
    path = ready(tmp_path, active=True)
    kit = kit_of(path, "dealer-c")
    kit.accept()
    trust = trust_of(kit.manifest())
    assert set(trust.identities) == set(HOSPITALS)
    assert trust.keys["dealer-c"].sealing is not None
    server_keys(kit.credentials, trust.keys, "dealer-c")
    for name in HOSPITALS:
        own = signing.read_key(kit_of(path, name).credentials / "identity.key")
        assert trust.identities[name] == signing.public_of(own)


def test_the_same_requests_have_the_same_answers_again_in_another_folder_too(made):
    before = {file: file.read_bytes() for file in (made.parent / "answers").rglob("*.*") if file.is_file()}
    answer(made, made.parent / "answers")
    assert {file: file.read_bytes() for file in before} == before
    shutil.rmtree(made.parent / "answers")
    answer(made, made.parent / "others")
    others = {file: (made.parent / "others" / file.relative_to(made.parent / "answers")) for file in before}
    assert {file: other.read_bytes() for file, other in others.items()} == before


def test_an_invitation_is_not_used_for_a_second_request_and_then_no_folder_is_written(made):
    kit, requests = kit_of(made, "st-anne"), made.parent / "requests"
    shutil.rmtree(kit.credentials)
    shutil.copyfile(client_kit.enrol(kit), requests / "st-anne.request")
    with pytest.raises(NotEnrolled, match="was used already"):
        answer(made, made.parent / "others")
    assert not (made.parent / "others").exists()


def test_a_server_that_made_new_keys_gets_a_certificate_for_those_that_the_manifest_pins(made):
    kit, requests = kit_of(made, "agg-a"), made.parent / "requests"
    shutil.rmtree(kit.credentials)
    shutil.copyfile(server_kit.enrol(kit), requests / "agg-a.request")
    answer(made, made.parent / "others")
    for file in (made.parent / "others" / "agg-a").iterdir():
        shutil.copyfile(file, kit.folder / file.name)
    kit.accept()
    server_keys(kit.credentials, trust_of(kit.manifest()).keys, "agg-a")


def test_servers_sign_as_their_operators_and_a_policy_that_asks_for_it_finds_all(made):
    manifest = kit_of(made, "agg-a").manifest()
    client = kit_of(made, "st-anne").folder / "manifest.json"
    for name in SERVERS:
        with pytest.raises(ParameterError, match="cannot read the countersignature"):
            require_countersigned(client, manifest)
        kit = kit_of(made, name)
        kit.accept()
        shutil.copy(kit.countersign(), client.parent)
    require_countersigned(client, manifest)


def test_a_request_that_is_missing_or_anothers_is_one_line(made, tmp_path):
    requests = made.parent / "requests"
    shutil.copyfile(requests / "agg-a.request", requests / "agg-b.request")
    with pytest.raises(ConfigError, match="is of agg-a, operated by university; the project has agg-b"):
        answer(made, tmp_path / "out")
    (requests / "agg-b.request").unlink()
    with pytest.raises(ConfigError, match=r"agg-b.request is not there: agg-b makes it with `lpm enrol`"):
        answer(made, tmp_path / "out")


def test_a_clients_request_under_anothers_name_is_one_line(made, tmp_path):
    requests = made.parent / "requests"
    shutil.copyfile(requests / "st-anne.request", requests / "st-john.request")
    shutil.rmtree(made.parent / "answers" / "st-john")
    with pytest.raises(ConfigError, match=r"st-john.request is of st-anne; ask st-john for its own"):
        answer(made, made.parent / "answers")


def test_answers_need_the_operators_folder(made, tmp_path):
    shutil.rmtree(made.parent / "operator")
    with pytest.raises(ConfigError, match="make the kits first, with lpm project kit"):
        answer(made, tmp_path / "out")


def test_keys_are_made_once_and_by_the_invitation_of_the_kit(made):
    with pytest.raises(ParameterError, match="holds keys already"):
        server_kit.enrol(kit_of(made, "agg-a"))
    kit, other = kit_of(made, "st-anne"), kit_of(made, "st-john")
    with pytest.raises(ParameterError, match="holds keys already"):
        client_kit.enrol(kit)
    shutil.rmtree(kit.credentials)
    (kit.folder / "st-anne.invitation").write_bytes((other.folder / "st-john.invitation").read_bytes())
    with pytest.raises(BadSignature, match="is not of st-anne and the operator that the kit names"):
        client_kit.enrol(kit)
    assert not kit.credentials.exists()


def test_a_kit_is_started_by_who_it_is_for(made):
    with pytest.raises(ParameterError, match="is the kit of an aggregator; start it with: python -m aggregator start"):
        client_kit.start(kit_of(made, "agg-a").folder, None, None)
    with pytest.raises(ParameterError, match="is the kit of a client; start it with: python -m client_sdk start"):
        server_kit.start(kit_of(made, "st-anne").folder, None, None)
    with pytest.raises(ConfigError, match=r"cannot read .*kit.toml: No such file"):
        client_kit.start(made.parent, None, None)


def test_a_server_serves_only_when_its_kit_is_well_and_signs_before_it_does(made):
    kit, served, said = kit_of(made, "dealer-c"), [], []
    (kit.folder / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="the signature is of another manifest"):
        server_kit.start(kit.folder, lambda *given: served.append(given), said.append)
    assert served == said == []
    shutil.copyfile(made.parent / "answers" / "dealer-c" / "manifest.json", kit.folder / "manifest.json")
    server_kit.start(kit.folder, lambda *given: served.append(given), said.append)
    assert served == [("dealer", kit.config)]
    assert said == [
        f"countersigned: hand {kit.folder / 'manifest.dealer-c.sig'} to every client, whose policy asks for it"
    ]


def test_a_run_whose_time_is_over_is_not_signed(made, tmp_path):
    made.write_text(re.sub(r"^(not_\w+) = \d+", r"\1 = 2001", made.read_text(), count=1, flags=re.M))
    made.write_text(re.sub(r"^not_after = .*", "not_after = 2002-01-01T00:00:00Z", made.read_text(), flags=re.M))
    with pytest.raises(ConfigError, match="which is over; set it later"):
        answer(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_certificates_last_as_long_as_the_run_may(made, tmp_path):
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=200)
    made.write_text(re.sub(r"^not_after = .*", f"not_after = {later:%Y-%m-%dT00:00:00Z}", made.read_text(), flags=re.M))
    shutil.rmtree(made.parent / "operator" / "answers")
    request, kit = made.parent / "requests" / "agg-a.request", kit_of(made, "agg-a")
    shutil.copyfile(kit.folder / "agg-a.request", request)
    invitations = made.parent / "operator" / "invitations"
    for used in (invitations / "used").iterdir():
        used.rename(invitations / "open" / used.name)
    answer(made, tmp_path / "out")
    for name in ("agg-a", "st-anne"):
        given = load_reply(tmp_path / "out" / name / f"{name}.enrolled")
        assert expiry(given.certificate.encode()) > later
