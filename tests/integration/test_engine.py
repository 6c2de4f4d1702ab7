"""The engine of a deployment as a party of its own, `lpm engine --config`: killed and back, with the same bits."""

import base64
import json
import os
import re
import shutil
import time

import pytest
import torch
from typer.testing import CliRunner

from lpm_secure.cli.main import app
from lpm_secure.run.processes import run_clear
from lpm_secure.testbed.deployment import free_addresses
from protocols.errors import ParameterError
from tests import zygote
from tests.manifest_parties import PROJECT, lpm

CONFIG = """
manifest = "../../manifest.json"
operator_key = "{key}"
credentials = "."

[synthetic]
agents = 300
"""


def write_config(deployment, text=CONFIG, name="engine.toml"):
    path = deployment.party("engine") / name
    path.write_text(text.format(key=base64.b64encode(deployment.operator_key).decode()))
    return path


def start(path):
    """Start the engine's process, as its operator does, with what it prints in a file beside its configuration."""
    command = ["-m", "lpm_secure.cli", "engine", "--config", str(path), "--device", "cpu"]
    with open(os.devnull, "rb") as nothing, path.with_name("engine.log").open("wb") as log:
        streams = {"stdin": nothing.fileno(), "stdout": log.fileno(), "stderr": log.fileno()}
        return zygote.ENGINE.start(command, **streams)


def lines_of(path):
    journals = list((path.parent / "results").glob("releases-*.jsonl"))
    return journals[0].read_bytes().splitlines() if journals else []


def wait_for(engine, path, lines, *, timeout_s=60.0):
    until = time.monotonic() + timeout_s
    while len(lines_of(path)) < lines:
        assert engine.poll() is None, path.with_name("engine.log").read_text()
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["outcome", "sum", "active"])
def test_an_engine_that_is_killed_and_comes_back_ends_with_the_bits_of_the_clear_run(mode, deploy):
    given = {"security": "active"} if mode == "active" else {"mode": mode}
    deployment = deploy(**{"mode": "outcome", "round_timeout_s": 10.0} | given)
    path = write_config(deployment)
    deployment.start()
    for lines in (3, 6):  # the first line is the head
        engine = start(path)
        wait_for(engine, path, lines)
        engine.kill()
        engine.wait(30.0)
    assert start(path).wait(120.0) == 0, path.with_name("engine.log").read_text()
    results = path.parent / "results"
    figures = json.loads((results / "run.json").read_text())
    assert figures["sha256"] == run_clear(deployment.testbed, torch.device("cpu")).series.hash
    assert figures["sha256"] in path.with_name("engine.log").read_text()
    assert figures["steps_of_the_journal"] >= 5
    assert {"series.csv", "series.parquet", "report.html", "run.json"} <= {each.name for each in results.iterdir()}
    (journal,) = results.glob("releases-*.jsonl")
    assert journal.stat().st_mode & 0o077 == 0
    deployment.wait_for_clients(timeout_s=30.0)
    assert not deployment.failures()


MISTAKES = {
    "no such file": (None, "cannot read"),
    "an unknown key": (("credentials", "credential"), "did you mean"),
    "another operator's key": (("{key}", "A" * 43 + "="), "was not made over it with the key 0000"),
    "another party's certificate": (
        ('credentials = "."', 'credentials = "../aggregator-0"'),
        "the certificate is of aggregator-0, and",
    ),
    "an environment that nobody hears": (
        ("[synthetic]", '[environment]\nname = "schedule"\nnumbers = {{}}\n[synthetic]'),
        "environment",
    ),
    "a population that is not there": (
        ("agents = 300", 'agents = 300\npath = "nyc.lpmpop"\nbeta = {{household = 0.1}}'),
        "nyc.lpmpop",
    ),
}


@pytest.fixture(scope="module")
def written(serve):
    return serve(mode="sum")


@pytest.mark.parametrize(("change", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(change, said, written):
    path = write_config(written, CONFIG.replace(*change) if change else CONFIG, "wrong.toml")
    if change is None:
        path = path.with_name("nowhere.toml")
    done = CliRunner().invoke(app, ["engine", "--config", str(path)])
    assert isinstance(done.exception, ParameterError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not (path.parent / "results").exists()


RUN = """
steps = 6
start = 2026-03-02
mode = "sum"
engine = true
join_timeout_s = 20
round_timeout_s = 10

[cells]
east = 20
west = 20
"""
MODEL = "[model]\nbeta = {near = 0.3}\ncell_beta = 0.2"


def project(addresses):
    """Return the project of a run with an engine and cells, in sum mode, which needs neither dealer nor comparisons."""
    text = PROJECT[: PROJECT.index("[dealer]")] + PROJECT[PROJECT.index("[[clients]]") :]
    text = re.sub(r"^mpc = .*\n", "", text, flags=re.MULTILINE).replace("initial = 0.01", "initial = 0.3")
    for name, address in zip(("a", "b"), addresses, strict=True):
        text = text.replace(f"{name}.example:8443", address)
    head, _, tail = text.partition("[model]\nbeta = {near = 0.001}")
    return f"{head.replace('steps = 30', '')}{RUN}\n{MODEL}{tail}"


PARTY = """
name = "{name}"
manifest = "../manifest.json"
operator_key = "{key}"
credentials = "."
"""
POLICY = """
min_cohort = 2
max_epsilon = inf
modes = ["sum"]
outputs = ["tally", "cells"]
operators = ["ministry", "university", "charity"]
"""
PEOPLE = {"hospital": "agent,cell\n1,0\n2,1\n3,0\n", "school": "agent,cell\n10,0\n11,1\n"}
CONTACTS = {
    "hospital": "date,a,b\n2026-03-02,1,10\n2026-03-04,11,2\n2026-03-05,1,3\n",
    "school": "date,a,b\n2026-03-04,11,2\n2026-03-02,10,1\n2026-03-03,10,11\n",
}


def enrol(folder):
    """Make and certify the keys of all parties, as each of them does, and return the manifest's key."""
    authority, addresses, requests = folder / "authority", free_addresses(2), folder / "requests"
    requests.mkdir()
    for name, operator in (("agg-a", "university"), ("agg-b", "charity"), ("engine", "ministry")):
        lpm("identity", folder / name, name, "--operator", operator)
        shutil.copy(folder / name / f"{name}.request", requests)
        lpm("keys", authority, name, "--request", folder / name / f"{name}.request")
        for file in (authority / name).iterdir():
            shutil.copy(file, folder / name)
    lpm("invite", authority, "hospital", "school")
    for name in ("hospital", "school"):
        lpm("enrol", authority / f"{name}.invitation", folder / name)
        (request,) = folder.glob(f"{name}/*request*")
        answer = lpm("admit", authority, request).strip()
        lpm("enrol", answer, folder / name, "--accept")
    (folder / "project.toml").write_text(project(addresses))
    (folder / "school.txt").write_text("10\n11\n")
    path = folder / "manifest.json"
    lpm("manifest", "new", folder / "project.toml", "--out", path)
    said = lpm("manifest", "sign", path, "--key", authority / "operator.key")
    key = re.search(r'operator_key = "(.*)"', said)[1]
    for name in ("agg-a", "agg-b"):
        lpm("manifest", "countersign", path, folder / name, "--operator-key", key)
    return addresses, key


def write_parties(folder, addresses, key):
    for name, address in zip(("agg-a", "agg-b"), addresses, strict=True):
        server = f'listen = "{address}"\nmanifests = ["../manifest.json"]\nstore = "sqlite:///store.sqlite"\n'
        (folder / name / "config.toml").write_text(PARTY.format(name=name, key=key).replace("manifest =", "#") + server)
    for name in ("hospital", "school"):
        files = 'policy = "policy.toml"\npeople = "people.csv"\ncontacts = "contacts.csv"\n'
        (folder / name / "config.toml").write_text(PARTY.format(name=name, key=key) + files)
        (folder / name / "policy.toml").write_text(POLICY)
        (folder / name / "people.csv").write_text(PEOPLE[name])
        (folder / name / "contacts.csv").write_text(CONTACTS[name])
    (folder / "town.csv").write_text("person,age,household\n" + "".join(f"p{i},{i + 9},h{i // 3}\n" for i in range(30)))
    (folder / "venues.csv").write_text("venue,setting\n" + "".join(f"h{i},household\n" for i in range(10)))
    lpm("population", "from-csv", folder / "town.csv", folder / "venues.csv", "--out", folder / "town.lpmpop")
    own = '[synthetic]\nagents = 30\npath = "../town.lpmpop"\nbeta = { household = 0.4 }\n'
    text = PARTY.format(name="engine", key=key).replace('name = "engine"\n', "")
    (folder / "engine" / "engine.toml").write_text(text + own)


@pytest.mark.slow
def test_a_deployment_from_identities_to_results_with_an_engine_of_its_own_people_from_tables(tmp_path):
    write_parties(tmp_path, *enrol(tmp_path))
    parties = {}
    for name in ("agg-a", "agg-b", "hospital", "school"):
        program = "aggregator" if name.startswith("agg") else "client_sdk"
        with (tmp_path / name / "log").open("wb") as log:
            parties[name] = zygote.launch([program, "--config", str(tmp_path / name / "config.toml")], log)
    try:
        path = tmp_path / "engine" / "engine.toml"
        code = start(path).wait(120.0)
        logs = {name: (tmp_path / name / "log").read_text() for name in parties}
        assert code == 0, (path.with_name("engine.log").read_text(), logs)
        assert [parties[name].wait(30.0) for name in ("hospital", "school")] == [0, 0], logs
    finally:
        for party in parties.values():
            party.kill()
            party.wait(10.0)
    figures = json.loads((path.parent / "results" / "run.json").read_text())
    assert (figures["steps"], figures["synthetic_agents"]) == (6, 30)
    assert "30 people of town.csv" in figures["population"]
    assert sum(figures["tally_private"][stage] for stage in "SEIR") == 5
    assert sum(figures["tally_synthetic"][stage] for stage in "SEIR") == 30
    for name in ("hospital", "school"):
        assert (tmp_path / name / "one_sided.csv").read_text().count("\n") == 1
        assert (tmp_path / name / "series.csv").read_text().count("\n") > 6
