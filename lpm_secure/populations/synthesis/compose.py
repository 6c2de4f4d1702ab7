"""Compose households from the people of one block: the compiled part.

People are a histogram of ages from which a person of about some age is taken; so every age is used up exactly, and who
is left at the end of a block takes whom there is.

Ages of partners, parents and grandparents follow simple laws that the tables do not tell: a parent is about 30 years
older than the children (sd 6) and at least 16 years older than the eldest, a partner about as old (sd 4), an adult
child about 30 years younger; siblings are a few years apart. They are assumptions; the card says so.
"""

from typing import Any

import numpy as np

from protocols.arithmetic.jit import compile_kernel, inline_kernel

ADULT = 18
OLD = 65
LARGEST = 12  # people in a household, wherever the block allows it
COUPLES = 0.65  # of households without children, of two and more
OLD_COUPLES = 0.85  # the same where the first is 65 or over
GRANDPARENTS = 0.5  # of third adults in households with children; the others are grown children, brothers and sisters
GROWN_CHILDREN = 0.7  # of third adults in households without
HEAD = 42  # from which somebody has grown children


@inline_kernel
def _any(left: Any, low: int, high: int, rng: Any) -> int:
    """Take somebody of an age from `low` to `high`, all alike, and return the age; -1 if there is nobody."""
    total = 0
    for age in range(low, high + 1):
        total += left[age]
    if total == 0:
        return -1
    at = int(rng.random() * total)
    for age in range(low, high + 1):
        at -= left[age]
        if at < 0:
            left[age] -= 1
            return age
    return -1


@inline_kernel
def _single(left: Any, alone: Any, low: int, high: int, rng: Any) -> int:
    """Take somebody of an age from `low` to `high` who lives alone, and return the age; -1 if there is nobody."""
    total = 0.0
    for age in range(low, high + 1):
        total += left[age] * alone[age]
    at = rng.random() * total
    found = -1
    for age in range(low, high + 1):
        if left[age] > 0 and alone[age] > 0.0:
            found = age
            at -= left[age] * alone[age]
            if at < 0:
                break
    if found >= 0:
        left[found] -= 1
    return found


@inline_kernel
def _alone(left: Any, lonely: Any, low: int, high: int, rng: Any) -> int:
    """Take an adult who lives alone, of an age from `low` to `high` if there is one, and return the age."""
    found = _single(left, lonely, low, high, rng)
    if found < 0:
        found = _any(left, ADULT, left.size - 1, rng)
    return found


@inline_kernel
def _near(left: Any, wanted: float, low: int) -> Any:
    """Take the adult nearest in age to `wanted`, from `low` if there is one, and return the age."""
    last = left.size - 1
    start = min(max(int(np.rint(wanted)), low), last)
    for apart in range(last + 1):
        if start + apart <= last and left[start + apart] > 0:
            left[start + apart] -= 1
            return start + apart
        if start - apart >= low and left[start - apart] > 0:
            left[start - apart] -= 1
            return start - apart
    for age in range(min(low, last), ADULT - 1, -1):
        if left[age] > 0:
            left[age] -= 1
            return age
    return -1


@compile_kernel
def sizes_of(households: int, people: int, rng: Any) -> Any:
    """Return sizes of at least 2 that hold so many people, every composition alike: a geometric law of sizes."""
    sizes = np.full(households, 2, dtype=np.int32)
    more = people - 2 * households
    largest = max(LARGEST, 3 + people // max(households, 1))
    spilt = 0
    for box in range(households):
        while more > 0 and (box == households - 1 or rng.random() * (more + households - 1 - box) < more):
            more -= 1
            if sizes[box] < largest:
                sizes[box] += 1
            else:
                spilt += 1
    while spilt > 0:
        box = int(rng.random() * households)
        if sizes[box] < largest:
            sizes[box] += 1
            spilt -= 1
    return sizes


@compile_kernel
def children_of(sizes: Any, children: int, chosen: int, rng: Any) -> Any:
    """Return how many children each household has; one place in each is kept for an adult.

    `chosen` households have children, larger ones more often; others only where the chosen are full. Two adults are
    kept in a household as long as there is room elsewhere.
    """
    n = sizes.size
    found = np.zeros(n, dtype=np.int32)
    key = np.empty(n)
    for i in range(n):
        key[i] = -np.log(1.0 - rng.random()) / (sizes[i] - 1.0)
    order = np.argsort(key)
    left = children
    chosen = min(max(chosen, 1), n) if children > 0 else 0
    for place in range(chosen):
        if left > 0:
            found[order[place]] = 1
            left -= 1
    for kept in (2, 1):
        for part in range(2):
            first, end = (0, chosen) if part == 0 else (chosen, n)
            if kept == 2 and part == 1:
                continue
            slots = 0
            for place in range(first, end):
                slots += max(sizes[order[place]] - kept - found[order[place]], 0)
            where = np.empty(slots, dtype=np.int64)
            slot = 0
            for place in range(first, end):
                for _ in range(sizes[order[place]] - kept - found[order[place]]):
                    where[slot] = order[place]
                    slot += 1
            for slot in range(min(left, slots)):
                other = slot + int(rng.random() * (slots - slot))
                where[slot], where[other] = where[other], where[slot]
                found[where[slot]] += 1
            left -= min(left, slots)
    return found


@compile_kernel
def siblings(left: Any, rng: Any) -> Any:
    """Take all children, and return their ages so that neighbours are of about the same age (sd 4 years)."""
    children = 0
    for age in range(ADULT):
        children += left[age]
    ages = np.empty(children, dtype=np.int32)
    key = np.empty(children)
    at = 0
    for age in range(ADULT):
        for _ in range(left[age]):
            ages[at] = age
            key[at] = age + 4.0 * rng.standard_normal()
            at += 1
        left[age] = 0
    return ages[np.argsort(key)]


@inline_kernel
def _family(left: Any, row: Any, size: int, children: int, rng: Any) -> None:
    """Give adults to a household whose children stand at the end of its row."""
    eldest, total = 0, 0.0
    for place in range(size - children, size):
        eldest = max(eldest, row[place])
        total += row[place]
    born = min(max(30.0 + 6.0 * rng.standard_normal(), 17.0), 46.0)
    parent = _near(left, total / children + born, max(ADULT, eldest + 16))
    row[0] = parent
    for place in range(1, size - children):
        if place == 1:
            row[place] = _near(left, parent + 4.0 * rng.standard_normal(), max(ADULT, eldest + 16))
        elif rng.random() < GRANDPARENTS:
            row[place] = _near(left, parent + 28.0 + 5.0 * rng.standard_normal(), ADULT)
        else:
            row[place] = _near(left, max(ADULT, eldest + 1.0) + 6.0 * rng.random(), ADULT)


@inline_kernel
def _grown_up(left: Any, row: Any, size: int, rng: Any) -> None:
    """Fill a household without children."""
    head = _any(left, HEAD, OLD - 1, rng) if size > 2 else -1
    if head < 0:
        head = _any(left, ADULT, left.size - 1, rng)
    row[0] = head
    for place in range(1, size):
        if place == 1 and rng.random() < (COUPLES if head < OLD else OLD_COUPLES):
            row[place] = _near(left, head + 4.0 * rng.standard_normal(), ADULT)
        elif head >= HEAD and rng.random() < GROWN_CHILDREN:
            row[place] = _near(left, head - 30.0 + 6.0 * rng.standard_normal(), ADULT)
        else:
            row[place] = _any(left, ADULT, left.size - 1, rng)


@compile_kernel
def compose(  # noqa: PLR0917 - compiled code takes no keywords
    left: Any, plan: Any, lonely: Any, rng: Any, age: Any, household: Any, first: int
) -> None:
    """Compose the households of one block.

    Args:
        left: int64[100], people by age; none are left at the end.
        plan: int64[4], households, of these of one person, of these from 65, and households with children.
        lonely: float64[100], how often people of an age live alone.
        rng: numpy generator.
        age: uint8[people], filled.
        household: int32[people], filled, household by household.
        first: number of the first household.
    """
    households, alone, alone_old, with_children = plan
    for single in range(alone):
        low, high = (OLD, left.size - 1) if single < alone_old else (ADULT, OLD - 1)
        age[single], household[single] = _alone(left, lonely, low, high, rng), first + single
    at = alone
    many = households - alone
    if many == 0:
        return
    children = siblings(left, rng)
    sizes = sizes_of(many, age.size - at, rng)
    young = children_of(sizes, children.size, with_children, rng)
    begin = np.empty(many, dtype=np.int64)
    for i in range(many):
        begin[i] = at
        household[at : at + sizes[i]] = first + alone + i
        at += sizes[i]
    order = rng.permutation(many)
    taken = 0
    for i in order:  # neighbours in the list of siblings come together
        for place in range(sizes[i] - young[i], sizes[i]):
            age[begin[i] + place] = children[taken]
            taken += 1
    order = rng.permutation(many)
    for turn in range(3):  # families first, couples last
        for i in order:
            row = age[begin[i] : begin[i] + sizes[i]]
            if turn == 0 and young[i] > 0:
                _family(left, row, sizes[i], young[i], rng)
            elif young[i] == 0 and turn == (1 if sizes[i] > 2 else 2):
                _grown_up(left, row, sizes[i], rng)
