"""A folder in which a server's operator puts further runs while the server goes on: manifests and their signatures."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

from aggregator.config import AggregatorConfig, DealerFile
from protocols import canonical_json
from protocols.atomic_file import write_atomically
from protocols.errors import ConfigError, LpmError, ParameterError
from protocols.file_mode import PUBLIC_MODE, can_others_change
from protocols.identity import signing
from protocols.identity.server_keys import IDENTITY
from protocols.task.manifest import Manifest, run_id
from protocols.task.signature import countersign, countersignature_path, load_verified, signature_path

MOST_RUNS: Final = 32  # beside those of the configuration
POLL_S: Final = 1.0
LOG: Final = logging.getLogger("aggregator")
Begin = Callable[[Manifest], None]
Facts = dict[str, str]  # of a line of the log
Stamp = tuple[int, int, int, int]  # times and sizes of a manifest and its signature


@final
class RunFolder:
    """Manifests of further runs of one server, `NAME.json` and `NAME.sig` each.

    Security: whoever may write there decides what the server takes part in, as with its configuration: the folder is
        its operator's alone. Only what the run's operator has signed, by the key that the configuration pins, is begun;
        then the server's key signs it too, as `start` does. What was refused, and why, is in the log.
    """

    def __init__(self, folder: Path, *, operator_key: bytes, credentials: Path) -> None:
        """Make the folder, if there is none; nothing is read yet.

        Raises:
            ConfigError: others than its owner may change it.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        if can_others_change(folder):
            raise ConfigError(f"{folder} can be changed by others than its owner; chmod 700 {folder}")
        self._folder, self._operator_key, self._credentials = folder, operator_key, credentials
        self._stamps: dict[Path, Stamp] = {}
        self._begun: set[bytes] = set()
        self._unwritten: dict[Path, tuple[bytes, Facts]] = {}  # signatures of this server that the disk did not take

    def look(self, begin: Begin) -> None:
        """Begin what is new in the folder; what cannot be begun is refused until its files change.

        Args:
            begin: takes part in a run, or raises.
        """
        for path, manifest in self._read():
            self._begin(path, manifest, begin)
        for beside in tuple(self._unwritten):
            self._write(beside)

    async def watch(self, begin: Begin) -> None:
        """Look again and again; files are read beside what the server does meanwhile."""
        while True:
            await asyncio.sleep(POLL_S)
            fresh = await asyncio.to_thread(self._read)
            for beside in tuple(self._unwritten):
                await asyncio.to_thread(self._write, beside)
            for path, manifest in fresh:
                self._begin(path, manifest, begin)

    def _read(self) -> list[tuple[Path, Manifest]]:
        """Return what is new, and verified."""
        fresh, stamps = [], {}
        for path in self._folder.glob("*.json"):
            with contextlib.suppress(OSError):  # one of both is on its way
                stamps[path] = _stamp(path)
        for path in sorted(stamps, key=lambda each: (stamps[each], each)):  # the oldest first, after a restart too
            if self._stamps.get(path) == stamps[path]:
                continue
            self._stamps[path] = stamps[path]
            try:
                fresh.append((path, load_verified(path, operator_key=self._operator_key)))
            except (LpmError, OSError) as error:
                _refuse(path, error)
        return fresh

    def _begin(self, path: Path, manifest: Manifest, begin: Begin) -> None:
        run = run_id(manifest)
        if run in self._begun:
            return
        try:
            if len(self._begun) >= MOST_RUNS:
                raise ParameterError(
                    f"this server has {MOST_RUNS} further runs, and takes no more: move files of those over out of "
                    "the folder, and start it again"
                )
            signed = countersign(manifest, signing.read_key(self._credentials / IDENTITY))
            begin(manifest)
            self._begun.add(run)
        except (LpmError, OSError) as error:
            _refuse(path, error)
            return
        except Exception:  # as of a call: others go on, and the log says why
            LOG.exception("failed", extra={"facts": {"file": path.name}})
            return
        beside = countersignature_path(path, signed.server)
        facts = {"run": run.hex(), "name": manifest.name, "countersigned": beside.name}
        self._unwritten[beside] = canonical_json.encode(signed), facts
        if reason := self._write(beside):
            LOG.warning("run added, and its signature is not written", extra={"facts": {**facts, "reason": reason}})

    def _write(self, beside: Path) -> str:
        """Write a signature of this server; return why it cannot be, until it can: the run is served meanwhile."""
        content, facts = self._unwritten[beside]
        try:
            write_atomically(beside, content, mode=PUBLIC_MODE)
        except OSError as error:
            return str(error)
        del self._unwritten[beside]
        LOG.info("run added", extra={"facts": facts})
        return ""


def run_folder(given: AggregatorConfig | DealerFile, folder: Path) -> RunFolder | None:
    """Return the folder of further runs that a configuration names, if it names one; `folder` is that of its file."""
    if given.runs is None:
        return None
    own = folder / given.credentials
    return RunFolder(folder / given.runs, operator_key=given.operator_key, credentials=own)


def _stamp(path: Path) -> Stamp:
    files = path.stat(), signature_path(path).stat()
    return files[0].st_mtime_ns, files[0].st_size, files[1].st_mtime_ns, files[1].st_size


def _refuse(path: Path, error: LpmError | OSError) -> None:
    LOG.warning("run refused", extra={"facts": {"file": path.name, "reason": str(error)}})
