"""The runs of one aggregator's process: which ones it takes while it serves."""

import msgspec
import pytest

from aggregator.config import AggregatorConfig
from aggregator.wire.interceptor import CALLS_OF_ONE
from aggregator.wire.run_registry import RunRegistry
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import ConfigError
from protocols.identity import certificates
from protocols.task import manifest as manifests

NAME = "aggregator-0"


def test_a_run_with_more_clients_than_the_server_has_room_for_is_refused_until_it_is_started_again(
    manifest_of, tmp_path, monkeypatch
):
    first, keys = pin_keys(manifest_of())
    keys.servers[NAME].write(tmp_path)
    certificates.write(tmp_path, keys.credentials[NAME])
    given = {"credentials": ".", "manifests": (), "operator_key": bytes(32), "store": "sqlite:///a.db", "runs": "runs"}
    further, calls = msgspec.structs.replace(first, name="further"), CALLS_OF_ONE * len(first.clients)

    def begun(*taken):
        runs = RunRegistry(AggregatorConfig(name=NAME, listen="localhost:1", **given), tmp_path)
        runs.most_calls = calls
        for manifest in taken:
            runs.begin(manifest)
        return runs

    runs = begun(first)
    with pytest.raises(ConfigError, match=f"could have {2 * calls} calls at once, and it takes {calls} .* start it"):
        runs.add(further)
    assert len(runs) == 1
    monkeypatch.setattr(RunRegistry, "_is_over", lambda _, run: run == manifests.run_id(first))
    runs.add(further)  # nobody calls much for a run that is over
    monkeypatch.undo()
    assert begun(first, further).most_calls == 2 * calls
