"""Who took part in which rounds of a masked run, as all its parties know it alike."""

from collections.abc import Collection
from typing import final

from protocols.arithmetic.counters import RoundNumber
from protocols.masking.plans.run_plan import RunPlan
from protocols.task.rounds import Phase


@final
class Attendance:
    """The rounds in which the words of each client counted.

    Of a client that was away when the run decided, the levels of its own agents have grown since it told them last: by
    how much, it tells when it is back, and its range is that of so many steps.
    """

    def __init__(self, plan: RunPlan) -> None:
        """Begin with nothing."""
        self._plan = plan
        self._counted: dict[str, list[int]] = {}

    def take(self, number: RoundNumber, clients: Collection[str]) -> None:
        """Note whose words count in a round."""
        for client in clients:
            self._counted.setdefault(client, []).append(int(number))

    def rounds_of(self, client: str, before: RoundNumber) -> tuple[int, ...]:
        """Return the rounds before one in which a client's words counted."""
        return tuple(number for number in self._counted.get(client, ()) if number < before)

    def steps(self, client: str, number: RoundNumber) -> int:
        """Return in how many steps own levels of a client have grown to what it tells in a round."""
        plan, schedule = self._plan, self._plan.manifest.schedule
        if plan.phase(number) != Phase.DECIDE:
            return 1
        decided = (each for each in reversed(self._counted.get(client, ())) if each < number)
        last = next((each for each in decided if plan.phase(RoundNumber(each)) == Phase.DECIDE), None)
        return schedule.step(number) - (-1 if last is None else schedule.step(RoundNumber(last)))
