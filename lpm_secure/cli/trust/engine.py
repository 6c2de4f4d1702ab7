"""The engine of a deployment as its manifest asks for it: of a simulation, or the centre of a calibration."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lpm_secure.report.summary import Summary


def run_engine(path: Path, *, device: str = "auto", say: Callable[[str], None] | None = None) -> "Summary":
    """Run the engine of a configuration to its end, with a bar; see the job of either kind.

    Args:
        path: of the configuration.
        device: where the engine of a simulation computes.
        say: is given a line for whoever waits; these are notices unless given.
    """
    from lpm_secure.cli.progress import round_bar, step_bar
    from protocols.task import manifest as manifests
    from protocols.task.secure_sum.spec import SecureSum
    from protocols.toml_file import read_tables

    waiting: dict[str, Any] = {} if say is None else {"say": say}
    name = read_tables(path).get("manifest")
    task = manifests.load(path.resolve().parent / name) if isinstance(name, str) else None  # the job asks whose it is
    if isinstance(task, SecureSum):
        from lpm_secure.calibration.centre.job import run_centre

        with round_bar(task.name, rounds=task.rounds) as on_round:
            return run_centre(path, on_round=lambda fit: on_round(fit.round, f"{fit.members} institutions"), **waiting)
    from lpm_secure.run import engine_party

    return engine_party.run_engine(path, device=device, observer=step_bar, **waiting)


def start_engine(kit: Path, say: Callable[[str], None]) -> "Summary":
    """Check the engine's kit, wait for its servers, and drive the run.

    Raises:
        ConfigError: something is wrong with the kit.
        ParameterError: it is another party's.
    """
    from protocols.kit.doctor import require_healthy
    from protocols.kit.kit import Kit

    loaded = Kit.load(kit)
    loaded.require_role("engine")
    require_healthy(loaded, say)
    return run_engine(loaded.config, say=say)
