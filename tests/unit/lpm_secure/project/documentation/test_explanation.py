"""A type's own words stand above each key of a file that a person fills in."""

import math
import tomllib

from lpm_secure.project.documentation.explanation import comment, explanations, toml_value
from protocols.task.policy import Policy


def test_every_key_of_a_policy_is_explained_by_its_docstring():
    words = explanations(Policy)
    assert words.keys() == set(Policy.__struct_fields__)
    assert words["min_count"] == "smaller counts are suppressed, as the manifest promises."
    assert words["max_epsilon"].endswith("which no epsilon bounds.")


def test_keys_stand_below_what_they_mean_and_optional_ones_in_a_comment():
    text = comment(Policy, {"min_cohort": 3, "max_epsilon": math.inf}, optional={"countersigned": True})
    assert tomllib.loads(text) == {"min_cohort": 3, "max_epsilon": math.inf}
    assert "\n# countersigned = true\n" in text
    assert text.index("a release covers at least") < text.index("min_cohort = 3")


def test_values_stand_on_one_line():
    value = {"a b": [1, "x"], "c": {}, "d": {"e": ["f"]}}
    assert toml_value(value) == '{ "a b" = [1, "x"], c = {}, d = { e = ["f"] } }'
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}
