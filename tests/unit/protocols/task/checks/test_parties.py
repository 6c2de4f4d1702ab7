"""Every name once, every agent once, and as many clients as a release must cover."""

import pytest

from protocols.errors import LpmError, ParameterError
from protocols.task.checks.parties import check_agents, check_cohort, check_names
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty

SERVERS = (AggregatorParty("agg-a", "127.0.0.1:1"), AggregatorParty("agg-b", "127.0.0.1:2"))
DEALER = DealerParty("dealer-c", "127.0.0.1:3")


def clients(*agents):
    return [ClientParty(f"client-{place}", tuple(each)) for place, each in enumerate(agents)]


@pytest.mark.parametrize(
    ("name", "dealer", "why"),
    [("agg-a", DEALER, "agg-a is given to two"), ("dealer-c", DEALER, "dealer-c is given to two")],
)
def test_two_parties_of_one_name_are_refused(name, dealer, why):
    with pytest.raises(ParameterError, match=why):
        check_names(SERVERS, dealer, [ClientParty(name, (1,))])


@pytest.mark.parametrize("name", ["engine", "dealer"])
def test_no_client_has_the_name_of_a_role(name):
    check_names(SERVERS, None, clients([1]))
    with pytest.raises(LpmError, match=name):
        check_names(SERVERS, None, [ClientParty(name, (1,))])


def test_nobodys_run_and_an_agent_of_two_clients_are_refused():
    check_agents(clients([1, 2], [3], []))
    for given, why in (([], "at least one client"), (clients([1], [2, 1]), "listed twice"), (clients([1, 1]), "twice")):
        with pytest.raises(ParameterError, match=why):
            check_agents(given)


def test_a_cohort_is_of_clients_that_have_agents():
    check_cohort(clients([1], [2], []), 2)
    with pytest.raises(ParameterError, match="min_cohort is 3, but the run has 2 clients with agents: set it lower"):
        check_cohort(clients([1], [2], []), 3)
    with pytest.raises(ParameterError, match="but the run has 1 client: set it lower"):
        check_cohort(clients([1]), 2)
