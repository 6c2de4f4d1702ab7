"""People and contacts of one's own, as a program has them: paths, frames or a graph, made files of a private folder."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, final

import pyarrow as pa
from pyarrow import parquet

from client_sdk.private.columnar import frame_of
from protocols.errors import ParameterError

PERSON: Final = "person"
ENDS: Final = ("a", "b")
TIMES: Final = ("day", "date", "start", "end")


@final
class OwnFolder:
    """A folder of this user alone, which goes when nothing in this process needs it any more.

    Security: people's rows lie in it in the clear while a simulation of them lives, as they do in this process.
    """

    def __init__(self) -> None:
        """Make the folder, mode 0700."""
        self.path = Path(tempfile.mkdtemp(prefix="lpm-"))
        self._end = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def write(self, name: str, table: pa.Table) -> str:
        """Write a table, mode 0600, and return its path."""
        path = self.path / f"{name}.parquet"
        path.touch(mode=0o600)
        parquet.write_table(table, path)
        return str(path)


def is_graph(source: Any) -> bool:
    """Return whether something is a graph of networkx, or one that looks like it to a reader."""
    return all(hasattr(source, name) for name in ("nodes", "edges", "is_directed"))


def graph_tables(graph: Any) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Return people and contacts of a graph: its nodes and edges, with their attributes as columns.

    Contacts without a time are of every step. An edge of a graph without directions stands once.
    """
    people = _columns({PERSON: str(node), **attributes} for node, attributes in graph.nodes(data=True))
    edges = [dict(zip(ENDS, map(str, ends), strict=True)) | attributes for *ends, attributes in graph.edges(data=True)]
    contacts = _columns(edges) if edges else {"a": [], "b": []}
    if not any(name in contacts for name in TIMES):
        contacts["day"] = [0] * len(edges)
    return people, contacts


def tables_of(people: Any, contacts: Any, folder: OwnFolder) -> tuple[str, str | None]:
    """Return the paths of people and contacts; frames and graphs are written into the folder first.

    Args:
        people: a path of a CSV or Parquet file, a frame, or a graph whose nodes they are.
        contacts: the same, with a graph's edges; None where people are a graph of both, or have no contacts.
        folder: takes what is no file yet.

    Raises:
        ParameterError: no such thing, or a file that is not there.
        DataError: a frame that cannot be read.
    """
    if is_graph(people):
        people, edges = graph_tables(people)
        contacts = edges if contacts is None else contacts
    if is_graph(contacts):
        contacts = graph_tables(contacts)[1]
    return _file("people", people, folder), None if contacts is None else _file("contacts", contacts, folder)


def _file(name: str, source: Any, folder: OwnFolder) -> str:
    if not isinstance(source, str | Path):
        return folder.write(name, frame_of(source))
    path = Path(source).expanduser().absolute()
    if not path.is_file():
        raise ParameterError(f"{name} is {source}, and there is no such file; give the path of a CSV or Parquet file")
    return str(path)


def _columns(rows: Any) -> dict[str, list[Any]]:
    """Return rows that name their values as columns; None where a row has no such name."""
    listed: list[Mapping[str, Any]] = [{str(name): value for name, value in row.items()} for row in rows]
    names = dict.fromkeys(name for row in listed for name in row)
    return {name: [row.get(name) for row in listed] for name in names}
