"""What one changed draw does to a run, exactly: the alternative run is replayed only where it differs.

Both runs share every other draw. An agent is watched once its summed hazard differs; it has changed once its infection
or its stay differs. Where nothing differs nothing is computed.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from lpm_secure.engine.kernels.csr import I32
from lpm_secure.gradients.problem.trajectory import START, Trajectory, count, infect
from lpm_secure.gradients.problem.world import ContactWorld, ProblemLaw
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.arithmetic.jit import compile_kernel, inline_kernel

INFECTED: Final = 0  # the agent, still susceptible after a step, is infected in it
BEGUN: Final = 1  # the agent is infectious at the start
LATER: Final = 2  # it stays exposed one step longer
LONGER: Final = 3  # it stays infectious one step longer

SAME: Final = 0
WATCHED: Final = 1  # summed hazard differs, infection does not so far
DELAYED: Final = 2  # infected in the run, not so far in the alternative
SETTLED: Final = 3  # infected in both, or forced: hazard no longer matters


class Room(NamedTuple):
    """Working memory of a replay; all agents are `SAME` before and after.

    Attributes:
        at, begin, end: int32[n], as in a trajectory, of changed agents.
        mark: uint8[n].
        delta: int64[n], how much more hazard than in the run.
        watch, changed, touched: int32[n], lists of agents.
        series: float64[2, groups, T], the alternative's series less the run's.
    """

    at: I32
    begin: I32
    end: I32
    mark: Any
    delta: I64
    watch: I32
    changed: I32
    touched: I32
    series: F64


def room_of(world: ContactWorld) -> Room:
    """Return working memory."""
    n = world.group.size
    at, begin, end, watch, changed, touched = np.empty((6, n), dtype=np.int32)
    mark, delta = np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.int64)
    return Room(at, begin, end, mark, delta, watch, changed, touched, np.zeros((2, world.groups, world.steps)))


@inline_kernel
def _force(law: ProblemLaw, key: Any, path: Trajectory, room: Room, flip: Any) -> Any:
    """Change one draw; return the first step in which messages differ."""
    kind, i, step = flip
    room.at[i], room.begin[i], room.end[i] = path.at[i], path.begin[i], path.end[i]
    room.mark[i], room.changed[0], room.touched[0] = SETTLED, i, i
    if kind == LONGER:
        room.end[i] += 1
        return path.end[i]
    if kind == LATER:
        room.begin[i] += 1
        room.end[i] += 1
        return path.begin[i]
    room.at[i] = START if kind == BEGUN else step
    room.begin[i], room.end[i] = infect(key, law, i, room.at[i])
    return min(room.begin[i], path.begin[i])


@inline_kernel
def _tell(world: ContactWorld, factor: Any, path: Trajectory, room: Room, state: Any) -> Any:
    """Add the differences of a step's messages to hazards; return how many are watched, and how many were touched."""
    t, watched, changed, touched = state
    day = t % world.indptr.shape[0]
    for k in range(changed):
        c = room.changed[k]
        sign = int(room.begin[c] <= t < room.end[c]) - int(path.begin[c] <= t < path.end[c])
        if sign == 0:
            continue
        for e in range(world.indptr[day, c], world.indptr[day, c + 1]):
            j = world.indices[e]
            if room.mark[j] == SETTLED or (room.mark[j] == SAME and path.at[j] < t):
                continue
            if room.mark[j] == SAME:
                room.mark[j], room.delta[j] = WATCHED, 0
                room.watch[watched] = j
                room.touched[touched] = j
                watched += 1
                touched += 1
            room.delta[j] += sign * world.weight[e] * factor[world.vaccinated[j]]
    return watched, touched


@inline_kernel
def _hear(law: ProblemLaw, key: Any, path: Trajectory, room: Room, state: Any) -> Any:
    """Compare summed hazards with thresholds; return how many are still watched, and how many have changed."""
    t, watched, changed = state
    kept = 0
    never = np.int32(path.hazard.shape[0])
    for k in range(watched):
        j = room.watch[k]
        infected = path.hazard[t, j] + room.delta[j] > path.threshold[j]
        if infected:
            if path.at[j] != t:
                if room.mark[j] != DELAYED:
                    room.changed[changed] = j
                    changed += 1
                room.at[j] = t
                room.begin[j], room.end[j] = infect(key, law, j, t)
            room.mark[j] = SETTLED
            continue
        if path.at[j] == t:
            room.mark[j] = DELAYED
            room.at[j] = room.begin[j] = room.end[j] = never
            room.changed[changed] = j
            changed += 1
        room.watch[kept] = j
        kept += 1
    return kept, changed


@compile_kernel
def replay(model: tuple[ContactWorld, ProblemLaw, Any], path: Trajectory, room: Room, flip: Any) -> int:
    """Write the difference of series between the alternative with one changed draw and the run.

    Args:
        model: world, law and key of the run.
        path: of the run, with its history.
        room: working memory.
        flip: what changes, of which agent, in which step.

    Returns:
        How many agents changed.
    """
    world, law, key = model
    first = _force(law, key, path, room, flip)
    watched, changed, touched = 0, 1, 1
    for t in range(first, world.steps):
        factor = law.factor[1 if t >= world.first else 0]
        watched, touched = _tell(world, factor, path, room, (t, watched, changed, touched))
        watched, changed = _hear(law, key, path, room, (t, watched, changed))
    room.series[:] = 0.0
    for k in range(changed):
        i = room.changed[k]
        count(world, room.series, i, (path.at[i], path.begin[i], path.end[i]), -1.0)
        count(world, room.series, i, (room.at[i], room.begin[i], room.end[i]), 1.0)
    for k in range(touched):
        room.mark[room.touched[k]] = SAME
    return changed
