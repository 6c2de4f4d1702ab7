"""Names of a run's parties."""

import pytest

from protocols.errors import ParameterError
from protocols.task.parties import AggregatorParty, ClientParty


def test_two_parties_of_one_name_are_refused(manifest_of):
    client = ClientParty("aggregator-1", (1,))
    with pytest.raises(ParameterError, match="the name aggregator-1 is given to two parties"):
        manifest_of(clients=(client,))


@pytest.mark.parametrize("party", [{"clients": (ClientParty("engine", (1,)),)}, {"aggregators": None}])
def test_nobody_but_the_engine_is_named_engine(manifest_of, party):
    if party == {"aggregators": None}:
        party = {"aggregators": (AggregatorParty("engine", "h:1"), AggregatorParty("other", "h:2"))}
    with pytest.raises(ParameterError, match="a party is named engine"):
        manifest_of(**party)


@pytest.mark.parametrize("name", ["dealer", "aggregator", "aggregator-7"])
def test_no_client_has_the_name_of_a_role(manifest_of, name):
    with pytest.raises(ParameterError, match=f"a client cannot be named {name}"):
        manifest_of(clients=(ClientParty(name, (1,)),))
