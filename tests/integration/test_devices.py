"""Twelve phones over real processes and TLS, three servers that permute: the run equals the clear one."""

import os
import signal

import msgspec
import numpy as np
import pytest

from lpm_secure.data.contact_data import ContactData
from lpm_secure.engine.device import device_of
from lpm_secure.run.processes import run_clear, run_private
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build
from tests.integration.conftest import small_config

CPU = device_of("cpu")
PEOPLE = 12


def phones(seed=2):
    """Return the contacts of twelve people on two days."""
    draw = np.random.default_rng(seed)
    pairs = [(day, *sorted(draw.choice(PEOPLE, 2, replace=False) + 50)) for day in (0, 1) for _ in range(20)]
    day, a, b = np.array(sorted(set(pairs))).T
    return ContactData(
        people=np.arange(50, 50 + PEOPLE),
        group=("a",) * PEOPLE,
        days=2,
        day=day,
        a=a,
        b=b,
        weight=draw.integers(1, 50, day.size),
        source="drawn for a test",
        look_alike=True,
    )


def deployed(folder, data, *, steps=5, **changes):
    config = small_config(mode="outcome", edges="permuted", round_timeout_s=8.0, join_timeout_s=60.0, **changes)
    config = msgspec.structs.replace(
        config, steps=steps, private=msgspec.structs.replace(config.private, clients="person")
    )
    deployment = Deployment(folder, build(config, data, free_addresses(config.protocol.addresses)))
    deployment.write()
    return deployment


def test_phones_over_real_processes_equal_the_clear_run(tmp_path):
    deployment = deployed(tmp_path / "run", phones())
    private, clear = run_private(deployment, CPU), run_clear(deployment.testbed, CPU)
    assert private.series.hash == clear.series.hash
    assert private.lost == ()
    assert clear.series.departure_share("private") > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aggregator-0", "aggregator-1", "dealer"])
def test_a_server_that_is_killed_and_started_again_changes_no_bit(tmp_path, name, monkeypatch):
    from lpm_secure.run import processes

    deployment = deployed(tmp_path / "run", phones(), steps=12)
    monkeypatch.setattr(processes, "watch", lambda _: __import__("asyncio").sleep(3600))

    def on_step(step, release):
        if step == 4:
            os.kill(deployment.process(name).pid, signal.SIGKILL)
            deployment.process(name).wait()
            deployment.start_party(name)

    private = run_private(deployment, CPU, on_step)
    assert private.series.hash == run_clear(deployment.testbed, CPU).series.hash
