"""Who took part in which rounds, and in how many steps own levels have grown to what is told."""

from protocols.arithmetic.counters import RoundNumber
from protocols.masking.plan import MaskingPlan
from protocols.masking.plans.attendance import Attendance
from protocols.task.rounds import Phase


def test_what_a_client_tells_has_grown_since_it_told_it_last(manifest_of):
    plan = MaskingPlan(manifest_of(mode="outcome", steps=6))
    attendance, decide = Attendance(plan), [plan.manifest.schedule.number(step, Phase.DECIDE) for step in range(6)]
    for number in (0, 1, decide[0], decide[1] - 1, decide[1]):
        attendance.take(RoundNumber(number), ("client-0",) if number in (0, decide[1]) else plan.names)
    assert attendance.rounds_of("client-1", decide[1]) == (0, 1, decide[0], decide[1] - 1)[1:]
    assert attendance.rounds_of("client-0", RoundNumber(1)) == (0,)
    assert [attendance.steps("client-0", decide[step]) for step in (2, 3, 5)] == [1, 2, 4]
    assert [attendance.steps("client-1", decide[step]) for step in (0, 1, 2, 5)] == [1, 1, 2, 5]
    assert attendance.steps("client-1", RoundNumber(decide[5] + 1)) == 1
    assert attendance.steps("client-9", decide[3]) == 4


def test_a_range_of_several_steps_holds_what_grows_in_these_and_no_more(manifest_of):
    plan = MaskingPlan(manifest_of(mode="outcome", steps=8))
    number = plan.manifest.schedule.number(7, Phase.DECIDE)
    widths = [int(plan.shape("client-0", number, steps=steps).bits.max()) for steps in (1, 2, 4, 8)]
    assert widths == [widths[0], widths[0] + 1, widths[0] + 2, widths[0] + 3]
    spoken = plan.manifest.schedule.number(7, Phase.SPEAK)
    assert plan.shape("client-0", spoken, steps=4).width == plan.shape("client-0", spoken).width
