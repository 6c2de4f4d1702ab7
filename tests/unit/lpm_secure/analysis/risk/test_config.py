"""Whose risks are asked for: of a data set, or of people of one's own, and nothing is passed over."""

import datetime

import pytest

from lpm_secure.analysis.risk.config import DistributionConfig, PeopleConfig
from protocols.errors import ConfigError


@pytest.mark.parametrize(
    "own",
    [{"contacts": "c.csv"}, {"start": datetime.date(2026, 3, 2)}, {"column": "ward"}],
    ids=lambda own: next(iter(own)),
)
def test_what_is_of_own_people_is_refused_without_them(own):
    with pytest.raises(ConfigError, match="of your own people; say people, or leave them out"):
        PeopleConfig(**own)
    assert PeopleConfig(people="p.csv", **own).people == "p.csv"


@pytest.mark.parametrize("edges", [(0.3, 0.1), (0.1, 0.1)])
def test_edges_that_are_not_in_order_are_refused(edges):
    with pytest.raises(ConfigError, match="give each once, the lowest first"):
        DistributionConfig(epsilon=1.0, edges=edges)
