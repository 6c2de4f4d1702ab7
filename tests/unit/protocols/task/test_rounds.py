"""Which rounds a run has, by number."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.task.rounds import Phase, Schedule


@given(outcome=st.just(True), steps=st.integers(1, 50), devices=st.booleans())
def test_a_schedule_with_tokens_numbers_every_round_once(outcome, steps, devices):
    schedule = Schedule(outcome, steps, devices)
    rounds = [(schedule.step(number), schedule.phase(number)) for number in range(schedule.rounds)]
    assert [schedule.number(step, phase) for step, phase in rounds] == list(range(schedule.rounds))
    assert rounds[:2] == [(0, Phase.THRESHOLDS), (0, Phase.TOKENS if devices else Phase.SPEAK)]
    assert rounds[-1] == (steps, Phase.SPEAK)
