"""TOML into frozen types: an unknown key is an error that names the nearest known one."""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from protocols.errors import ConfigError, LpmError

T = TypeVar("T", bound=msgspec.Struct)


def load_config(path: Path, kind: type[T]) -> T:
    """Read a TOML file into a frozen type.

    Raises:
        ConfigError: no such file, no TOML, an unknown or missing key, or a value out of its range.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        cause = error.__cause__
        message = (
            str(cause)
            if isinstance(cause, LpmError)
            else f"{error}{_hint(str(error), kind)}{_got(str(error), content)}"
        )
        raise ConfigError(f"{path}: {message}") from error


def _hint(message: str, kind: type[Any]) -> str:
    """Name the known key that is nearest to the unknown one."""
    unknown = re.search(r"unknown field `([^`]*)`", message)
    if unknown is None:
        return ""
    known = sorted(_keys(kind))
    near = difflib.get_close_matches(unknown[1], known, n=1)
    return f"; did you mean `{near[0]}`?" if near else f"; known keys are {', '.join(known)}"


def _got(message: str, content: Any) -> str:
    """Name the value that the message's path leads to; where a path stops at `[...]`, the table that holds it."""
    path = re.search(r"at `\$([^`]*)`", message)
    if path is None or "field" in message:
        return ""
    for key, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", path[1]):
        content = content[key] if key else content[int(index)]
    return f"; got {content!r}"


def _keys(kind: Any) -> set[str]:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return set()
    found: set[str] = set()
    for field in msgspec.structs.fields(kind):
        found |= {field.encode_name} | _keys(field.type)
    return found
