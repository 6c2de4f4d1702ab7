"""An operator's page, from a real ledger and real metrics: names, counts, bytes, seconds and costs, and no value."""

import base64
import json
import socket

import msgspec
import pytest

from aggregator.metrics import Metrics
from aggregator.release.ledger import Ledger
from aggregator.release.ledger_entries import record_of_round
from lpm_secure.monitor.operator_view import OperatorView, summarise
from lpm_secure.testbed.keys import pin_keys
from protocols import canonical_json
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.errors import ParameterError
from protocols.identity import signing
from protocols.releases.ledger import file_name
from protocols.task import manifest as manifests
from protocols.task import signature as signatures
from protocols.task.release_plan import ReleasePlan


@pytest.fixture
def aggregator(manifest_of, tmp_path):
    """Return the folder of an aggregator, and a function that gives it a metrics port."""
    manifest, keys = pin_keys(manifest_of())
    path = tmp_path / "manifest.json"
    path.write_bytes(manifests.encode(manifest))
    signatures.signature_path(path).write_bytes(canonical_json.encode(signatures.sign(manifest, keys.operator)))
    key = keys.servers["aggregator-0"].identity
    run = manifests.run_id(manifest)
    ledger = Ledger(tmp_path / file_name(run), run=run, name="aggregator-0", key=key)

    def configure(port=0):
        config = {
            "name": "aggregator-0",
            "listen": "localhost:1",
            "credentials": ".",
            "manifests": ["manifest.json"],
            "operator_key": signing.public_of(keys.operator),
            "store": "sqlite://",
            "metrics_port": port,
            "runs": "runs",
        }
        (tmp_path / "config.toml").write_bytes(msgspec.toml.encode(config))
        return OperatorView(tmp_path)

    return manifest, ledger, configure


def close(ledger, manifest, number, members, *, refused=()):
    record = record_of_round(ReleasePlan.of(manifest), RoundNumber(number), members, refused=refused, public={})
    ledger.write_closing(record, tuple(ledger.delivery(number, name, b"4711-secret") for name in members))


def test_members_releases_and_refusals_follow_the_ledger(aggregator):
    manifest, ledger, configure = aggregator
    view = configure()
    (run,) = view.status()["runs"]
    assert (run["round"], set(run["clients"].values())) == (None, {"expected"})
    for client in ("client-0", "client-1", "client-2"):
        ledger.write_joining(client, Step(0))
    close(ledger, manifest, 0, ("client-0", "client-1", "client-2"))
    close(ledger, manifest, 1, ("client-0",), refused=("client-2",))
    ledger.write_refusal(RoundNumber(2), "cohort_too_small", "cannot release a sum of 0 clients")
    status = view.status()
    (run,) = status["runs"]
    assert run["clients"] == {"client-0": "here", "client-1": "late", "client-2": "refused"}
    assert (run["round"], run["step"], run["spent"], run["budget"]) == (1, 1, 0.0, 0.0)
    assert [(each["name"], each["made"]) for each in run["releases"]] == [("tally", 2)]
    assert [each["code"] for each in run["refusals"]] == ["cohort_too_small"]
    assert status["metrics"] is None
    assert "4711" not in json.dumps(status)
    assert configure().status() == status  # read again from the first line


def test_runs_that_the_server_took_in_are_seen_and_those_that_it_refused_are_not(aggregator, tmp_path):
    _, _, configure = aggregator
    (tmp_path / "runs").mkdir()
    for name in ("spring.json", "spring.sig", "refused.json"):
        source = tmp_path / ("manifest.sig" if name.endswith(".sig") else "manifest.json")
        (tmp_path / "runs" / name).write_bytes(source.read_bytes())
    assert len(configure().status()["runs"]) == 1
    (tmp_path / "runs" / "spring.aggregator-0.sig").touch()
    assert len(configure().status()["runs"]) == 2


def test_queue_calls_and_seconds_are_those_of_the_metrics(aggregator):
    _, _, configure = aggregator
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    view = configure(port)
    assert view.status()["metrics"] == {"up": False}
    metrics = Metrics()
    metrics.waiting.set(3)
    metrics.calls.labels("Exchange").inc(4)
    metrics.refused.labels("Exchange", "unavailable").inc()
    metrics.received.labels("Exchange").inc(1000)
    metrics.sent.labels("Exchange").inc(500)
    for seconds in (0.1, 0.3):
        metrics.seconds.labels("Exchange").observe(seconds)
        metrics.note_computation("OUTCOMES", 2 * seconds)
    from prometheus_client import start_http_server

    server, thread = start_http_server(port, addr="127.0.0.1", registry=metrics.registry)
    try:
        told = view.status()["metrics"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (told["up"], told["waiting"]) == (True, 3)
    (row,) = told["methods"]
    assert row.pop("mean_s") == pytest.approx(0.2)
    (computed,) = told["computations"]
    assert computed.pop("mean_s") == pytest.approx(0.4)
    assert computed == {"name": "OUTCOMES", "count": 2}
    assert row == {"method": "Exchange", "calls": 4, "refused": 1, "received": 1000, "sent": 500}


def test_what_is_no_metric_of_ours_is_left_out():
    assert summarise('python_info{x="1"} 1.0\nlpm_calls_total{method="<script>"} 1\nnonsense') == {
        "waiting": 0,
        "methods": [],
        "computations": [],
    }


def test_a_folder_of_nobody_is_one_line(tmp_path):
    with pytest.raises(ParameterError, match=r"has no config\.toml, and is no kit"):
        OperatorView(tmp_path)


@pytest.mark.parametrize("role", ["client", "dealer", "engine"])
def test_the_kit_of_another_party_is_one_line_that_says_whose_it_is(tmp_path, role):
    lines = [f'{key} = "x"' for key in ("name", "run", "operator")]
    lines += [f'operator_key = "{base64.b64encode(bytes(32)).decode()}"', "listen = []", "made = 2026-03-02T00:00:00Z"]
    (tmp_path / "kit.toml").write_text("\n".join([f'role = "{role}"', *lines]))
    (tmp_path / "config.toml").write_text('manifest = "manifest.json"\n')
    with pytest.raises(ParameterError, match=f"is a kit for the role {role}; give the kit of an aggregator"):
        OperatorView(tmp_path)
