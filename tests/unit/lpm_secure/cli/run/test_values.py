"""Values of `--set` are read as a configuration file has them."""

import pytest

from lpm_secure.cli.run.values import lists_of
from protocols.errors import ParameterError


def test_numbers_lists_and_words_are_read():
    texts = ["model.initial=0.3, 0.4", "days=[1, 2]", "engine.backend=numba,torch", 'name="a,b"']
    assert lists_of(texts) == {
        "model.initial": [0.3, 0.4],
        "days": [[1, 2]],
        "engine.backend": ["numba", "torch"],
        "name": ["a,b"],
    }


@pytest.mark.parametrize("text", ["start", "=3", "start="])
def test_what_has_no_name_or_value_is_refused(text):
    with pytest.raises(ParameterError, match="NAME=VALUE"):
        lists_of([text])
    with pytest.raises(ParameterError, match="each name once"):
        lists_of(["a=1", "a=2"])
