"""What the README says is done by the README's own words."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lpm_secure as lpm
from client_sdk.private.files import read_private_state
from lpm_secure.calibration.people.config import is_people, load_people
from lpm_secure.config import simulation
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build
from tests.checks.tree import PACKAGES
from tests.page_blocks import blocks_of
from tests.zygote import ENGINE

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = [block.text for block in blocks_of("README.md", "python")]
PYTHON_PAGE = [block.text for block in blocks_of("docs/python.md", "python")]


def test_the_client_of_the_readme_takes_part_in_a_run(deploy, tmp_path):
    (block,) = (each for each in BLOCKS if "client_sdk" in each)
    deployment = deploy()
    for party in deployment.testbed.manifest.aggregators:
        deployment.start_party(party.name)
    for name in "bcd":
        deployment.start_party(name)
    program = tmp_path / "client.py"
    program.write_text(block.replace('"runs/example/parties/dmi"', repr(str(deployment.party("a")))))
    engine = tmp_path / "engine.py"
    engine.write_text(
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
    with (tmp_path / "engine.log").open("wb") as log, open(os.devnull, "rb") as nothing:
        outputs = {"stdin": nothing.fileno(), "stdout": log.fileno(), "stderr": log.fileno()}
        driving = ENGINE.start([str(engine)], **outputs)
        client = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=120)
        assert client.returncode == 0, client.stderr
        assert driving.wait(60) == 0, (tmp_path / "engine.log").read_text()
    assert client.stdout.splitlines() == [f"day {day}" for day in range(9)]
    assert len([line for line in block.splitlines() if line.strip()]) <= 18


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """Return a function that runs blocks of a page as cells of one notebook, beside tables of one's own."""
    shutil.copytree(ROOT / "examples/ward", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def _notebook(blocks):
        names = {"__name__": "__main__"}
        for block in blocks:
            exec(compile(block, "a cell", "exec"), names)
        return names

    return _notebook


FIRST, OWN = (each for each in BLOCKS if "client_sdk" not in each)


@pytest.mark.slow
def test_the_readme_runs_own_people_over_many_seeds_and_privately(notebook):
    assert len([line for line in OWN.splitlines() if line.strip()]) <= 10
    names = notebook([FIRST, OWN])
    assert names["result"].seeds == tuple(range(1, 21))
    assert names["run"].parity == "identical"


def test_a_private_run_is_identical_where_a_loop_runs_already(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    people = {"person": list("abcdefghijkl"), "home": list("xxxxyyyyzzzz")}
    contacts = {"a": list("abcde"), "b": list("bcdef"), "day": [0] * 5}
    tables = {"people": people, "contacts": contacts, "clients": "home", "protocol": {"mode": "sum"}, "cells": 3}
    simulation = lpm.Simulation(model="seir", parameters={"initial": 0.4, "cell_rate": 0.8}, steps=2, **tables)

    async def cell():
        return simulation.run(seeds=[7, 8, 9], private=True, out=tmp_path)

    result = asyncio.run(cell())
    assert "100%" in capsys.readouterr().err  # of the steps
    assert (result.parity, result.seeds) == ("identical", (7, 8, 9))
    assert result.hashes == simulation.run(seeds=[7, 8, 9]).hashes != simulation.with_(seed=7).run(seeds=3).hashes
    (folder,) = result.folders  # of one run, whose replicates have the bits of runs by themselves
    read = lpm.open_result(folder)
    assert (read.stages, read.seeds) == (result.stages, result.seeds)
    assert read.table.equals(result.table)
    assert not lpm.audit(folder, build_checks=False).findings
    assert result.stages == ("private_S", "private_E", "private_I", "private_R")


def test_the_cells_of_the_page_on_python_run_one_after_the_other(notebook):
    assert notebook(PYTHON_PAGE)["best"].seeds == (1, 2, 3)


@pytest.mark.parametrize("command", re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))
def test_every_make_target_of_the_readme_exists(command):
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_folder_of_the_readme_exists():
    folders = re.findall(r"`([a-z_]+/)`", README.split("## Where things are")[1])
    assert {f"{package}/" for package in PACKAGES} <= set(folders)
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


PRIVATE = [path for path in sorted((ROOT / "examples").glob("*.toml")) if "\n[private]" in path.read_text()]


@pytest.mark.parametrize("path", PRIVATE, ids=lambda path: path.name)
def test_every_example_config_makes_parties_that_read_their_own_files(path, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)  # where a model of one's own is found
    given = load_people(path).run if is_people(path) else simulation.load(path)
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
