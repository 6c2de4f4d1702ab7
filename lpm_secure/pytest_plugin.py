"""`pytest --lpm-model=package.module:Class`: the claims that hold for every model, as tests of a model of one's own.

All that computes is imported when a test runs: every pytest loads this module.
"""

from typing import Final, final

import pytest

OPTION: Final = "--lpm-model"
CLAIMS: Final = {
    "every back end computes the same bits, in the declared ranges": "find_differences",
    "a private run between two operators equals the clear run": "find_disparity_of_two",
    "a private run between three operators equals the clear run": "find_disparity_of_three",
    "what aggregators receive does not depend on what is private": "find_leaks",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("lpm-secure").addoption(
        OPTION,
        action="append",
        default=[],
        metavar="PACKAGE:MODEL",
        help="add the tests that hold for every model, for this one: package.module:Class or a name of the library",
    )


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the tests of each model after the others."""
    for model in config.getoption(OPTION):
        items += [
            Claim.from_parent(session, name=f"{model}: {claim}", model=model, check=check)
            for claim, check in CLAIMS.items()
        ]


@final
class Claim(pytest.Item):
    """One claim about one model."""

    def __init__(self, *, model: str, check: str, **given: object) -> None:
        """Take the model's name: it is imported when the test runs, so that a mistake fails its tests alone."""
        super().__init__(**given)  # type: ignore[arg-type]
        self._model, self._check = model, check

    def runtest(self) -> None:
        """Fail with a line for each thing that does not hold."""
        from lpm_secure.audit.views import model_claims
        from lpm_secure.models.reference import find
        from protocols.errors import LpmError

        try:
            wrong: list[str] = getattr(model_claims, self._check)(find(self._model))
        except LpmError as error:
            wrong = [str(error)]
        if wrong:
            pytest.fail("\n".join(wrong), pytrace=False)

    def reportinfo(self) -> tuple[str, None, str]:
        """Return what a report calls the test."""
        return self._model, None, self.name
