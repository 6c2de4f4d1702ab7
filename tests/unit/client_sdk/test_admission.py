"""Nothing leaves a client before its consent is on disk and paid for, whatever calls first, and whoever is called."""

import asyncio
import re

import numpy as np
import pytest

from client_sdk import LocalTransport, consent
from client_sdk.admission import Admission
from client_sdk.simulation.exchange import Exchange
from lpm_secure.testbed.keys import permissive, pin_keys
from protocols.errors import ConfigError, PolicyConflict, RecordsDiffer, Unavailable
from protocols.identity import signing
from protocols.releases.query import Release, Releases
from protocols.task import manifest as manifests
from protocols.task.policy import load_policy
from protocols.wire.messages import Join, JoinReply, Letter, RoundResult, Share

KEY = signing.new_key()


@pytest.fixture
def admission_of(manifest_of, tmp_path):
    def _admission(**given):
        manifest, _ = pin_keys(manifest_of(((1, 2), (3, 4)), **given))
        (tmp_path / "policy.toml").write_text(permissive(manifest))
        return Admission(manifest, tmp_path, "client-0", load_policy(tmp_path / "policy.toml"), KEY)

    return _admission


class Server:
    """Notes how many consents the client had on disk at each call; it answers nothing but refusals."""

    def __init__(self, folder):
        self.folder, self.seen = folder, []

    async def answer(self, caller, request):
        self.seen.append((type(request), len(consent.history(self.folder))))
        raise Unavailable("not today")

    def call(self, admission, *requests):
        async def calls():
            (gate,) = admission.gate([LocalTransport(self.answer, caller="client-0")])
            for request in requests:
                with pytest.raises(Unavailable):
                    await gate.call(request, timeout_s=1.0)

        asyncio.run(calls())


def test_a_letter_of_a_comparison_finds_the_consent_on_disk_and_the_join_after_it_no_second_one(admission_of):
    admission = admission_of()
    run, server = manifests.run_id(admission.manifest), Server(admission.folder)
    server.call(admission, Letter(run, 0), Letter(run, 1), Join(run, b""))
    assert server.seen == [(Letter, 1), (Letter, 1), (Join, 1)]
    assert [each.run for each in consent.history(admission.folder)] == [run]


def test_a_run_whose_server_refuses_every_call_is_paid_for_once_over_restarts(admission_of):
    first = admission_of()
    for _ in range(3):
        again = Admission(first.manifest, first.folder, first.client, first._owners, KEY)
        Server(first.folder).call(again, Letter(manifests.run_id(first.manifest), 0))
    assert len(consent.history(first.folder)) == 1


def test_a_comparison_of_contacts_that_comes_to_no_run_is_paid_for_with_every_manifest(admission_of):
    for period in (3, 4, 5):
        admission = admission_of(period=period)
        Server(admission.folder).call(admission, Letter(manifests.run_id(admission.manifest), 0))
    assert [each.number for each in consent.history(admission.folder)] == [1, 2, 3]


def test_what_prepares_a_call_costs_nothing(admission_of):
    admission = admission_of(mode="sum")
    Exchange(admission.manifest, "client-0", admission.gate([None] * len(admission.manifest.aggregators)))
    assert consent.history(admission.folder) == []


def test_where_another_run_took_the_rest_of_the_budget_meanwhile_nothing_is_called(admission_of, monkeypatch):
    def spent(*args, client):
        raise PolicyConflict("nothing is left")

    admission = admission_of()
    server = Server(admission.folder)
    monkeypatch.setattr(consent, "require_allowed", spent)
    with pytest.raises(PolicyConflict, match="nothing is left"):
        server.call(admission, Join(manifests.run_id(admission.manifest), b""))
    assert server.seen == []


def test_kits_of_the_same_people_share_one_budget_where_their_policies_say_so(manifest_of, tmp_path):
    """Else each kit's folder has a budget of its own: fifty kits told of the same people what none of them may."""
    rule = {"mechanism": "discrete-gaussian", "sigma": 12.0, "unit": "contribution", "epsilon": 0.01, "delta": 1e-6}
    releases = Releases(each=(Release(name="incidence", **rule),), rho=1.0)

    made = {name: manifest_of(mode="outcome", min_cohort=2, releases=releases, name=name) for name in ("one", "two")}
    manifests_of = {name: pin_keys(manifest)[0] for name, manifest in made.items()}

    def admission_of(name):
        manifest = manifests_of[name]
        (tmp_path / name).mkdir(exist_ok=True)
        text = re.sub("(max|total)_epsilon = inf", r"\1_epsilon = 0.4", permissive(manifest))
        (tmp_path / name / "policy.toml").write_text(f'consents = "../consents"\n{text}')
        return Admission(manifest, tmp_path / name, "client-0", load_policy(tmp_path / name / "policy.toml"), KEY)

    with pytest.raises(ConfigError, match=r"policy\.toml:1: .*consents is no folder; make it once"):
        admission_of("one").consent()
    (tmp_path / "consents").mkdir()
    for _ in range(2):
        admission_of("one").consent()
    with pytest.raises(PolicyConflict, match=r"all runs of this client may spend an epsilon of 0\.4 together"):
        admission_of("two").consent()
    assert [path.name for path in (tmp_path / "consents").iterdir()] == ["consent-1.json"]


def test_a_run_that_is_played_once_more_is_refused_before_a_share_leaves(admission_of):
    """It is paid for once: its releases would be told again for nothing."""
    admission, asked = admission_of(), []
    run = manifests.run_id(admission.manifest)

    async def answer(caller, request):
        asked.append(type(request))
        nothing = np.zeros(0, np.uint64)
        return JoinReply(0) if isinstance(request, Join) else RoundResult(request.step, nothing, nothing, nothing, 2)

    async def take_part(step):
        (gate,) = admission.gate([LocalTransport(answer, caller="client-0")])
        await gate.call(Join(run, b""), timeout_s=1.0)
        await gate.call(Share(run, step, np.zeros(1, np.uint64), start=bytes(16)), timeout_s=1.0)

    asyncio.run(take_part(3))
    with pytest.raises(RecordsDiffer, match="played once more"):
        asyncio.run(take_part(0))
    assert asked == [Join, Share, Join]
