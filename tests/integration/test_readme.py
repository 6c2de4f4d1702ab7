"""What the README says is done by the README's own words."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from client_sdk.private.files import read_private_state
from lpm_secure.config import simulation
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def test_the_client_of_the_readme_takes_part_in_a_run(deploy, tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    deployment = deploy()
    for party in deployment.testbed.manifest.aggregators:
        deployment.start_party(party.name)
    for name in "bcd":
        deployment.start_party(name)
    program = tmp_path / "client.py"
    program.write_text(block.replace('"runs/example/parties/dmi"', repr(str(deployment.party("a")))))
    engine = (
        "import asyncio, time, sys, torch\n"
        "from pathlib import Path\n"
        "from lpm_secure.engine.loop import RemotePart, simulate\n"
        "from lpm_secure.testbed.synthetic import synthetic_agents\n"
        "from protocols.identity import certificates\n"
        "from protocols.task import manifest\n"
        "from protocols.wire.connect import connect\n"
        f"folder = Path({str(deployment.folder)!r})\n"
        "run = manifest.load(folder / 'manifest.json')\n"
        "part = RemotePart(run, connect(run, certificates.read(folder / 'parties' / 'engine')))\n"
        "asyncio.run(simulate(run, part, synthetic_agents(run, 300, torch.device('cpu'))))\n"
    )
    with subprocess.Popen([sys.executable, "-c", engine]) as driving:
        client = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=120)
        assert client.returncode == 0, client.stderr
        assert driving.wait(60) == 0
    assert client.stdout.splitlines() == [f"day {day}" for day in range(9)]
    assert len([line for line in block.splitlines() if line.strip()]) <= 18


@pytest.mark.parametrize("command", re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))
def test_every_make_target_of_the_readme_exists(command):
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_folder_of_the_readme_exists():
    for folder in re.findall(r"`([a-z_]+/)` ", README.split("## Where things are")[1]):
        assert (ROOT / folder).is_dir(), folder


PRIVATE = [path for path in sorted((ROOT / "examples").glob("*.toml")) if "\n[private]" in path.read_text()]


@pytest.mark.parametrize("path", PRIVATE, ids=lambda path: path.name)
def test_every_example_config_makes_parties_that_read_their_own_files(path, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)  # where a model of one's own is found
    given = simulation.load(path)
    testbed = build(given, contacts_of(given), free_addresses(given.protocol.addresses))
    deployment = Deployment(tmp_path / "run", testbed)
    deployment.write()
    for client in testbed.manifest.clients:
        party = deployment.party(client.name)
        assert tomllib.loads((party / "config.toml").read_text())["name"] == client.name
        read = read_private_state(
            testbed.manifest, client.name, people=party / "people.csv", contacts=party / "contacts.csv"
        )
        assert {name: field.tolist() for name, field in read.state.items()} == {
            name: field.tolist() for name, field in testbed.private_state(client.name).state.items()
        }
