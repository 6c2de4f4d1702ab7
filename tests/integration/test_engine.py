"""The engine of a deployment as a party of its own, `lpm engine --config`: killed and back, with the same bits."""

import base64
import json
import os
import time

import pytest
import torch

from lpm_secure.run.processes import run_clear
from tests import zygote

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
        return zygote.ZYGOTES["engine"].start(command, **streams)


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
@pytest.mark.parametrize("mode", ["outcome", "sum"])
def test_an_engine_that_is_killed_and_comes_back_ends_with_the_bits_of_the_clear_run(mode, deploy):
    deployment = deploy(mode=mode, round_timeout_s=10.0)
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
    from typer.testing import CliRunner

    from lpm_secure.cli.main import app
    from protocols.errors import ParameterError

    path = write_config(written, CONFIG.replace(*change) if change else CONFIG, "wrong.toml")
    if change is None:
        path = path.with_name("nowhere.toml")
    done = CliRunner().invoke(app, ["engine", "--config", str(path)])
    assert isinstance(done.exception, ParameterError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not (path.parent / "results").exists()
