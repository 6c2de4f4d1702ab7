"""The third server of a run over permuted edges keeps its port no longer than the run may take place."""

import datetime
import threading

import pytest

from aggregator.mpc.config import Endpoint
from aggregator.mpc.net.mesh_join import listen
from aggregator.permutation.roles import Role
from aggregator.permutation.stages import Shape
from aggregator.permutation.worker import PermutationConfig, PermutationWorker, serve_third
from lpm_secure.testbed.deployment import free_addresses
from protocols.errors import ConfigError
from protocols.identity.certificates import new_authority
from tests.integration.mpc_parties import identity


@pytest.mark.parametrize("left_s", [-1.0, 0.3])
def test_the_port_of_a_run_whose_time_is_over_is_free_for_another_one(tmp_path, left_s):
    addresses = [address.rpartition(":") for address in free_addresses(3)]
    parties = tuple(Endpoint(name, host, int(port)) for name, (host, _, port) in zip("abc", addresses, strict=True))
    config = PermutationConfig(
        rank=Role.C,
        parties=parties,
        identity=identity(tmp_path, new_authority("testbed"), "c"),
        run=bytes(32),
        shape=Shape(2, 2, 1),
        period=1,
        steps=1,
        timeout_s=0.1,
        join_timeout_s=0.1,
    )
    worker, now = PermutationWorker(config), datetime.datetime.now(datetime.UTC)
    with pytest.raises(ConfigError, match="choose a free port"):
        PermutationWorker(config)
    serve_third(worker, threading.Event(), until=now + datetime.timedelta(seconds=left_s))
    listen(parties[Role.C]).close()
