"""`[environment]` of a configuration: who it names, and which keys that takes."""

import pytest

from lpm_secure.config.environment import environment_of
from lpm_secure.environments.threshold_policy import ThresholdPolicy
from protocols.errors import ConfigError, LpmError

POLICY = {"name": "threshold", "number": "closure", "total": "ILL", "above": 9, "below": 3}


def test_a_table_is_the_environment_that_it_names_and_an_empty_one_is_none():
    assert environment_of({}) is None
    assert environment_of(POLICY) == ThresholdPolicy("closure", "ILL", above=9, below=3)
    by_class = POLICY | {"name": "lpm_secure.environments.threshold_policy:ThresholdPolicy"}
    assert environment_of(by_class) == environment_of(POLICY)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": None}, r"\[environment\] needs a name: schedule, threshold, uniform, or package:Class"),
        ({"name": "thresold"}, "threshold"),
        ({"abov": 1}, "has abov, which threshold does not take; did you mean `above`"),
        ({"zzz": 1}, "known keys are number, total, above, below, on, off"),
        ({"above": "many"}, r"\[environment\] of threshold: Expected `int`"),
        ({"above": 1}, "give a below that is less than above"),
    ],
)
def test_a_mistake_is_one_line(changes, why):
    with pytest.raises(LpmError, match=why) as refused:
        environment_of(POLICY | changes)
    assert "\n" not in str(refused.value)


def test_a_key_that_is_missing_is_named():
    with pytest.raises(ConfigError, match="needs total, which threshold takes; give it"):
        environment_of({name: value for name, value in POLICY.items() if name != "total"})
