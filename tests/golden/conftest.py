"""How golden tests reach the code: the `lpm` script, configurations, files of results, and the imports that stand here.

What a run computes is pinned before code moves, so no other golden test of a run imports a module.
"""

import asyncio
import hashlib
import importlib
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
import torch

from client_sdk.gradients.participant import take_part_over
from client_sdk.simulation.exchange import Exchange
from lpm_secure.analysis.risk import host
from lpm_secure.analysis.risk.config import load as load_risk
from lpm_secure.analysis.risk.worlds import select_departments, week
from lpm_secure.calibration.config import load as load_calibration
from lpm_secure.calibration.job import begin_fit
from lpm_secure.calibration.transports import in_process
from lpm_secure.config.simulation import load
from lpm_secure.engine.loop import RemotePart, simulate_replicates
from lpm_secure.gradients.private.result import find
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.testbed import build

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
ENGINE = "engine"


@pytest.fixture
def lpm(monkeypatch, tmp_path, capsys):
    """Return a function that runs `lpm` in this process, in a folder of its own, and returns the lines it prints."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, name = scripts["lpm"].split(":")
    main = getattr(importlib.import_module(module), name)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["lpm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert not ended.value.code, printed.err
        return printed.out.splitlines()

    return call


@pytest.fixture
def hash_of(lpm):
    """Return a function that runs `lpm`, and returns what it prints after a word: the SHA-256 of a result."""

    def call(word, *arguments):
        (line,) = [line for line in lpm(*arguments) if line.startswith(word)]
        return line.split()[-1]

    return call


@pytest.fixture
def require_data(lpm):
    """Return a function that skips the test where a dataset is not on this machine."""

    def require(*names):
        try:
            for name in names:
                lpm("data", "where", name)
        except AssertionError:
            pytest.skip(f"the data are not on this machine: {', '.join(names)}")

    return require


@pytest.fixture(scope="session")
def testbed_of():
    """Return a function that makes the testbed of a configuration file."""

    def made(path):
        config = load(path)
        return build(config, contacts_of(config), addresses(config.protocol))

    return made


@pytest.fixture(scope="session")
def private_gradient(testbed_of, operators_of):
    """Return a function that yields the SHA-256 of all that a private run with derivatives opens."""

    async def opened(testbed):
        manifest = testbed.manifest
        with operators_of(manifest) as operators:

            async def client(name):
                joined = await take_part_over(
                    manifest, testbed.private_state(name), Exchange(manifest, name, operators.transports(name))
                )
                await joined.run()

            engine = RemotePart(manifest, operators.transports(ENGINE))
            clients = [client(party.name) for party in manifest.clients]
            return (await asyncio.gather(find(testbed, engine), *clients))[0]

    def call(path):
        return hashlib.sha256(asyncio.run(opened(testbed_of(path))).numbers.tobytes()).hexdigest()

    return call


@pytest.fixture
def devices(operators_of, tmp_path):
    """Return a function that runs the week of a configuration of risks: each device's folder, with its own risk."""

    async def lived(testbed):
        manifest = testbed.manifest
        names = [party.name for party in manifest.clients]
        with operators_of(manifest) as operators:
            engine = RemotePart(manifest, operators.transports(ENGINE))
            parts = [host.week(manifest, testbed.private_state(name), operators.transports(name)) for name in names]
            agents = [own.synthetic_agents(CPU) for own in testbed.replicates]
            drive = simulate_replicates(manifest, engine, agents, [None] * len(agents))
            _, *risks = await asyncio.gather(drive, *parts)
            return dict(zip(names, risks, strict=True))

    def call(path):
        config = load_risk(path)
        people = select_departments(contacts_of(config.week()), config.people.departments)
        for name, risk in asyncio.run(lived(week(config, people, addresses(config.protocol)))).items():
            (tmp_path / name).mkdir()
            risk.write(tmp_path / name)
        return tmp_path

    return call


@pytest.fixture
def one_thread():
    """Let torch add up in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def fitted(one_thread):
    """Return a function that plays rounds of a calibration in this process.

    It yields the first round's opened sums in fixed point, int64[d], and the loss at the end: minus the log posterior
    density of the posterior's mean, of all institutions with what they have learnt.
    """

    def call(path, *, rounds):
        config = load_calibration(path)
        config = msgspec.structs.replace(
            config, federation=msgspec.structs.replace(config.federation, transport="in-process")
        )
        study = config.study()
        institutions = study.institutions(local_steps=config.fit.local_steps)
        fit = begin_fit(config, study, Recorded(in_process(config, institutions)))
        for _ in range(rounds):
            fit.advance()
        z = fit.draws(200, seed=1).mean(dim=0)
        log_x = fit.course.log_mean(z[None]).numpy()
        likelihood = sum(institution.answer(log_x)[1] for institution in institutions.values())
        return fit.sums.totals[0], float((z**2).sum() / 2) - likelihood

    return call


class Recorded:
    """A secure sum, with the totals that it opens."""

    def __init__(self, sums):
        self.sums, self.contribution, self.totals = sums, sums.contribution, []

    def open(self, announced):
        opened = self.sums.open(announced)
        self.totals.append(opened.total)
        return opened


def addresses(protocol):
    """Return as many addresses as a protocol asks for; nobody listens there."""
    return [f"localhost:{port}" for port in range(1, protocol.addresses + 1)]
