"""TOML into frozen types; a mistake names the nearest key, the place, and what is allowed."""

from pathlib import Path
from typing import Annotated, Literal, final, get_args

import msgspec
import pytest

from lpm_secure.city.config import is_city
from protocols.errors import ConfigError, ParameterError
from protocols.identity.signing import PublicKey
from protocols.identity.trust import NAME
from protocols.task.parties import Address
from protocols.toml_file import PATTERNS, load_config

ALL = sorted((Path(__file__).parents[4] / "examples").glob("*.toml"))
EXAMPLES = [path for path in ALL if "\n[private]" in path.read_text() or is_city(path)]  # of lpm run


@final
class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table in a table."""

    depth: int = 0


@final
class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A made-up configuration."""

    width: Annotated[int, msgspec.Meta(ge=1)]
    inner: Inner = Inner()

    def __post_init__(self) -> None:
        if self.width == 13:
            raise ParameterError("got width 13; any other is allowed: choose one")


@final
class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table in an array, or under a name."""

    colour: Literal["red", "blue"] | None = None


@final
class Painted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A made-up configuration with words to choose from."""

    width: int
    colour: Literal["red", "blue"] = "red"
    parts: tuple[Part, ...] = ()
    named: dict[str, Part] = {}


@final
class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A made-up configuration with a table of any keys."""

    width: int
    numbers: dict[str, int | dict[str, tuple[int, ...]]] = {}


def load(tmp_path, text, kind=Outer):
    path = tmp_path / "a.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(path, kind)


def refused(tmp_path, text, kind=Outer):
    """Return the message about a file, which is one line and begins with its path."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, kind)
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / "a.toml") in message
    return message


def test_a_file_becomes_a_frozen_type(tmp_path):
    read = load(tmp_path, "width = 2\n[inner]\ndepth = 3")
    assert read == Outer(2, Inner(3))
    with pytest.raises(AttributeError):
        read.width = 3


def test_an_unknown_key_names_the_nearest_known_one(tmp_path):
    assert refused(tmp_path, "widht = 2").endswith("unknown field `widht`; did you mean `width`?")


def test_an_unknown_key_in_a_table_names_the_nearest_known_one(tmp_path):
    message = refused(tmp_path, "width = 2\n[inner]\ndeep = 3")
    assert "unknown field `deep` - at `$.inner`; did you mean `depth`?" in message


def test_an_unknown_key_that_is_near_to_none_lists_all_of_its_table(tmp_path):
    assert refused(tmp_path, "width = 2\nxyzzy = 1").endswith("known keys are inner, width")
    assert refused(tmp_path, "width = 2\n[inner]\nxyzzy = 1").endswith("known keys are depth")


@pytest.mark.parametrize(
    "text",
    ['width = 1\ncolour = "blu"', 'width = 1\n[[parts]]\ncolour = "blu"', 'width = 1\n[named.a]\ncolour = "blu"'],
)
def test_a_word_that_is_not_allowed_is_shown_those_that_are(tmp_path, text):
    message = refused(tmp_path, text, Painted)
    assert message.endswith("allowed are 'blue', 'red'")


def test_a_wrong_value_of_a_table_of_any_keys_names_its_key_and_its_line(tmp_path):
    numbers = 'width = 1\n[numbers]\nfirst = 2\nstart = "0.1"\nlast = 3'
    message = refused(tmp_path, numbers, Measured)
    assert ":4: " in message
    assert message.endswith("got `str` - at `$.numbers.start`; got '0.1'")
    assert "`$.numbers.start.inner[1]`; got 'a'" in refused(
        tmp_path, 'width = 1\n[numbers.start]\ninner = [1, "a"]', Measured
    )
    dotted = refused(tmp_path, 'width = 1\n[numbers]\n"be.ta" = "x"', Measured)
    assert dotted.endswith("at `$.numbers[...]`; got {'be.ta': 'x'}")
    assert "`$.named.b.colour`; got 3" in refused(tmp_path, "width = 1\n[named.a]\n[named.b]\ncolour = 3", Painted)


@final
class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of bytes."""

    key: PublicKey


@pytest.mark.parametrize("text", ['key = "zz zz"', 'key = "zzzz"'])
def test_a_key_that_is_none_is_said_to_be_written_in_base64(tmp_path, text):
    assert "base64" in refused(tmp_path, text, Key)


def test_a_missing_key_is_named(tmp_path):
    assert "missing required field `width`" in refused(tmp_path, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("width = 0", ">= 1"),
        ('width = "2"', "got `str`"),
        ("width = 2.5", "got `float`"),
        ("width = nan", "got `float`"),
    ],
)
def test_a_value_out_of_its_range_says_what_is_allowed_and_where(tmp_path, text, said):
    message = refused(tmp_path, text)
    assert said in message
    assert "$.width" in message


def test_a_check_of_the_type_itself_is_passed_on_in_its_own_words(tmp_path):
    assert refused(tmp_path, "width = 13").endswith("a.toml: got width 13; any other is allowed: choose one")


@pytest.mark.parametrize("text", [b"width = ", b"width = 1\nwidth = 2", b"\xff\xfe", b'{"width": 1}'])
def test_what_is_no_toml_is_one_line(tmp_path, text):
    assert "is not TOML" in refused(tmp_path, text)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"^cannot read .*nowhere\.toml: No such file or directory$"):
        load_config(tmp_path / "nowhere.toml", Outer)


@pytest.mark.parametrize(
    ("text", "kind", "tables"),
    [
        ("width = 1\ndepth = 2", Outer, "[inner]"),
        ("width = 1\n[inner]\nwidth = 2", Outer, "the top level"),
        ("width = 1\n[[parts]]\nwidth = 2", Painted, "the top level"),
    ],
)
def test_a_key_of_another_table_is_answered_with_the_table(tmp_path, text, kind, tables):
    assert refused(tmp_path, text, kind).endswith(f"it is a key of {tables}")


def test_the_patterns_of_names_and_addresses_have_words():
    address = get_args(Address)[1].pattern
    assert set(PATTERNS) == {NAME, address}
