"""Whom an operator lets in: its own lists, read again when they change."""

import logging
from pathlib import Path
from typing import Final, final

from protocols.errors import NotEnrolled, ParameterError, Revoked

LOG: Final = logging.getLogger("aggregator")
MAX_BYTES: Final = 64 * 2**20


@final
class NameList:
    """A file with one name a line; `#` begins a comment. It is read again when its time or size changes."""

    def __init__(self, path: Path) -> None:
        """Read the file; ParameterError if it cannot be read."""
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._names: frozenset[str] = frozenset()
        self._read()

    def __contains__(self, name: str) -> bool:
        """Tell whether a name is listed now; what was read last counts while the file cannot be read."""
        try:
            self._read()
        except ParameterError as error:
            LOG.warning("list not read", extra={"facts": {"file": self._path.name, "reason": str(error)}})
        return name in self._names

    def _read(self) -> None:
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return
            if found.st_size > MAX_BYTES:
                raise ParameterError(f"{self._path} has {found.st_size} bytes; at most {MAX_BYTES} are allowed")
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"cannot read {self._path}: {error}") from error
        self._names = frozenset(filter(None, (line.partition("#")[0].strip() for line in lines)))
        self._stamp = stamp


@final
class Access:
    """One operator's say over clients that the manifest lists; it can shut out, not let in others."""

    def __init__(self, *, allowed: Path | None = None, revoked: Path | None = None) -> None:
        """Take the operator's lists.

        Args:
            allowed: clients that this operator serves; all of the manifest's unless given.
            revoked: clients that are shut out, from the next call on; the file may be missing until the first one is.
        """
        self._allowed = None if allowed is None else NameList(allowed)
        if revoked is not None and not revoked.exists():
            revoked.touch()
        self._revoked = None if revoked is None else NameList(revoked)

    def check(self, client: str) -> None:
        """Let a client in.

        Raises:
            Revoked: this operator has shut it out; it is left out from the next round on.
            NotEnrolled: this operator does not serve it.
        """
        if self._revoked is not None and client in self._revoked:
            raise Revoked(f"{client} was revoked by this operator and is left out of the run; ask the run's operator")
        if self._allowed is not None and client not in self._allowed:
            raise NotEnrolled(f"{client} is not on the access list of this operator; ask it to be added")
