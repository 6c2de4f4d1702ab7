"""The counters of a run, as types: whoever masks by one is not given another by mistake.

In outcome mode a step has two rounds, so a pad that was bound to the step would mask two vectors, and show their
difference. They stand below `task`, whose schedule hands them out, because sharing and noise take them.
"""

from typing import Final, NewType

RoundNumber = NewType("RoundNumber", int)  # of a run's rounds, from 0: what pads are bound to; the schedule gives it
Step = NewType("Step", int)  # one tick of simulated time, from 0
Stream = NewType("Stream", int)  # of the keystreams of one noise key

FIRST_ROUND: Final = RoundNumber(0)
FIRST_STEP: Final = Step(0)
