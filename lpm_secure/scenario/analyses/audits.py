"""The audit of a run's folder, as the command line and a program ask for it."""

import contextlib
from pathlib import Path

import msgspec

from lpm_secure.audit import audit as audits
from lpm_secure.audit.audit import FROM_FOLDER, Report
from lpm_secure.audit.index import MANIFEST
from lpm_secure.audit.replay import RUNS
from lpm_secure.scenario.progress import watch_rounds
from protocols.errors import ParameterError
from protocols.identity import signing
from protocols.report.disclosure import describe_cost, describe_disclosure
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest, SimulationManifest
from protocols.task.parties import agents_of


def audit(
    folder: Path | str,
    *,
    operator_key: str | None = None,
    build_checks: bool = True,
    runs: int | None = None,
    progress: bool = True,
) -> Report:
    """Check offline what a private run was allowed to learn, what it learned, and who was told what.

    Args:
        folder: of a run that has ended, one of `Result.folders`.
        operator_key: of the run's operator, base64, known from elsewhere; the folder's own unless given, and then a
            note says what that is worth.
        build_checks: test this build too, which takes a minute or less.
        runs: replays of each noise path; as many as it needs unless given.
        progress: show how far the tests of this build are.

    Returns:
        Checks with what they found, notes, and what each release cost (epsilon, delta and their unit).

    Raises:
        ParameterError: no run's folder, or no key.
    """
    path = Path(folder)
    require_run(path)
    key = signing.public_key_of(operator_key if operator_key is not None else _pinned_key(path))
    replays = (RUNS if runs is None else runs) if build_checks else None
    with watch_rounds(f"audit of {path.name}", shown=progress) as on_check:
        report = audits.audit(path, operator_key=key, runs=replays, on_check=on_check)
    if operator_key is None:
        report.notes.append(FROM_FOLDER)
    if report.run:  # else no manifest says what was allowed
        report.learned.extend(_learned(manifests.load(path / MANIFEST)))
    return report


def _learned(manifest: Manifest) -> list[str]:
    """Return who took part, who learned what, in which mode, over how many, and at what cost."""
    servers = ", ".join(f"{each.name} ({each.address})" for each in manifest.aggregators)
    lines = [
        f"{manifest.name}: {len(manifest.clients):,} clients, and {len(manifest.aggregators)} aggregators: {servers}."
    ]
    if isinstance(manifest, SimulationManifest):
        agents = agents_of(manifest.clients)
        lines.append(f"They hold {agents:,} agents, in {manifest.steps} steps of {manifest.dt:g} days.")
    return [*lines, describe_disclosure(manifest), *describe_cost(manifest)]


def require_run(folder: Path) -> None:
    """Refuse what is no folder of a run.

    Raises:
        ParameterError: it has no index.
    """
    if not (folder / "index.json").is_file():
        if (folder / "manifest.sig").is_file():
            raise ParameterError(
                f"{folder} has no index.json: the run has not ended, or is of a version of lpm-secure before commit "
                "cd739e0e, which kept nothing to audit"
            )
        raise ParameterError(f"{folder} has no index.json; give the folder of a private run that has ended, runs/ID")


def _pinned_key(folder: Path) -> str:
    """Return the operator's key that the engine pins; where no engine has a file, as in a calibration, a party's."""
    path = folder / "parties" / "engine" / "engine.json"
    configs = sorted(folder.glob("parties/*/config.toml"))
    with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        if not path.exists() and configs:
            path = configs[0]
            return str(msgspec.toml.decode(path.read_bytes())["operator_key"])
        return str(msgspec.json.decode(path.read_bytes())["operator_key"])
    where = f"{path} does not pin" if path.exists() else f"nothing in {folder} pins"
    raise ParameterError(
        f"{where} the key of the run's operator; give it with --operator-key: it is operator_key in every kit.toml"
    )
