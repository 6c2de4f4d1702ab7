"""A kit has all that a party needs but its keys; what three hospitals put into theirs is one run, to the bit."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from client_sdk.config import load as load_client
from client_sdk.private.device_keys import read_device_keys
from client_sdk.private.files import read_private_state
from lpm_secure.config.simulation import load as load_run
from lpm_secure.project.kits import write_kits
from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.project_file import load
from lpm_secure.run.engine_config import load as load_engine
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import free_addresses
from lpm_secure.testbed.testbed import build
from protocols.errors import ConfigError, ParameterError, PolicyConflict
from protocols.identity.server_keys import ServerKeys
from protocols.identity.signing import public_of, read_key
from protocols.identity.trust import Trust
from protocols.kit.kit import Kit
from protocols.task import policy as policies
from protocols.task.signature import trust_of
from tests.three_hospitals import HOSPITALS, SERVERS, devices, own_files, project, ready, together, unnamed, with_engine

SEED = 11


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a seeded project and its kits, with the hospitals' tables in them."""
    path = project(tmp_path_factory.mktemp("ministry"), seed=SEED)
    write_kits(path, path.parent / "kits")
    for name in HOSPITALS:
        own_files(path.parent / "kits" / name, name)
    return path


def test_no_kit_holds_a_private_key_and_each_says_whose_it_is(made):
    for name in (*SERVERS, *HOSPITALS):
        kit = Kit.load(made.parent / "kits" / name)
        assert (kit.file.name, kit.file.run, kit.enrolled) == (name, "winter", False)
        assert not list(kit.folder.rglob("*.key"))
        assert kit.folder.stat().st_mode & 0o777 == 0o700
        content = b"".join(file.read_bytes() for file in kit.folder.iterdir())
        assert b"PRIVATE KEY" not in content
        assert "README.md" in {file.name for file in kit.folder.iterdir()}


def pinned(path):
    """Return the manifest of a project with keys of all servers, as its operator will sign it."""
    given = load(path)
    keys = {
        server.name: ServerKeys.generate(dealer=server.name == "dealer-c").public(server.operator, os.urandom(32))
        for server in given.servers
    }
    valid = {"not_before": given.not_before, "not_after": given.not_after}
    return manifest_of(given, path.parent, trust=Trust(operator=given.operator, keys=keys, **valid))


def test_the_policy_of_a_kit_allows_its_run_but_for_a_seed_and_names_every_key(made):
    path = made.parent / "kits" / "st-anne" / "policy.toml"
    owners = policies.load_policy(path)
    assert owners.policy.countersigned
    with pytest.raises(PolicyConflict) as caught:
        policies.check(pinned(made), owners)
    assert "which is for simulated people only" in str(caught.value)
    path.write_text(path.read_text().replace("testbed = false", "testbed = true"))
    policies.check(pinned(made), policies.load_policy(path))
    assert ";" not in str(caught.value)
    assert set(owners.policy.__struct_fields__) == {
        line.lstrip("# ").split(" = ")[0] for line in path.read_text().splitlines() if " = " in line and "`" not in line
    } - {"stage"}


def test_own_tables_of_three_hospitals_are_the_states_and_contacts_of_one_clear_run(made, tmp_path):
    manifest = manifest_of(load(made), made.parent)
    config = load_run(together(tmp_path, SEED))
    testbed = build(config, contacts_of(config), free_addresses(config.protocol.addresses))
    assert manifest.cells == testbed.manifest.cells
    everybody = np.ones((9, 2), dtype=np.int64)
    for name in HOSPITALS:
        folder = made.parent / "kits" / name
        given = load_client(folder / "config.toml")
        others = folder / given.others if given.others else None
        read = read_private_state(
            manifest,
            name,
            people=folder / given.people,
            contacts=folder / given.contacts,
            start=given.start,
            others=others,
            dictionary=given.dictionary,
        )
        expected = testbed.private_state(name)
        assert read.cell.tolist() == expected.cell.tolist()
        for field, values in expected.state.items():
            np.testing.assert_array_equal(read.state[field], values, err_msg=f"{name} {field}")
        says = everybody[: read.cell.size]
        for step in range(manifest.period):
            np.testing.assert_array_equal(
                read.contacts.add_up(says, step=step), expected.contacts.add_up(says, step=step)
            )


@pytest.mark.parametrize(("name", "module"), [("st-john", "client"), ("agg-b", "start")])
def test_the_script_of_a_kit_starts_it_and_says_what_is_missing(made, name, module):
    script = made.parent / "kits" / name / "start"
    environment = os.environ | {"LPM_PYTHON": sys.executable}
    done = subprocess.run([script], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"{module}: {script.parent} has no keys yet; make them with: lpm enrol {script.parent}"
    )
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here: units are unverified")
def test_units_of_systemd_are_verified(made):
    units = sorted((made.parent / "kits").glob("*/*.service"))
    assert len(units) == 6
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# engine_identity = ", "engine = true #", r"write a table \[engine\] with its operator"),
        ("agents = 2\n", "", "needs either agents, how many people it has, or devices"),
        ('# edges = "permuted"\n', 'edges = "permuted"\n', "degree go together"),
        ("not_after = ", "not_after = 2000-01-01T00:00:00Z #", "would end at 2000-01-01"),
        ('near = "closer', 'nera = "closer', "did you mean near?"),
    ],
)
def test_what_kits_cannot_do_is_one_line(tmp_path, old, new, said):
    path = project(tmp_path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=said):
        write_kits(path, tmp_path / "kits")
    assert not (tmp_path / "kits").exists()


def test_kits_of_a_run_that_is_over_are_not_made(tmp_path):
    path = project(tmp_path)
    years = {"not_before": 2000, "not_after": 2001}
    path.write_text(
        re.sub(r"^(not_\w+) = \d+", lambda key: f"{key[1]} = {years[key[1]]}", path.read_text(), flags=re.M)
    )
    with pytest.raises(ConfigError, match=r"not_after is 2001-.*, which is over; set it later"):
        write_kits(path, tmp_path / "kits")


def test_kits_are_not_written_over(made):
    with pytest.raises(ParameterError, match="File exists; give another --out"):
        write_kits(made, made.parent / "kits")


def test_an_engine_with_people_of_its_own_is_a_party_with_a_kit(tmp_path):
    path = with_engine(project(tmp_path))
    folders = write_kits(path, tmp_path / "kits")
    assert [folder.name for folder in folders] == [*SERVERS, "engine", *HOSPITALS]
    kit = Kit.load(tmp_path / "kits" / "engine")
    assert (kit.file.role, kit.file.operator, kit.config.name) == ("engine", "statistics", "engine.toml")
    assert load_engine(kit.config).synthetic.agents == 40
    page = (kit.folder / "README.md").read_text()
    assert "asks statistics to run the engine" in page
    unit = (kit.folder / "lpm-engine.service").read_text()
    assert "PrivateDevices=no" in unit
    assert "Restart=on-failure" in unit
    assert unnamed(kit.folder) == []


def test_the_engines_own_request_gives_an_active_manifest_its_key(tmp_path):
    kit = Kit.load(ready(tmp_path, active=True, change=with_engine).parent / "kits" / "engine")
    kit.accept()
    assert trust_of(kit.manifest()).identities["engine"] == public_of(read_key(kit.credentials / "identity.key"))
    assert not (kit.credentials / "sealing.key").exists()


def test_devices_are_so_many_clients_of_one_person_and_each_makes_its_own_card(tmp_path):
    path = ready(tmp_path, change=devices)
    names = [f"phone-{number}" for number in range(1, 7)]
    manifest = Kit.load(path.parent / "kits" / "phone-1").manifest()
    assert [(client.name, client.agents) for client in manifest.clients] == [
        (each, (n,)) for n, each in enumerate(names, 1)
    ]
    cards = [(path.parent / "kits" / name / "device_card.csv").read_text().splitlines()[1] for name in names]
    assert [card.split(",")[0] for card in cards] == ["1", "2", "3", "4", "5", "6"]
    assert len({card.split(",")[1] for card in cards}) == 6
    folder = path.parent / "kits" / "phone-3"
    (folder / "contact_keys.csv").write_text("agent,key\n" + "\n".join(cards[:2]) + "\n")
    keys = read_device_keys(folder, {agent: agent - 1 for agent in range(1, 7)})
    assert {slot: key.hex() for slot, key in keys.contacts.items()} == dict(
        enumerate(c.split(",")[1] for c in cards[:2])
    )
    assert (folder / "device.key").stat().st_mode & 0o777 == 0o600
    assert unnamed(folder) == []


def test_a_configuration_of_a_run_is_no_project(tmp_path):
    (tmp_path / "run.toml").write_text('name = "fever"\n[private]\npeople = "people.csv"\n')
    with pytest.raises(
        ConfigError, match=r"run.toml is of `lpm run`; give a project.toml, which `lpm project init NAME`"
    ):
        write_kits(tmp_path / "run.toml", tmp_path / "kits")
