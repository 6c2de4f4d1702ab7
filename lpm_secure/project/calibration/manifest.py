"""The manifest of a calibration's project: a secure sum for each round of the fit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lpm_secure.accounting import smooth_sigma_for
from lpm_secure.data.place_table import PlaceTable
from lpm_secure.project.calibration.project_file import CalibrationProject, InstitutionEntry
from protocols.errors import ConfigError, did_you_mean
from protocols.identity.trust import Trust
from protocols.masking.plan import check_security
from protocols.releases.query import Releases
from protocols.task.parties import AggregatorParty, DealerParty, InstitutionParty
from protocols.task.secure_sum.spec import SecureSum

RESERVE: Final = 20  # openings beyond the rounds, to find who sends garbage where no dealer names it


def places_of(project: CalibrationProject, folder: Path) -> tuple[str, ...]:
    """Return the names of the places of a project.

    Raises:
        DataError: a table of places cannot be used.
    """
    files = {name: folder / file for name, file in project.calibration.files.items()}
    read = PlaceTable.read(files["places"], contacts=files.get("contacts"), movement=files.get("movement"))
    return read.places


def shares_of(client: InstitutionEntry, places: Sequence[str]) -> tuple[float, ...]:
    """Return what an institution expects to see of each place.

    Raises:
        ConfigError: a place that is not there, or no share above 0.
    """
    for place in client.share:
        if place not in places:
            hint = did_you_mean(place, places) or f"; there are {', '.join(places)}"
            raise ConfigError(f"client {client.name} has a share of {place!r}, which is no place of the project{hint}")
    found = tuple(float(client.share.get(place, 0.0)) for place in places)
    if not any(found):
        raise ConfigError(f"client {client.name} sees nothing of any place; give it a share above 0")
    return found


def sums_of_project(project: CalibrationProject, folder: Path, trust: Trust | None = None) -> SecureSum:
    """Return what a calibration asks all parties for.

    Args:
        project: the file's content.
        folder: that its paths are relative to.
        trust: keys of the parties; without it, before they have made any, nobody can take part.

    Raises:
        ConfigError, ParameterError, DataError: its parts contradict each other, or a table cannot be used.
    """
    table, places = project.calibration, places_of(project, folder)
    for client in project.clients:
        shares_of(client, places)
    for server in project.servers:
        if server.mpc is not None or server.permutation is not None:
            raise ConfigError(f"{server.name} has mpc or permutation, which a calibration has no use for; leave it out")
    if (project.dealer is not None) != (project.security == "active"):
        raise ConfigError('a calibration has a table [dealer] with security = "active", and else none')
    dealer = project.dealer
    manifest = SecureSum(
        name=project.name,
        aggregators=tuple(AggregatorParty(each.name, each.address) for each in project.aggregators),
        dealer=None if dealer is None else DealerParty(dealer.name, dealer.address),
        clients=tuple(map(InstitutionParty, project.client_names)),
        shape=table.shape(len(places)),
        norm=table.clip,
        bits=table.bits,
        rounds=table.fit.rounds,
        security=project.security,
        min_cohort=project.min_cohort,
        join_timeout_s=project.join_timeout_s,
        round_timeout_s=project.round_timeout_s,
        releases=_releases(project),
        trust=trust,
    )
    check_security(manifest)
    return manifest


def _releases(project: CalibrationProject) -> Releases | None:
    """Return the sums with their noise; none, for exact ones, without an epsilon."""
    table = project.calibration
    if table.epsilon is None:
        return None
    from lpm_secure.secure_sum.parties import build_noisy_releases  # noqa: PLC0415 - loads for seconds

    openings = table.fit.rounds + (0 if project.security == "active" else RESERVE)
    sigma = smooth_sigma_for(table.epsilon, table.delta, times=openings)
    return build_noisy_releases(sigma=sigma, rounds=openings, epsilon=table.epsilon, delta=table.delta)
