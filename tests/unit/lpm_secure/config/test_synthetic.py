"""What a configuration says of synthetic agents."""

import pytest

from lpm_secure.config.synthetic import SyntheticConfig
from protocols.errors import ConfigError


@pytest.mark.parametrize("given", [{"population": "look_alike"}, {"beta": {"household": 0.1}}])
def test_a_population_without_betas_or_betas_without_one_are_refused(given):
    with pytest.raises(ConfigError, match="go together"):
        SyntheticConfig(agents=600, **given)
