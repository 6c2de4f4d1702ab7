"""What the operator of one aggregator sees of it: queue, members, budget, seconds of calls; never a value."""

import http.client
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, final

import msgspec

from aggregator import config as configs
from aggregator.config import AggregatorConfig
from lpm_secure.monitor.line_tail import LineTail
from protocols.errors import ParameterError
from protocols.kit.kit import KIT, Kit
from protocols.releases.ledger import (
    SHORT,
    JoinEvent,
    Line,
    RefusalEvent,
    RepeatEvent,
    RoundEvent,
    file_name,
)
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest, SimulationManifest
from protocols.task.release_plan import releases_of
from protocols.task.signature import countersignature_path, load_verified

SAMPLE: Final = re.compile(r'^lpm_(\w+)(?:\{(?:code="\w+",)?method="(\w+)"\})? ([\d.e+-]+)$')
CONFIG: Final = "config.toml"
MAX_METRICS: Final = 2**22
TIMEOUT_S: Final = 2.0
RECENT: Final = 8  # refusals that are shown


@final
@dataclass(slots=True, eq=False)
class LedgerView:
    """What one run's ledger says, as far as it is written; its signatures are for `lpm audit` to check."""

    manifest: Manifest
    tail: LineTail
    joined: dict[str, int] = field(default_factory=dict)
    last: RoundEvent | None = None
    made: Counter[str] = field(default_factory=Counter)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)

    def status(self) -> dict[str, Any]:
        """Read on, and return what is known."""
        for line in self.tail.read():
            self._take(line)
        manifest, last, releases = self.manifest, self.last, releases_of(self.manifest)
        copies = manifest.copies if isinstance(manifest, SimulationManifest) else 1
        members = () if last is None else last.agreed.members
        clients = [client.name for client in manifest.clients]
        return {
            "name": manifest.name,
            "run": manifests.run_id(manifest).hex()[:SHORT],
            "round": None if last is None else last.agreed.number,
            "step": None if last is None else last.agreed.step,
            "rounds": manifest.schedule.rounds,
            "clients": {name: self._state(name, members) for name in clients},
            "min_cohort": manifest.min_cohort,
            "releases": [
                {"name": each.name, "made": self.made[each.name], "mechanism": each.mechanism, "sigma": each.sigma}
                for each in releases.each
            ],
            "spent": math.fsum(each.rho(self.made[each.name], copies=copies) for each in releases.each),
            "budget": releases.rho,
            "refusals": self.refusals[-RECENT:],
        }

    def _state(self, client: str, members: tuple[str, ...]) -> str:
        if client in self.left_out:
            return "refused"
        if client in members:
            return "here"
        return "late" if client in self.joined else "expected"

    def _take(self, line: bytes) -> None:
        try:
            event = msgspec.json.decode(line, type=Line).event
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if isinstance(event, JoinEvent):
            self.joined[event.client] = int(event.step)
        elif isinstance(event, RoundEvent):
            self.last = event
            self.joined |= dict.fromkeys(event.agreed.members, 0)
            self.left_out |= set(event.agreed.refused)
            self.made.update(release.name for release in event.agreed.releases)
        elif isinstance(event, RefusalEvent):
            self.refusals.append({"round": event.number, "code": event.code, "reason": event.reason})
        elif isinstance(event, RepeatEvent):
            self.refusals.append({"round": event.number, "code": "computed again", "reason": event.reason})


@final
class OperatorView:
    """One aggregator, by the folder that its operator starts it from.

    Attributes:
        name: of the aggregator.

    Security: reads its configuration, its ledgers and its metrics, which hold names, counts, bytes, seconds and costs;
        neither its keys nor its store are opened.
    """

    def __init__(self, folder: Path) -> None:
        """Read the configuration, and the manifests that it names.

        Raises:
            ConfigError, ParameterError: the folder is no aggregator's.
        """
        path = _config_of(folder)
        self._config: AggregatorConfig = configs.load(path)
        self.name, place = self._config.name, path.resolve().parent
        self._ledgers = []
        for each in [*(place / each for each in self._config.manifests), *_added(self._config, place)]:
            manifest = load_verified(each, operator_key=self._config.operator_key)
            ledger = place / file_name(manifests.run_id(manifest))
            self._ledgers.append(LedgerView(manifest, LineTail(ledger, open_file=_open)))

    def status(self) -> dict[str, Any]:
        """Return what there is to see now."""
        runs = [each.status() for each in self._ledgers]
        return {"name": self.name, "listen": self._config.listen, "runs": runs, "metrics": self._metrics()}

    def _metrics(self) -> dict[str, Any] | None:
        """Return queue, calls, bytes and seconds; None where the aggregator does not tell."""
        port = self._config.metrics_port
        if not port:
            return None
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
            connection.request("GET", "/metrics")
            content = connection.getresponse().read(MAX_METRICS)
            connection.close()
        except (OSError, http.client.HTTPException):
            return {"up": False}
        return {"up": True, **summarise(content.decode(errors="replace"))}


def _added(config: AggregatorConfig, place: Path) -> Iterator[Path]:
    """Yield the manifests of further runs that the server has begun, as its signature beside each says."""
    for path in sorted((place / config.runs).glob("*.json")) if config.runs is not None else ():
        if countersignature_path(path, config.name).exists():
            yield path


def summarise(text: str) -> dict[str, Any]:
    """Return the queue, of each method calls, refusals, bytes and mean seconds, and of each computation its seconds.

    Args:
        text: what Prometheus would read.
    """
    waiting = 0
    methods, computations = (defaultdict[str, dict[str, float]](lambda: defaultdict(float)) for _ in range(2))
    for line in text.splitlines():
        found = SAMPLE.match(line)
        if found is None:
            continue
        name, method, value = found.groups()
        if name == "calls_waiting":
            waiting = int(float(value))
        elif method and name in SAMPLES:
            methods[method][SAMPLES[name]] += float(value)
        elif method and name in COMPUTATIONS:
            computations[method][COMPUTATIONS[name]] += float(value)
    rows = [
        {
            "method": method,
            "calls": int(row["calls"]),
            "refused": int(row["refused"]),
            "received": int(row["received"]),
            "sent": int(row["sent"]),
            "mean_s": _mean_s(row),
        }
        for method, row in sorted(methods.items())
    ]
    computed = [
        {"name": name, "count": int(row["count"]), "mean_s": _mean_s(row)} for name, row in sorted(computations.items())
    ]
    return {"waiting": waiting, "methods": rows, "computations": computed}


def _mean_s(row: dict[str, float]) -> float | None:
    return row["seconds"] / row["count"] if row["count"] else None


SAMPLES: Final = {
    "calls_total": "calls",
    "refused_total": "refused",
    "received_bytes_total": "received",
    "sent_bytes_total": "sent",
    "call_seconds_sum": "seconds",
    "call_seconds_count": "count",
}
COMPUTATIONS: Final = {"computation_seconds_sum": "seconds", "computation_seconds_count": "count"}


def _config_of(folder: Path) -> Path:
    """Return the configuration of an aggregator's folder, or of its kit."""
    if (folder / KIT).is_file() and (role := Kit.load(folder).file.role) != "aggregator":
        raise ParameterError(f"{folder} is a kit for the role {role}; give the kit of an aggregator")
    if not (folder / CONFIG).is_file():
        raise ParameterError(
            f"{folder} has no {CONFIG}, and is no kit; give the folder that this operator starts the aggregator from"
        )
    return folder / CONFIG


def _open(path: Path) -> BinaryIO:
    """Open a ledger where its operator has put it, behind a link too."""
    return path.open("rb")
