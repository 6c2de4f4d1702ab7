"""What a holder knows makes risks better: the Brier score of 300 drawn weeks, with and without known states.

The weeks are those of `examples/risk.toml`, among generated people of two departments: in each the true states of the
first day are drawn, then who is infected in seven days. A person's risk is the share of worlds with an infection, for
people who are healthy at first. Once nobody's state is known; once everybody's is, which is what one's own device and
the others' may take in, each of its own person.
"""

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest

from lpm_secure.analysis.risk import replay
from lpm_secure.analysis.risk.config import load
from lpm_secure.analysis.risk.personal import BEHAVIOURS
from lpm_secure.analysis.risk.worlds import select_departments, week
from lpm_secure.data import look_alike
from tests.epidemics import Stage

CONFIG = load(Path(__file__).parents[2] / "examples" / "risk.toml")
TRUTHS, WORLDS = 300, 64
ADDRESSES = tuple(f"localhost:{port}" for port in range(1, 6))


def stages(worlds, *, seed, known=None):
    """Return stages on the first and on the last day, int64[people, worlds] each, of those who go on as before."""
    config = msgspec.structs.replace(CONFIG, worlds=worlds, seed=seed)
    data = select_departments(look_alike.look_alike(1), CONFIG.people.departments)
    if known is not None:
        data = dataclasses.replace(data, columns={"stage": known.astype(np.int64)})
    testbed = week(config, data, ADDRESSES)
    order = np.argsort([int(client.name.removeprefix("person-")) for client in testbed.manifest.clients])
    start = replay._start(testbed)
    first, last = replay._simulated(testbed.manifest, start, replay._directed(testbed))
    shape = (len(order), worlds, BEHAVIOURS)
    return first.reshape(shape)[order, :, 0], last.reshape(shape)[order, :, 0]


def share_infected(first, last):
    """Return of each person the share of its healthy worlds with an infection."""
    healthy = first == Stage.S
    return np.where(healthy, last != Stage.S, False).sum(axis=1) / np.maximum(healthy.sum(axis=1), 1)


@pytest.mark.slow
def test_known_states_lower_the_brier_score_of_personal_risks(record_property):
    begun, ended = stages(TRUTHS, seed=10_001)
    unknown = share_infected(*stages(10 * WORLDS, seed=20_002))
    scores = np.zeros((TRUTHS, 2))
    for truth in range(TRUTHS):
        known = share_infected(*stages(WORLDS, seed=30_003 + truth, known=begun[:, truth]))
        healthy = begun[:, truth] == Stage.S
        infected = ended[healthy, truth] != Stage.S
        scores[truth] = [((risk[healthy] - infected) ** 2).mean() for risk in (unknown, known)]
    without, with_ = scores.mean(axis=0)
    gain = scores[:, 0] - scores[:, 1]
    error = gain.std() / np.sqrt(TRUTHS)
    said = f"{without:.4f} without, {with_:.4f} with known states; gain {gain.mean():.4f} +- {error:.4f}"
    record_property("brier", said)
    print("Brier score", said)
    assert gain.mean() > 5 * error
    assert with_ < 0.95 * without
