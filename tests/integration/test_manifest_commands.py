"""`lpm manifest`, `lpm identity` and `lpm keys` as two operators and a run's operator use them."""

import base64
import re
import sys
from pathlib import Path

import pytest

from client_sdk.__main__ import main as client
from protocols.errors import BadSignature, ConfigError, ParameterError
from protocols.identity import certificates
from protocols.identity.server_keys import server_keys
from protocols.task import manifest as manifests
from protocols.task import signature
from protocols.task.signature import trust_of
from tests.manifest_parties import PROJECT, lpm


def hand_over(request, folder):
    """Put a party's request where the run's operator gathers them."""
    (folder / "requests").mkdir(exist_ok=True)
    (folder / "requests" / request.name).write_bytes(request.read_bytes())


@pytest.fixture
def folder(tmp_path):
    for name, operator in (("agg-a", "university"), ("agg-b", "charity"), ("dealer", "statistics")):
        lpm("identity", tmp_path / name, name, "--operator", operator, *(["--dealer"] if name == "dealer" else []))
        hand_over(tmp_path / name / f"{name}.request", tmp_path)
    (tmp_path / "school.txt").write_text("10\n11\n")
    (tmp_path / "project.toml").write_text(PROJECT)
    return tmp_path


def test_real_parties_get_a_manifest_that_each_checks_under_the_key_it_pinned(folder):
    path = folder / "manifest.json"
    lpm("manifest", "new", folder / "project.toml", "--out", path)
    said = lpm("manifest", "sign", path, "--key", folder / "operator.key")
    pinned = re.search(r'operator_key = "(.*)"', said)[1]
    assert "signed by ministry" in lpm("manifest", "verify", path, "--operator-key", pinned)
    manifest = manifests.load(path)
    assert manifest.testbed_seed is None
    assert [party.agents for party in manifest.clients] == [(1, 2, 3), (10, 11)]
    assert {name: keys.operator for name, keys in manifest.trust.keys.items()} == {
        "agg-a": "university",
        "agg-b": "charity",
        "dealer": "statistics",
    }
    shown = lpm("manifest", "show", path)
    assert manifests.run_id(manifest).hex() in shown
    assert re.search(r"^trust\.keys\.agg-a\.operator +university$", shown, re.MULTILINE)


def test_a_client_reads_and_checks_a_manifest_by_its_own_installation(folder, monkeypatch, capsys):
    def typed(*arguments):
        monkeypatch.setattr(sys, "argv", ["client", "manifest", *map(str, arguments)])
        return client(), *capsys.readouterr()

    path = folder / "manifest.json"
    lpm("manifest", "new", folder / "project.toml", "--out", path)
    pinned = re.search(r'operator_key = "(.*)"', lpm("manifest", "sign", path, "--key", folder / "operator.key"))[1]
    other = base64.b64encode(bytes(32)).decode()
    assert typed("show", path) == (0, lpm("manifest", "show", path), "")
    assert typed("verify", path, "--operator-key", pinned) == (
        0,
        lpm("manifest", "verify", path, "--operator-key", pinned),
        "",
    )
    code, out, error = typed("verify", path, "--operator-key", other)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert "was not made over it with the key 0000" in error
    assert "got 'no' for a public key; it is 32 bytes" in typed("verify", path, "--operator-key", "no")[2]
    for line in (("verify", path), ("show", path, "--operator-key", pinned)):
        with pytest.raises(SystemExit, match="2"):
            typed(*line)


def test_every_servers_operator_signs_the_manifest_with_its_own_folder(folder):
    path = folder / "manifest.json"
    lpm("manifest", "new", folder / "project.toml", "--out", path)
    pinned = re.search(r'operator_key = "(.*)"', lpm("manifest", "sign", path, "--key", folder / "operator.key"))[1]
    key = ("--operator-key", pinned)
    assert "by the operators of none of its servers agg-a, agg-b, dealer" in lpm("manifest", "verify", path, *key)
    for name in ("agg-a", "agg-b", "dealer"):
        said = lpm("manifest", "countersign", path, folder / name, *key)
        assert said.startswith(f"{folder / f'manifest.{name}.sig'}: signed as {name}, run ")
    assert "by the operators of agg-a, agg-b, dealer of its servers" in lpm("manifest", "verify", path, *key)
    (folder / "manifest.agg-b.sig").write_bytes((folder / "manifest.agg-a.sig").read_bytes())
    with pytest.raises(BadSignature, match="ask the operator of agg-b for its own"):
        lpm("manifest", "verify", path, *key)
    with pytest.raises(BadSignature, match="compare the key"):
        lpm("manifest", "countersign", path, folder / "agg-a", "--operator-key", base64.b64encode(bytes(32)).decode())


def test_a_project_says_the_first_day_and_whether_clients_compare_their_contacts(folder):
    path = folder / "manifest.json"
    lpm("manifest", "new", folder / "project.toml", "--out", path)
    assert manifests.compares(manifests.load(path))  # unless it says no, as there is an undirected channel
    shown = lpm("manifest", "show", path)
    assert re.search("^compare_contacts +True$", shown, re.MULTILINE)
    assert "start" not in shown
    said = "start = 2026-03-02\ncompare_contacts = false\n[model]"
    (folder / "project.toml").write_text(PROJECT.replace("[model]", said))
    path = folder / "other.json"
    lpm("manifest", "new", folder / "project.toml", "--out", path)
    assert not manifests.compares(manifests.load(path))
    assert re.search("^start +2026-03-02$", lpm("manifest", "show", path), re.MULTILINE)


HEAD, _, TAIL = PROJECT.partition("[model]")
NAMED = f'{HEAD}model = "tests.user_models:Banks"\n\n[parameters]\nshock = 0.5\n\n[[agg{TAIL.partition("[[agg")[2]}'


def test_real_parties_run_a_model_by_its_name_whose_graph_is_shown_in_words(folder):
    path = folder / "manifest.json"
    (folder / "project.toml").write_text(NAMED)
    lpm("manifest", "new", folder / "project.toml", "--out", path)
    manifest = manifests.load(path)
    assert (manifest.channels, manifest.model.parameters) == (("loss",), {"shock": 2**31})
    shown = lpm("manifest", "show", path)
    assert re.search(rf"^model.sha256 +{manifest.model.digest}$", shown, re.MULTILINE)
    assert re.search(r"^model.parameters.shock +0.5 \(2147483648 / 2\*\*32\)$", shown, re.MULTILINE)
    assert re.search(r"^model.private_columns.buffer +0 to 200$", shown, re.MULTILINE)


def active(folder, *, keys=2, mpc=False):
    """Write a deployment whose security is active, with the keys of so many of its two clients."""
    text = PROJECT.replace("steps = 30", 'steps = 30\nsecurity = "active"')
    if not mpc:
        text = re.sub(r"mpc = .*\n", "", text)
    lpm("invite", folder / "pki", "hospital", "school")
    for name in ("hospital", "school")[:keys]:
        made = lpm("enrol", folder / "pki" / f"{name}.invitation", folder / name).strip()
        hand_over(Path(made).rename(folder / name / f"{name}.request"), folder)
    sealed = folder / "dealer-that-is-sealed-to"
    hand_over(Path(lpm("identity", sealed, "dealer", "--operator", "statistics").strip()), folder)
    (folder / "project.toml").write_text(text)
    return "manifest", "new", folder / "project.toml", "--out", folder / "manifest.json"


def test_an_active_run_of_real_parties_pins_the_keys_by_which_clients_sign_and_says_who_must_not_collude(folder):
    lpm(*active(folder))
    manifest = manifests.load(folder / "manifest.json")
    assert manifest.security == "active"
    assert set(manifest.trust.identities) == {"hospital", "school"}
    shown = lpm("manifest", "show", folder / "manifest.json")
    assert re.search(r"^security +active$", shown, re.MULTILINE)
    assert "The dealer and an aggregator must not pool what they have" in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keys": 1}, "school.request is not there: school makes it with `lpm enrol`"),
        ({"mpc": True}, "or, where security is active, of none"),
    ],
)
def test_an_active_run_of_real_parties_that_lacks_a_key_or_has_another_computation_is_refused(folder, changes, said):
    with pytest.raises(ParameterError, match=said):
        lpm(*active(folder, **changes))


def test_parameters_of_a_deployment_beside_a_table_are_refused(folder):
    (folder / "project.toml").write_text(PROJECT.replace("[model]", "[parameters]\nshock = 0.5\n\n[model]"))
    with pytest.raises(ConfigError, match=r"project.toml: \[parameters\] are of a model that is named"):
        lpm("manifest", "new", folder / "project.toml", "--out", folder / "manifest.json")


def test_a_server_takes_part_with_the_certificate_for_its_request_and_the_key_that_never_left_it(folder):
    lpm("manifest", "new", folder / "project.toml", "--out", folder / "manifest.json")
    manifest = manifests.load(folder / "manifest.json")
    for name in manifest.trust.keys:
        lpm("keys", folder / "pki", name, "--request", folder / name / f"{name}.request")
        assert {file.name for file in (folder / "pki" / name).iterdir()} == {"authority.pem", "certificate.pem"}
        for file in (folder / "pki" / name).iterdir():
            (folder / name / file.name).write_bytes(file.read_bytes())
        server_keys(folder / name, trust_of(manifest).keys, name)
        certificates.read(folder / name)
    lines = lpm("keys", folder / "pki").splitlines()
    assert [line.split()[0] for line in lines] == ["agg-a", "agg-b", "dealer"]
    assert all("valid until" in line for line in lines)
    soon = certificates.read_authority(folder / "pki").issue("agg-a", days=6.9)
    certificates.write(folder / "pki" / "agg-a", soon)
    assert "agg-a  the certificate expires in 6 days" in lpm("keys", folder / "pki")


def test_a_request_for_another_name_is_not_signed(folder):
    with pytest.raises(ParameterError, match="the request is for agg-b; it must be for agg-a alone"):
        lpm("keys", folder / "pki", "agg-a", "--request", folder / "agg-b" / "agg-b.request")


def test_a_changed_manifest_no_longer_verifies_and_diff_names_the_change(folder):
    path, other = folder / "manifest.json", folder / "other.json"
    lpm("manifest", "new", folder / "project.toml", "--out", path)
    pinned = re.search(r'operator_key = "(.*)"', lpm("manifest", "sign", path, "--key", folder / "operator.key"))[1]
    assert lpm("manifest", "diff", path, path) == ""
    (folder / "project.toml").write_text(PROJECT.replace("min_cohort = 2", "min_cohort = 1"))
    lpm("manifest", "new", folder / "project.toml", "--out", other)
    assert lpm("manifest", "diff", path, other, code=1) == "min_cohort\n  - 2\n  + 1\n"
    signature.signature_path(other).write_bytes(signature.signature_path(path).read_bytes())
    with pytest.raises(BadSignature, match="of another manifest"):
        lpm("manifest", "verify", other, "--operator-key", pinned)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "agg-b"', 'name = "agg-a"', "two parties have the name agg-a"),
        ('operator = "charity"', 'operator = "chrity"', "is of agg-b, operated by charity; the project has agg-b"),
        ('"school.txt"', '"hospital.txt"', "cannot read .*hospital.txt"),
        ("[1, 2, 3]", "[1, 2, 10]", "an agent is listed twice"),
        ("min_cohort", "min_cohrt", r"project.toml:\d+: .*did you mean `min_cohort`"),
        ("max_message = 50", "max_message = 50\ncollusion_bound = 2", "2 aggregators together can read everything"),
    ],
)
def test_a_mistake_in_a_deployment_is_one_line(folder, old, new, said):
    (folder / "project.toml").write_text(PROJECT.replace(old, new))
    with pytest.raises(ParameterError, match=said) as caught:
        lpm("manifest", "new", folder / "project.toml", "--out", folder / "manifest.json")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ConfigError | ParameterError)


def test_keys_of_a_server_and_manifests_are_not_written_over(folder):
    with pytest.raises(ParameterError, match="is there already"):
        lpm("identity", folder / "agg-a", "agg-a", "--operator", "university")
    lpm("manifest", "new", folder / "project.toml", "--out", folder / "manifest.json")
    with pytest.raises(ParameterError, match="File exists"):
        lpm("manifest", "new", folder / "project.toml", "--out", folder / "manifest.json")


def test_a_client_is_invited_enrolled_and_admitted_by_commands(folder):
    pki, own = folder / "pki", folder / "client"
    lpm("invite", pki, "hospital", "school")
    assert (pki / "hospital.invitation").stat().st_mode & 0o777 == 0o600
    request = lpm("enrol", pki / "hospital.invitation", own).strip()
    answer = lpm("admit", pki, request).strip()
    told = lpm("enrol", answer, own, "--accept")
    lpm("manifest", "new", folder / "project.toml", "--out", folder / "manifest.json")
    signed = lpm("manifest", "sign", folder / "manifest.json", "--key", pki / "operator.key")
    assert told.strip() in signed  # what the client pins is who signs
    assert certificates.name_of(certificates.read(own).certificate) == "hospital"
    with pytest.raises(ParameterError, match="was used already"):
        lpm("admit", pki, request)
