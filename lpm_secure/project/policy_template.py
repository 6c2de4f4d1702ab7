"""A policy to begin with: it allows what one project asks for and no more, and explains each of its keys."""

import math
from typing import Any, Final

from lpm_secure.project.base_project import BaseProject
from lpm_secure.project.documentation.explanation import comment
from protocols.report.disclosure import DELTA
from protocols.task.manifest import Manifest, SimulationManifest, compares, refuses_differencing
from protocols.task.policy import Policy, epsilon_of, outputs_of, rho_of

HEAD: Final = """\
# What you allow. Your client takes part in no run that asks for more, and says which line forbids it.
# These values are what the run {run} asks for: they are not advice. Change what you do not allow;
# then tell the run's operator, for the run will have to change too. docs/policy.md has more of each key.

"""
PINS: Final[dict[str, Any]] = {"identities": {}}
OF_SUMS: Final[dict[str, Any]] = {"modes": []}  # nobody is simulated


def policy_text(project: BaseProject, manifest: Manifest) -> str:
    """Return the content of `policy.toml` for a client of a project."""
    epsilon = epsilon_of(rho_of(manifest), DELTA)
    given: dict[str, Any] = {
        "min_cohort": manifest.min_cohort,
        "max_epsilon": epsilon if math.isinf(epsilon) else math.ceil(epsilon * 100) / 100,
        "max_delta": DELTA,
        "min_aggregators": len(manifest.aggregators),
        "outputs": list(outputs_of(manifest)),
        "security": manifest.security,
        "operators": sorted({project.operator, *(server.operator for server in project.servers)}),
        "countersigned": True,
        **(_of_simulation(manifest) if isinstance(manifest, SimulationManifest) else OF_SUMS),
    }
    optional = {"total_epsilon": given["max_epsilon"], "consents": "../consents", **PINS}
    return HEAD.format(run=project.name) + comment(Policy, given, optional=optional)


def _of_simulation(manifest: SimulationManifest) -> dict[str, Any]:
    """Return the keys that only runs of people have."""
    model = manifest.model.agents
    return {
        "min_count": manifest.min_count,
        "validity": [manifest.validity],
        "modes": [manifest.mode],
        "edges": [manifest.edges],
        "reveals": sorted({outcome.reveals for outcome in model.outcomes}),
        "thresholds": sorted({outcome.threshold for outcome in model.outcomes}),
        "compare_contacts": compares(manifest),
        "twins": bool(manifest.twins),
        "refuse_differencing": refuses_differencing(manifest),
        "replicates": manifest.copies,
        "testbed": False,  # what hides nothing is asked for by name, by whom it concerns
    }
