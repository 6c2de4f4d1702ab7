"""A calibration: that nobody is simulated, that its rounds and its noise fit, and that no sum wraps."""

from collections.abc import Sequence

from protocols.arithmetic.fixed_point import prove_no_wrap
from protocols.errors import ParameterError
from protocols.models import Seir
from protocols.releases.query import GRADIENT, Releases
from protocols.task.secure_sum.spec import NOBODY, TAIL, Calibration, rounds


def check_sums_alone(model: Seir, *, sums: bool, cells: Sequence[int], derivatives: bool, devices: bool) -> None:
    """Refuse a calibration that is a simulation as well.

    Args:
        sums: whether the run has mode "sum" and an engine.
        derivatives: whether it takes derivatives of a simulation.
        devices: whether its edges are permuted.

    Raises:
        ParameterError: it is one.
    """
    if not sums or derivatives or cells or devices or model != NOBODY:
        raise ParameterError(
            'a calibration simulates nobody: ask for mode "sum", an engine, no cells, no devices and no gradient '
            "of the simulation"
        )


def check_rounds(*, min_cohort: int, steps: int) -> None:
    """Refuse a sum over one client, and a number of steps that no rounds come to.

    Raises:
        ParameterError: it is one.
    """
    if min_cohort < 2 or steps % 2 == 0:
        raise ParameterError(
            f"got min_cohort {min_cohort} and {steps} steps: gradients are summed over at least "
            "2 clients, and a calibration of r rounds has 2 r - 1 steps"
        )


def check_noise(
    calibration: Calibration, releases: Releases | None, *, steps: int, clients: int, aggregators: int
) -> None:
    """Refuse other releases than the gradient, noise for fewer sums than are opened, and sums that could wrap.

    Raises:
        ParameterError: there are other releases, or too little noise.
        WouldWrap: a total could reach 2**63.
    """
    release = releases.of(GRADIENT) if releases else None
    if releases and (release is None or len(releases.each) != 1):
        raise ParameterError("a calibration releases its gradient, and nothing else")
    few = release is not None and (release.sensitivity != 1 or release.times < rounds(steps))
    if release is not None and release.sigma and few:
        raise ParameterError(
            f"the sigma of gradient counts in clips, and a sum is opened in each round at least: set its "
            f"sensitivity to 1, and its times to {rounds(steps)} or more"
        )
    noise = TAIL * aggregators * calibration.sigma(release) if release else 0.0
    prove_no_wrap({"the gradients": clients * int(calibration.reach + 1), "their noise": int(noise)})
