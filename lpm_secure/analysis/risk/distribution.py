"""The distribution of risks, for the health authority: a short run whose cells are the bins.

Each device has one agent there, which is in the cell of the device's bin, speaks in every step, and meets nobody. The
totals of cells are shares, added up, noised in full by every aggregator, and only then opened, as in every other run.
They are opened twice, once for each round of a run of one step, and paid for twice: the estimate is their mean.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from lpm_secure.analysis.risk.config import RiskConfig
from lpm_secure.analysis.risk.worlds import device_of
from lpm_secure.config.laws import Delay
from lpm_secure.config.model import ModelConfig
from lpm_secure.config.releases import NoiseConfig, releases_for
from lpm_secure.config.simulation import CellConfig, Config, PrivateConfig
from lpm_secure.data.contact_data import ContactData
from lpm_secure.testbed.testbed import Testbed, build
from protocols.errors import ConfigError
from protocols.releases.query import Releases

STEPS: Final = 1
SPEAKS: Final = Delay(mean=10.0, sd=0.1)  # longer than the run


def distribution(config: RiskConfig, data: ContactData, addresses: Sequence[str]) -> Testbed:
    """Make the testbed of the distribution; it knows nobody's bin: every agent stands in the first cell.

    Raises:
        ConfigError: a protocol that suppresses small counts, which would take the noise's place.
    """
    if config.protocol.min_count:
        raise ConfigError("protocol.min_count: the distribution has noise instead; leave it out")
    nobody = np.zeros(0, dtype=np.int64)
    alone = dataclasses.replace(
        data, days=1, day=nobody, a=nobody, b=nobody, weight=nobody, group=tuple(map(device_of, data.people.tolist()))
    )
    testbed = build(_config(config), alone, addresses)
    cells = _released(config, testbed)
    manifest = msgspec.structs.replace(testbed.manifest, releases=cells)
    return dataclasses.replace(testbed, manifest=manifest, cell=np.zeros(data.people.size, dtype=np.int64))


def _config(config: RiskConfig) -> Config:
    always = ModelConfig(beta={"none": 0.0}, latent=SPEAKS, infectious=SPEAKS, initial=1.0)
    return Config(
        name=f"{config.name}-distribution",
        seed=config.seed,
        steps=STEPS,
        model=always,
        private=PrivateConfig(dataset=config.people.dataset, clients="group"),
        cells=CellConfig(count=config.distribution.bins),
        protocol=config.protocol,
    )


def _released(config: RiskConfig, testbed: Testbed) -> Releases:
    """Return the one release: cells, with noise."""
    given = config.distribution
    noise = NoiseConfig(epsilon=given.epsilon, cells_epsilon=given.epsilon, delta=given.delta)
    both = releases_for(noise, testbed.manifest.model.require_seir("histograms"), steps=STEPS, cells=True)
    each = tuple(release for release in both.each if release.name == "cells") if both else ()
    return Releases(each=each, rho=sum(release.rho(STEPS + 1) for release in each))
