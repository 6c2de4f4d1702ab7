"""The error tree: drawn, coded, and the same on both sides of a call."""

import re

import pytest

from protocols import errors
from protocols.errors import LpmError, ParameterError, ProtocolError, TooManyCalls, Unavailable, error_of


def tree(cls=LpmError):
    return {cls: cls.__subclasses__()} | {k: v for child in cls.__subclasses__() for k, v in tree(child).items()}


def all_of_ours():
    """Return the classes of the errors' module; tests may define others."""
    return [cls for cls in tree() if cls.__module__ == errors.__name__]


def drawn():
    """Return parent by child, as the docstring draws them."""
    found, path = {}, []
    for line in errors.__doc__.splitlines():
        match = re.match(r"^    ([│ ]*)(?:[├└]── )?([A-Z]\w+)(  .*)?$", line)
        if match:
            depth = len(match[1]) // 4 + ("── " in line)
            path[depth:] = [match[2]]
            found[match[2]] = path[depth - 1] if depth else None
    return found


def test_the_drawn_tree_is_the_tree_of_classes():
    real = {cls.__name__: cls.__mro__[1].__name__ for cls in all_of_ours() if cls is not LpmError}
    assert drawn() == {"LpmError": None} | real


def test_every_error_is_defined_in_one_module():
    assert {cls.__module__ for cls in tree()} == {errors.__name__}


def test_every_code_belongs_to_one_class():
    codes = [cls.code for cls in all_of_ours()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_codes_are_stable():
    assert {cls.__name__: cls.code for cls in all_of_ours()} == {
        "LpmError": "error",
        "ParameterError": "parameter",
        "ConfigError": "config",
        "DataError": "data",
        "WouldWrap": "would-wrap",
        "OtherVersion": "other-version",
        "BadSignature": "bad-signature",
        "PolicyConflict": "policy-conflict",
        "ModelError": "model",
        "BoundError": "bound",
        "ProtocolError": "protocol",
        "WireError": "wire",
        "WrongLength": "wrong-length",
        "ManifestMismatch": "manifest-mismatch",
        "NotEnrolled": "not-enrolled",
        "Revoked": "revoked",
        "NotSealed": "not-sealed",
        "NotJoined": "not-joined",
        "ConflictingReplay": "conflicting-replay",
        "RoundClosed": "round-closed",
        "ShareRefused": "share-refused",
        "AnswerLost": "answer-lost",
        "RoundAhead": "round-ahead",
        "BudgetSpent": "budget-spent",
        "CohortTooSmall": "cohort-too-small",
        "PartiesDisagree": "parties-disagree",
        "RunEnded": "run-ended",
        "OutOfRange": "out-of-range",
        "AnnouncementsDiffer": "announcements-differ",
        "ResultsDiffer": "results-differ",
        "RepeatSpent": "repeat-spent",
        "RecordsDiffer": "records-differ",
        "RunExpired": "run-expired",
        "Unavailable": "unavailable",
        "TooManyCalls": "too-many-calls",
    }


@pytest.mark.parametrize("cls", all_of_ours(), ids=lambda cls: cls.__name__)
def test_an_error_is_the_same_class_again_on_the_other_side(cls):
    error = error_of(cls.code, "what was said")
    assert type(error) is cls
    assert str(error) == "what was said"


@pytest.mark.parametrize("code", ["", "no-such-code", "LpmError"])
def test_an_unknown_code_is_an_error_of_the_protocol(code):
    assert type(error_of(code, "from a later version")) is ProtocolError


def test_only_an_unavailable_party_may_be_called_again():
    assert [cls for cls in all_of_ours() if cls.retry] == [Unavailable, TooManyCalls]


def test_a_mistake_of_a_person_is_a_value_error():
    assert issubclass(ParameterError, ValueError)
    assert not issubclass(ProtocolError, ValueError)


def test_every_error_says_what_it_means():
    assert all(cls.__doc__ for cls in all_of_ours())
