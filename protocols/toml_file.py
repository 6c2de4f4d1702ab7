"""TOML into frozen types: an unknown key is an error that names the nearest known one."""

import copy
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec.inspect import (
    DictType,
    ListType,
    LiteralType,
    Metadata,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

from protocols.errors import ConfigError, LpmError, did_you_mean

T = TypeVar("T", bound=msgspec.Struct)
PATTERNS: Final[Mapping[str, str]] = {  # of texts that files have, in words
    r"^[a-z0-9][a-z0-9._-]{0,62}\Z": "a name of a-z, 0-9, '.', '_' and '-', up to 63, beginning with a letter or digit",
    r"^[A-Za-z0-9.\-\[\]:]{1,255}:[0-9]{1,5}\Z": "host and port, such as server.example:8443",
}
KEY: Final = re.compile(r"[\w-]+")
STEP: Final = re.compile(r"\.([\w-]+)|\[(\d+)\]")  # of the path in a message


def load_config(path: Path, kind: type[T]) -> T:
    """Return the TOML file at `path` as an object of a frozen type, `kind`.

    Raises:
        ConfigError: no such file, no TOML, an unknown or missing key, or a value out of its range.
    """
    return convert_tables(read_tables(path), kind, origin=str(path), text=path.read_text(encoding="utf-8"))


def convert_tables(content: Mapping[str, Any], kind: type[T], *, origin: str, text: str = "") -> T:
    """Convert plain values, as a TOML file has them, into a frozen type.

    Args:
        content: tables by their names.
        kind: of the configuration.
        origin: where they come from, for messages.
        text: of the file, in which a message names the line; none where there is no file.

    Raises:
        ConfigError: an unknown or missing key, or a value out of its range.
    """
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        cause, said = error.__cause__, _name_keys(str(error), content, kind)
        message = (
            str(cause) if isinstance(cause, LpmError) else f"{_plain(said)}{_got(said, content)}{_hint(said, kind)}"
        )
        line = _line(text, said)
        raise ConfigError(f"{origin}:{line}: {message}" if line else f"{origin}: {message}") from error


def _name_keys(message: str, content: Mapping[str, Any], kind: type[Any]) -> str:
    """Return a message whose path has the key that it is about in place of each `[...]`: with it alone, it is the same.

    A key that no path could have stays `[...]`.
    """
    said = message
    while (found := re.search(r"at `\$([^`]*?)\[\.\.\.\]", said)) and isinstance(_value_at(found[1], content), dict):
        for key in _value_at(found[1], content):
            alone = copy.deepcopy(dict(content))
            table = _value_at(found[1], alone)
            value = table[key]
            table.clear()
            table[key] = value
            if KEY.fullmatch(key) and _refusal(alone, kind) == message:
                said = f"{said[: found.end(1)]}.{key}{said[found.end() :]}"
                break
        else:
            break
    return said


def _refusal(content: Mapping[str, Any], kind: type[Any]) -> str:
    try:
        msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _value_at(path: str, content: Any) -> Any:
    """Return the value that a message's path leads to, as far as it names keys."""
    for key, index in STEP.findall(path.partition("[...]")[0]):
        content = content[key] if key else content[int(index)]
    return content


def _plain(message: str) -> str:
    """Return a message with words in place of a pattern that we have words for."""
    for pattern, words in PATTERNS.items():
        message = message.replace(f"Expected `str` matching regex {pattern!r}", f"Expected {words}")
    return message


def read_tables(path: Path) -> dict[str, Any]:
    """Read a TOML file as plain values, for what must know which tables there are before it knows their types.

    Raises:
        ConfigError: no such file, or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _line(text: str, message: str) -> int:
    """Return the line of the key or table that a message is about, from 1; 0 where it is about the whole file."""
    at, unknown = re.search(r"at `\$([^`]*)`", message), re.search(r"unknown field `([^`]*)`", message)
    wanted = [key or int(index) for key, index in STEP.findall(at[1].partition("[...]")[0])] if at else []
    wanted += [unknown[1]] if unknown else []
    best, line, table = 0, 0, list[str | int]()
    tables: Counter[str] = Counter()
    for number, each in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]", each):
            table = list(_keys(header[2]))
            table += [tables[header[2]]] if header[1] == "[[" else []
            tables[header[2]] += 1
            place = table
        elif entry := re.match(r"\s*([\w.\"'-]+)\s*=", each):
            place = [*table, *_keys(entry[1])]
        else:
            continue
        if best < len(place) <= len(wanted) and place == wanted[: len(place)]:
            best, line = len(place), number
    return line


def _keys(dotted: str) -> list[str]:
    return [key.strip(" \"'") for key in dotted.split(".")]


def _hint(message: str, kind: type[Any]) -> str:
    """Say what the message leaves out: the known keys of the table, or the values that are allowed."""
    path = re.search(r"at `\$([^`]*)`", message)
    here = _types_at(kind, path[1] if path else "")
    if unknown := re.search(r"unknown field `([^`]*)`", message):
        known = sorted(field.encode_name for one in here if isinstance(one, StructType) for field in one.fields)
        if tables := _tables_with(unknown[1], type_info(kind), "the top level"):
            return f"; it is a key of {' and '.join(dict.fromkeys(tables))}"
        return did_you_mean(unknown[1], known, quote="`") or f"; known keys are {', '.join(known)}"
    if message.startswith("Expected `bytes` of length"):
        return "; the bytes are written in base64"
    if message.startswith("Invalid enum value"):
        allowed = [repr(value) for one in here if isinstance(one, LiteralType) for value in one.values]
        return f"; allowed are {', '.join(allowed)}" if allowed else ""
    return ""


def _tables_with(key: str, kind: Type, table: str) -> list[str]:
    """Name the tables of a configuration in which a key is known, for who wrote it into another."""
    below = "" if table == "the top level" else table[1:-1] + "."
    found = []
    for one in _alternatives(kind):
        for field in one.fields if isinstance(one, StructType) else ():
            found += [table] if field.encode_name == key else []
            found += _tables_with(key, field.type, f"[{below}{field.encode_name}]")
    return found


def _got(message: str, content: Any) -> str:
    """Name the value that the message's path leads to; where a path stops at `[...]`, the table that holds it."""
    path = re.search(r"at `\$([^`]*)`", message)
    if path is None or "field `" in message:
        return ""
    return f"; got {_value_at(path[1], content)!r}"


def _types_at(kind: type[Any], path: str) -> list[Type]:
    """Return the types that a value at a message's path may have."""
    found = _alternatives(type_info(kind))
    for key in re.findall(r"\.([\w-]+)|\[[^\]]*\]", path):
        found = [inner for one in found for inner in _inside(one, key)]
    return found


def _inside(one: Type, key: str) -> list[Type]:
    if isinstance(one, StructType):
        return [inner for field in one.fields if field.encode_name == key for inner in _alternatives(field.type)]
    if isinstance(one, DictType):
        return _alternatives(one.value_type)
    return _alternatives(one.item_type) if isinstance(one, ListType | VarTupleType) else []


def _alternatives(one: Type) -> list[Type]:
    if isinstance(one, Metadata):
        return _alternatives(one.type)
    return [inner for part in one.types for inner in _alternatives(part)] if isinstance(one, UnionType) else [one]
