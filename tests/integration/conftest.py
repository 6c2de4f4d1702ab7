"""A small deployment of real processes: four clients of five people each, two aggregators, an engine."""

import asyncio
import dataclasses
import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from lpm_secure.cli.main import main
from lpm_secure.config.laws import Delay
from lpm_secure.config.model import ModelConfig
from lpm_secure.config.simulation import CellConfig, Config, PrivateConfig, ProtocolConfig, SyntheticConfig
from lpm_secure.data.contact_data import ContactData
from lpm_secure.engine.loop import simulate
from lpm_secure.engine.masked_part import private_part
from lpm_secure.run.jobs import write_drive_file
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build
from protocols.errors import LpmError
from tests import zygote

STEPS = 8
ROOT = Path(__file__).parents[2]


def call(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `lpm` in this process, whose parties are forked, and return what happened."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setenv("COLUMNS", "200")
        patch.setattr(sys, "argv", ["lpm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), out.getvalue(), err.getvalue())


def run_identical(config, folder):
    """Run a configuration with `lpm run`, whose parity must hold, and return what it printed and its folder."""
    done = call("run", config, "--out", folder, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "parity: identical" in done.stdout
    (made,) = (path for path in folder.iterdir() if path.is_dir())
    return done.stdout, made


def small_data(seed=0):
    draw = np.random.default_rng(seed)
    people = np.arange(100, 120)
    rows = sorted(
        {(day, *sorted(pair)) for day in range(3) for pair in draw.choice(people, (30, 2)) if pair[0] != pair[1]}
    )
    day, a, b = np.array(rows).T
    return ContactData(
        people=people,
        group=tuple("abcd"[index // 5] for index in range(20)),
        days=3,
        day=day,
        a=a,
        b=b,
        weight=draw.integers(1, 50, day.size),
        source="drawn for a test",
        look_alike=True,
    )


def small_config(clients="group", **protocol):
    return Config(
        name="small",
        seed=5,
        steps=STEPS,
        model=ModelConfig(
            beta={"near": 0.02}, cell_beta=0.5, latent=Delay(2.0, 1.0), infectious=Delay(4.0, 1.0), initial=0.2
        ),
        private=PrivateConfig(dataset="look_alike", clients=clients),
        cells=CellConfig(count=3),
        synthetic=SyntheticConfig(agents=300),
        protocol=ProtocolConfig(**{"mode": "sum", "join_timeout_s": 20.0, "round_timeout_s": 2.0, **protocol}),
    )


def write_deployment(folder, protocol):
    twin = protocol.pop("twin", False)
    compares, security = protocol.pop("compare_contacts", msgspec.UNSET), protocol.pop("security", "semi-honest")
    config = small_config(**protocol)
    private = msgspec.structs.replace(config.private, security=security)
    config = msgspec.structs.replace(config, private=private, synthetic=SyntheticConfig(agents=300, twin=twin))
    testbed = build(config, small_data(), free_addresses(config.protocol.addresses))
    manifest = msgspec.structs.replace(testbed.manifest, compare_contacts=compares)
    deployment = Deployment(folder, dataclasses.replace(testbed, manifest=manifest))
    deployment.write()
    return deployment


def write_active(folder, world=0, *, steps, timeout_s, **protocol):
    """Write an active deployment of clients `client-0` to `client-3`, in one of two worlds."""
    compares, comparison = protocol.pop("compare_contacts", msgspec.UNSET), protocol.pop("comparison", "keys")
    given = {"mode": "outcome", "join_timeout_s": 30.0, "min_cohort": 2} | protocol
    config = small_config(round_timeout_s=timeout_s, **given)
    private = msgspec.structs.replace(config.private, security="active", comparison=comparison)
    config = msgspec.structs.replace(config, private=private, steps=steps, seed=5 + world)
    data = dataclasses.replace(small_data(world), group=tuple(f"client-{index // 5}" for index in range(20)))
    testbed = build(config, data, free_addresses(config.protocol.addresses))
    manifest = msgspec.structs.replace(testbed.manifest, compare_contacts=compares)
    deployment = Deployment(folder, dataclasses.replace(testbed, manifest=manifest))
    deployment.write()
    write_drive_file(deployment)
    return deployment


async def drive_unwatched(deployment, act=lambda step: None, journal=None):
    """Drive a deployment whose processes run, and return its series."""
    manifest, transports = deployment.testbed.manifest, deployment.transports()
    part = private_part(manifest, transports, deployment.party("engine"), journal)
    agents = deployment.testbed.synthetic_agents(torch.device("cpu"))
    try:
        return await simulate(manifest, part, agents, on_step=lambda step, release: act(step))
    finally:
        for transport in transports:
            await transport.close()


def driven(deployment, act=lambda step: None):
    """Drive a deployment whose processes run, unwatched, and return what comes of it."""
    try:
        return asyncio.run(drive_unwatched(deployment, act))
    except LpmError as error:
        return error


def start_twice(deployment, name):
    """Start a client that runs once more, and return its exit code and what it printed; the first one goes on."""
    log = deployment.party(name) / "second.log"
    with log.open("wb") as file:
        again = zygote.launch(["client_sdk", "--config", str(deployment.party(name) / "config.toml")], file)
    return again.wait(30.0), log.read_text()


def end(deployment):
    """End a deployment's processes at once: of a clean end, which takes seconds, are the tests of `run_private`."""
    for process in deployment._processes.values():
        process.kill()
    deployment.stop()


@pytest.fixture
def deploy(tmp_path):
    """Return a function that writes a deployment; its processes are ended after the test."""
    made = []

    def _deploy(**protocol):
        made.append(write_deployment(tmp_path / f"run-{len(made)}", protocol))
        return made[-1]

    yield _deploy
    for deployment in made:
        end(deployment)


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """Return a function that starts the aggregators of a deployment for all tests of a file, with a client for each."""
    made = []

    def _serve(**protocol):
        made.append(write_deployment(tmp_path_factory.mktemp("served") / "run", {"clients": "person", **protocol}))
        for party in made[-1].testbed.manifest.aggregators:
            made[-1].start_party(party.name)
        return made[-1]

    yield _serve
    for deployment in made:
        end(deployment)


@pytest.fixture(scope="module")
def clients(served):
    """Return the names of a file's clients, each to be used once: one that joins again has other keys."""
    return iter([party.name for party in served.testbed.manifest.clients])


@pytest.fixture
def client(clients):
    """Return the name of a client from which the aggregators have heard nothing."""
    return next(clients)
