"""Values of `--set`, as a configuration file has them."""

import tomllib
from collections.abc import Sequence
from typing import Any

from protocols.errors import ParameterError


def lists_of(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Return the values of each name: `NAME=A,B`, numbers, lists and quoted texts as TOML has them, words bare.

    Raises:
        ParameterError: there is no name or no value, or a name is there twice.
    """
    lists: dict[str, list[Any]] = {}
    for text in texts:
        name, mark, values = (part.strip() for part in text.partition("="))
        if not name or not mark or not values or name in lists:
            raise ParameterError(f"got --set {text}; give each name once: NAME=VALUE, or NAME=A,B to compare")
        lists[name] = _values(values)
    return lists


def _values(text: str) -> list[Any]:
    try:
        return list(tomllib.loads(f"values = [{text}]")["values"])
    except tomllib.TOMLDecodeError:
        return [each.strip() for each in text.split(",")]
