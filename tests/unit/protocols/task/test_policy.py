"""A client's owner allows some runs; each of the others is refused by the line of the policy that it conflicts with."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpm_secure.accounting import Cost, epsilon_of
from lpm_secure.models.tracer import trace
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from lpm_secure.testbed.keys import permissive, pin_keys
from protocols import canonical_json
from protocols.errors import ConfigError, PolicyConflict
from protocols.models.graph.agents import GraphModel
from protocols.releases.query import Release, Releases
from protocols.task import policy as policies
from protocols.task import signature as signatures
from tests.user_models import MODELS

POLICY = """# What the hospital's privacy officer allows.
min_cohort = 2
max_epsilon = inf   # exact releases
modes = ["outcome"]
outputs = ["tally", "cells"]
operators = [
  "testbed", "operator-of-aggregator-0",
  "operator-of-aggregator-1", "operator-of-dealer",
]
testbed = true
"""


@pytest.fixture(scope="module")
def manifest(manifest_of):
    return pin_keys(manifest_of(mode="outcome", cells=(5,), min_cohort=2))[0]


@pytest.fixture
def policy(tmp_path):
    """Return a function that writes a policy with one text replaced, and reads it."""

    def made(old="", new=""):
        assert old in POLICY
        path = tmp_path / "policy.toml"
        path.write_text(POLICY.replace(old, new))
        return policies.load_policy(path)

    return made


def test_an_owner_may_not_want_contacts_to_be_compared(manifest, policy):
    compared = msgspec.structs.replace(manifest, compare_contacts=True)
    policies.check(compared, policy())
    with pytest.raises(PolicyConflict, match=r":11: clients of this run compare what they list"):
        policies.check(compared, policy("testbed = true", "testbed = true\ncompare_contacts = false"))


def test_an_owner_says_how_many_replicates_may_be_made_at_once(manifest, policy):
    asked = msgspec.structs.replace(manifest, replicates=8)
    with pytest.raises(PolicyConflict, match="1 may be made at once, and the manifest asks for 8 replicates"):
        policies.check(asked, policy("testbed = true", "testbed = true"))
    policies.check(asked, policy("testbed = true", "testbed = true\nreplicates = 8"))
    with pytest.raises(PolicyConflict, match=r"policy.toml:\d+: 7 may be made at once"):
        policies.check(asked, policy("testbed = true", "testbed = true\nreplicates = 7"))


def test_an_owner_says_that_twins_may_tell_in_which_cells_agents_are(manifest, policy):
    twins = {client.name: (len(client.agents),) for client in manifest.clients}
    asked = msgspec.structs.replace(manifest, engine=True, twins=twins)
    with pytest.raises(PolicyConflict, match=r"the manifest says how many agents are in each cell, .* \(by default\)"):
        policies.check(asked, policy())
    policies.check(asked, policy("testbed = true", "testbed = true\ntwins = true"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("min_cohort = 2", "min_cohort = 3", ":2: min_cohort must be 3 or more, and the manifest promises 2"),
        (
            "testbed = true",
            "testbed = true\nmin_count = 5",
            ":11: min_count must be 5 or more, and the",
        ),
        ("testbed = true", "testbed = true\nmin_aggregators = 3", ":11: min_aggregators must be 3 or more, and the"),
        (
            "testbed = true",
            'testbed = true\nvalidity = ["off"]',
            ":11: allowed are off, and the manifest asks for",
        ),
        (
            "testbed = true",
            f'testbed = true\nidentities = {{ operator-of-dealer = "{"A" * 43}=" }}',
            ":11: the key of operator-of-dealer is 0000000000000000, and the manifest's ",
        ),
        ("inf  ", "1.5", ":3: epsilon may be 1.5, and the manifest releases exact numbers"),
        ('modes = ["outcome"]', 'modes = ["sum"]', ":4: allowed are sum, and the manifest asks for outcome"),
        ('["tally", "cells"]', '["tally"]', ":5: allowed are tally, and the manifest releases cells"),
        ('"operator-of-dealer",', "", ":6: operator-of-dealer is not among the operators"),
        ('"testbed", ', "", ":6: testbed is not among the operators"),
        ("testbed = true", "testbed = false", ":10: the manifest holds the seed of all draws"),
        ("testbed = true", "", "policy.toml: the manifest holds the seed of all draws, which is for simulated people"),
        ("testbed = true", 'testbed = true\nedges = ["secret"]', ":11: allowed are secret, and the manifest asks for"),
    ],
)
def test_a_run_that_asks_for_more_is_refused_by_file_and_line(manifest, policy, old, new, said):
    owners = policy(old, new)
    with pytest.raises(PolicyConflict, match=re.escape(f"{owners.path}{said}" if said[0] == ":" else said)) as caught:
        policies.check(manifest, owners)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sigma", [0.5, 1.19, 2.23, 4.22, 40.0])
@pytest.mark.parametrize("times", [1, 5])
def test_an_epsilon_follows_from_sigmas_and_is_a_little_above_the_accountants(manifest_of, sigma, times):
    """The manifest promises 0.01, whatever its sigma."""
    rule = Release(
        name="incidence",
        mechanism="discrete-gaussian",
        sigma=sigma,
        times=times,
        unit="contribution",
        epsilon=0.01,
        delta=1e-6,
    )
    noised = manifest_of(releases=Releases(each=(rule,), rho=100.0))
    exact = epsilon_of([Cost(sigma, 1, times)], 1e-6)
    assert exact <= policies.epsilon_of(policies.rho_of(noised), 1e-6) <= 1.25 * exact
    assert policies.outputs_of(noised) == ("incidence",)


def test_a_noised_run_is_allowed_up_to_its_epsilon_and_no_further(manifest_of, policy):
    rule = {"mechanism": "discrete-gaussian", "sigma": 4.22, "unit": "contribution", "epsilon": 0.01, "delta": 1e-6}
    releases = Releases(each=(Release(name="incidence", **rule),), rho=1.0)
    noised = pin_keys(manifest_of(mode="outcome", min_cohort=2, releases=releases))[0]
    allowed = policy("inf  ", "1.2").content.decode().replace('"tally"', '"incidence"')
    path = policy().path
    allowed += "max_delta = 1e-6\n"
    path.write_text(allowed)
    policies.check(noised, policies.load_policy(path))
    path.write_text(allowed.replace("1.2", "0.9"))
    with pytest.raises(PolicyConflict, match=r"epsilon may be 0.9, and the manifest spends 1\.0"):
        policies.check(noised, policies.load_policy(path))


@pytest.mark.parametrize("delta", [1e-6, 0.5, 0.9999])
def test_the_owner_says_at_which_delta_an_epsilon_is_reckoned_and_not_the_manifest(manifest_of, policy, delta):
    """With the manifest's own, noise of 0.24 would pass for an epsilon below 0.5: at 0.9999 anything does."""
    rule = {"mechanism": "discrete-gaussian", "sigma": 0.24, "unit": "contribution", "epsilon": 0.01, "delta": delta}
    releases = Releases(each=(Release(name="incidence", **rule),), rho=100.0)
    noised = pin_keys(manifest_of(mode="outcome", min_cohort=2, releases=releases))[0]
    owners = policy('["tally", "cells"]', '["incidence"]')
    owners.path.write_text(owners.path.read_text().replace("inf  ", "0.5"))
    with pytest.raises(PolicyConflict, match=r"epsilon may be 0.5, and the manifest spends 2\d"):
        policies.check(noised, policies.load_policy(owners.path))


@given(rho=st.floats(0, 1e6), more=st.floats(0, 10), delta=st.floats(1e-12, 1e-3))
def test_an_epsilon_is_never_negative_and_grows_with_the_cost(rho, more, delta):
    assert 0 <= policies.epsilon_of(rho, delta) <= policies.epsilon_of(rho + more, delta) * (1 + 1e-12)


def test_numbers_that_are_not_held_against_their_ranges_are_allowed_by_name(manifest_of, policy):
    trusting = pin_keys(manifest_of(mode="outcome", cells=(5,), min_cohort=2, validity="off"))[0]
    with pytest.raises(PolicyConflict, match=r"allowed are bits, and the manifest asks for off"):
        policies.check(trusting, policy())
    policies.check(trusting, policy("testbed = true", 'testbed = true\nvalidity = ["bits", "off"]'))


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("averaging", "", "allowed are bit, and the outcome heard_from reveals a sum"),
        ("averaging", 'reveals = ["bit", "sum"]\n', ""),
        ("cheapest", "", "allowed are once, restart, and that of any0 may change: step"),
        ("crowds", 'thresholds = ["once"]\n', "allowed are once, and that of infection may change: restart"),
        ("opinion", "", ""),
    ],
)
def test_what_a_model_reveals_is_allowed_by_name(manifest_of, policy, name, more, said):
    traced = trace(MODELS[name])
    model = GraphModel(traced.graph, dict(traced.parameters))
    given_ = {"model": model, "model_hash": model.digest, "channels": model.contact_channels}
    manifest = pin_keys(manifest_of(mode="outcome", cells=(5,), min_cohort=2, max_message=1000, **given_))[0]
    outputs = policy('outputs = ["tally"', 'outputs = ["observables", "tally"')
    outputs.path.write_text(outputs.path.read_text() + more)
    owners = policies.load_policy(outputs.path)
    if not said:
        return policies.check(manifest, owners)
    with pytest.raises(PolicyConflict, match=re.escape(said)):
        policies.check(manifest, owners)
    return None


def test_totals_of_observables_are_an_output_of_their_own(manifest_of, policy):
    traced = trace(MODELS["banks"])
    model = GraphModel(traced.graph, dict(traced.parameters))
    given_ = {"model": model, "model_hash": model.digest, "channels": model.contact_channels}
    manifest = pin_keys(manifest_of(mode="outcome", min_cohort=2, **given_))[0]
    with pytest.raises(PolicyConflict, match="allowed are tally, cells, and the manifest releases observables"):
        policies.check(manifest, policy())


def test_a_run_that_its_servers_operators_have_not_signed_is_refused_where_the_owner_asks(
    manifest_of, policy, tmp_path
):
    manifest, keys = pin_keys(manifest_of(mode="outcome"))
    path, owners = tmp_path / "manifest.json", policy("testbed = true", "testbed = true\ncountersigned = true")
    policies.check_countersignatures(manifest, path, policy())
    for each in keys.servers.values():
        with pytest.raises(PolicyConflict, match=r"policy.toml:11: every server's operator signs: cannot read"):
            policies.check_countersignatures(manifest, path, owners)
        made = signatures.countersign(manifest, each.identity)
        signatures.countersignature_path(path, made.server).write_bytes(canonical_json.encode(made))
    policies.check_countersignatures(manifest, path, owners)


def test_all_conflicts_are_named_at_once(manifest, policy):
    with pytest.raises(PolicyConflict) as caught:
        policies.check(msgspec.structs.replace(manifest, min_cohort=1), policy('"tally", "cells"', ""))
    assert len(re.findall(r"policy\.toml:\d+: ", str(caught.value))) == 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("min_cohort = 2\n", "", "missing required field `min_cohort`"),
        ("max_epsilon", "max_epsilom", "did you mean `max_epsilon`"),
        ('["outcome"]', '["both"]', "modes"),
        ("inf  ", "-1.0", "max_epsilon"),
        ("testbed = true", "max_delta = 0.9999", "max_delta"),
        ("testbed = true", "max_delta = 0.0", "max_delta"),
        ("testbed = true", f'identities = {{ operator-of-dealr = "{"A" * 43}=" }}', "who is not among operators"),
    ],
)
def test_a_mistake_in_a_policy_is_one_line(policy, old, new, said):
    with pytest.raises(ConfigError, match=said):
        policy(old, new)


def test_a_simulated_client_allows_what_its_manifest_asks_for_and_no_more(manifest, tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(permissive(manifest))
    owners = policies.load_policy(path)
    policies.check(manifest, owners)
    assert owners.policy.modes == ("outcome",)


def test_a_policy_that_asks_for_active_security_refuses_a_semi_honest_run(manifest, policy, manifest_of):
    asks = policy("testbed = true", 'security = "active"\ntestbed = true')
    with pytest.raises(PolicyConflict, match=r":10: it must be active, and the manifest's is not"):
        policies.check(manifest, asks)
    active, _ = pin_keys(manifest_of(mode="outcome", cells=(5,), min_cohort=2, security="active"))
    policies.check(active, asks)
    policies.check(active, policy())


def test_it_takes_a_sum_with_a_dealer_and_refuses_one_without(policy):
    asks = policy('outputs = ["tally", "cells"]', 'outputs = ["sum"]\nsecurity = "active"')
    parties = {"shape": (3,), "addresses": [NOWHERE] * 2, "rounds": 1, "min_cohort": 2}
    active, _ = pin_keys(manifest_for(("a", "b"), **parties, dealer=NOWHERE))
    policies.check(active, asks)
    with pytest.raises(PolicyConflict, match="it must be active"):
        policies.check(pin_keys(manifest_for(("a", "b"), **parties))[0], asks)
