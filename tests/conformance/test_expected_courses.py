"""Derivatives of an expected course against finite differences, and what its periods and measures are."""

import msgspec
import pytest
import torch

from lpm_secure.models.courses.compartments.course import CompartmentCourse
from tests.calibration_hospitals import AUTOREGRESSIVE, MODEL, course_of

PRESENT = course_of(6)
EVENT_PRIORS = {name: prior for name, prior in MODEL["priors"].items() if name != "stay_days"}
EVENTS = course_of(6, measure="events", priors=EVENT_PRIORS)
RETURNING = course_of(6, priors=AUTOREGRESSIVE)
Z = torch.randn(3, PRESENT.p, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def draws(course, count=3):
    """Return z from the prior."""
    return torch.randn(count, course.p, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("course", [PRESENT, EVENTS, RETURNING], ids=["present", "events", "returning"])
def test_derivatives_agree_with_finite_differences(course) -> None:
    z = draws(course)
    value, jacobian = course.with_jacobian(z)
    assert torch.allclose(value, course.log_mean(z), rtol=0, atol=1e-9)
    for j in range(course.p):
        step = torch.zeros_like(z)
        step[:, j] = 1e-5
        up, down = (course.log_mean(z + s * step) for s in (1, -1))
        assert torch.allclose((up - down) / 2e-5, jacobian[..., j], atol=1e-7)


def test_events_of_a_week_are_those_of_its_days() -> None:
    z = Z[:, : EVENTS.p]
    a_day = EVENTS.events_a_day(z)
    assert torch.allclose(torch.exp(EVENTS.log_mean(z)).sum(dim=-2), 7 * a_day, atol=1e-6)
    days = CompartmentCourse(EVENTS.population, msgspec.structs.replace(EVENTS.config, lead=14, knot=14), 42, 1)
    assert days.p == EVENTS.p
    weeks = torch.exp(days.log_mean(z)).reshape(3, 2, 6, 7).sum(dim=-1)
    ratio = weeks / torch.exp(EVENTS.log_mean(z))
    assert ((ratio > 0.8) & (ratio < 1.25)).all()  # knots are where they were; rates change day by day between them


@pytest.mark.parametrize(
    ("course", "law"),
    [(PRESENT, []), (RETURNING, ["reproduction_mean", "reproduction_half_life_days", "reproduction_sd"])],
    ids=["walk", "autoregression"],
)
def test_a_longer_course_begins_as_the_shorter_one(course, law) -> None:
    z, longer = draws(course), course.lengthen(9)
    further = course.extend(z, longer, torch.Generator().manual_seed(2))
    assert torch.allclose(longer.log_mean(further)[..., :5], course.log_mean(z)[..., :5])
    assert torch.equal(longer.restrict(further, course), z)
    assert len(longer.coordinates) == longer.p == further.shape[-1]
    names = [each.name for each in longer.parameters(further)]
    assert names == ["reproduction", "prevalence", "rate", "stay_days", *law]
    assert torch.allclose(course.by_coordinate(z)[:, -1], course.parameters(z)[-1].values)
