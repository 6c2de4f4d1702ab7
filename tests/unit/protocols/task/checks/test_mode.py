"""What a mode needs of the parties, each lack in one line."""

import pytest

from protocols.errors import ManifestMismatch, ParameterError
from protocols.task.checks import mode
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty

PLAIN = tuple(AggregatorParty(f"agg-{place}", f"127.0.0.1:{place}") for place in (1, 2))
COMPARING = tuple(AggregatorParty(each.name, each.address, "127.0.0.1:9") for each in PLAIN)
PERMUTING = tuple(AggregatorParty(each.name, each.address, each.mpc, "127.0.0.1:8") for each in COMPARING)
DEALER, PERMUTER = DealerParty("dealer", "127.0.0.1:3"), DealerParty("dealer", "127.0.0.1:3", "127.0.0.1:7")


def outcome(model, aggregators=COMPARING, dealer=DEALER, *, masked=False, sharing="additive", bound=2**40):
    mode.check_outcome(model, aggregators, dealer, masked=masked, sharing=sharing, bound=bound)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"dealer": None}, "needs a dealer and an mpc address"),
        ({"aggregators": PLAIN}, "needs a dealer and an mpc address"),
        ({"masked": True}, "or, where security is active, of none"),
        ({"sharing": "clear"}, "compares additive shares"),
        ({"bound": 2**62}, "could need 63 bits, and a comparison takes 62"),
    ],
)
def test_an_outcome_without_what_compares_it_is_refused(seir, given, why):
    outcome(seir().agents)
    outcome(seir().agents, aggregators=PLAIN, masked=True)
    with pytest.raises(ParameterError, match=why):
        outcome(seir().agents, **given)


def test_a_model_is_of_the_runs_channels_and_of_its_version(seir):
    model = seir()
    mode.check_model(model, model.digest, channels=model.contact_channels)
    with pytest.raises(ParameterError):
        mode.check_model(model, model.digest, channels=("near", "far"))
    with pytest.raises(ManifestMismatch, match="another version of the model"):
        mode.check_model(model, "0" * 64, channels=model.contact_channels)
    mode.check_environment(model.agents, engine=False)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"mode": "sum"}, "need outcome mode, two aggregators and a dealer"),
        ({"aggregators": PERMUTING[:1]}, "need outcome mode, two aggregators"),
        ({"aggregators": COMPARING}, "need a permutation address"),
        ({"dealer": DEALER}, "need a permutation address"),
        ({"clients": [ClientParty("a", (1, 2))]}, "for clients of one agent each"),
        ({"channels": 0}, "on which this model tells nothing"),
        ({"derivatives": True}, "yields no derivatives"),
    ],
)
def test_edges_that_could_not_be_hidden_are_refused(given, why):
    asked = {"aggregators": PERMUTING, "dealer": PERMUTER, "clients": [ClientParty("a", (1,))], "mode": "outcome"}
    asked |= {"channels": 1, "derivatives": False}
    mode.check_permutation(**asked)
    with pytest.raises(ParameterError, match=why):
        mode.check_permutation(**asked | given)


def test_slots_and_permuted_edges_go_together():
    mode.check_edges("dense", None)
    for edges, devices in (("permuted", None), ("dense", object())):
        with pytest.raises(ParameterError, match="give both or neither"):
            mode.check_edges(edges, devices)
