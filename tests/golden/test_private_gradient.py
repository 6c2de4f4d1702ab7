"""The derivatives that private runs open, bit for bit, whatever is moved or renamed.

Source: frozen from this code, after private == clear held for drawn runs (tests/conformance). A hash is that of all
numbers that a run finds, as float64. Sums over shares are integers, so tangents and scores are the clear run's.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
EXACT = {
    "adjoints": "b9eb77ebfa1ed8f3a7bc4942b15ab6f6f7ff9397babfd0dea9a2c4a24ca5fe5b",
    "tangents": "98f7048e6451b595a8b275dca355d0952b28441e9f6654a47b5e174da2b53521",
    "score": "b63547da284e6be5ab1f99e4e5e257372ab1fb99f9550868b4a10d4f6293808c",
    "hidden_score": "59bce171685a60a8a1ef77ac6d446304174f3e12ed005f8e8f83447c615dfd8c",
}
EXAMPLE = "b609aba81487dddab8822c8f40b74aecc2df4963dff797f5c835c78abdf0e531"


def configuration(name):
    return HERE / "configurations" / f"{name}.toml"


@pytest.mark.parametrize("name", EXACT)
def test_a_private_gradient_is_opened_as_ever(name, private_gradient):
    assert private_gradient(configuration(name)) == EXACT[name]


@pytest.mark.parametrize("name", EXACT)
def test_a_clear_gradient_is_found_as_ever(name, hash_of):
    assert hash_of("gradient:", "run", configuration(name), "--clear") == EXACT[name]


def test_the_gradient_of_the_workplace_is_found_as_ever(hash_of, require_data):
    require_data("workplace_invs15")
    example = HERE.parents[1] / "examples" / "private_gradient.toml"
    assert hash_of("gradient:", "run", example, "--clear") == EXAMPLE
