"""Who sent garbage, found from sums alone: groups are opened, each of at least as many as a sum must cover.

A sum over clients that all keep to their range is in range. So a sum that is not has somebody in it who does not, and
who that is follows from which sums are out of range. The groups are drawn from a public coin and from how the sums
before came out: every party draws the same, and nobody chooses them.
"""

import hashlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, final

from protocols.arithmetic.counters import RoundNumber
from protocols.releases.ledger import Trial

MOST_TRIALS: Final = 20  # sums that are opened in one inquiry
MOST_SEEN: Final = 60  # sums that are opened in all inquiries of a run
MOST_LIARS: Final = 2
DRAWN: Final = 300  # groups to choose from before each opening
MOST_SUSPECTED: Final = 2000  # sets of clients that are held against a group; more are too many to look at
PRIME: Final = 2**127 - 1  # above every minor of that many rows of 0 and 1, so that ranks modulo it are the true ones
Places = frozenset[int]


def coin(run: bytes, number: RoundNumber) -> bytes:
    """Return what groups of a round are drawn with, 32 bytes that everybody knows.

    Security: who writes a run's manifest can try many, and so choose among coins; whatever the coin, groups are safe.
    """
    return hashlib.sha256(b"lpm groups" + run + number.to_bytes(8)).digest()


def mark(members: Sequence[str]) -> bytes:
    """Return the digest of clients' names, 32 bytes; the order counts."""
    return hashlib.sha256("\n".join(members).encode()).digest()


@final
@dataclass(slots=True)
class Inquiry:
    """Finds who must have sent garbage, once the sum over all members is out of range.

    Suspected are the smallest sets of clients of which every sum out of range has one. Whoever was in a sum in range
    is tried last, and not acquitted by it: within one group garbage can pass. Somebody is named when one such set is
    left, and each other client was in a sum in range. Then one last sum is opened, over as many of them as may be.

    Attributes:
        members: of the sum that is out of range.
        smallest: clients that an opened sum covers at least.
        coin: what groups are drawn with; the same coin and the same sums draw the same groups.
        seen: groups whose sums were opened in earlier inquiries of the run, without those that have been named. They
            count as if of this round, for whoever publishes may publish the same twice.
        trials: what has been opened, the sum over all members first.

    Security: one client that lies gets nobody else named, for it is in every sum out of range; several together can.
        No combination of opened sums gives the contribution of a single client, and where one lies, none of another
        one's to whoever knows what that one sent. So nobody is read who is made to look guilty by an aggregator that
        lies about its shares. Combinations can give sums over fewer than `smallest`.
    """

    members: tuple[str, ...]
    smallest: int
    coin: bytes = field(repr=False)
    seen: Sequence[Sequence[str]] = ()
    trials: list[Trial] = field(init=False)
    _ended: bool = field(init=False, repr=False, default=False)
    _opened: list[tuple[Places, bool]] = field(init=False, repr=False)
    _rank: dict[int, int] = field(init=False, repr=False)
    _before: list[Places] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin with what is known."""
        self.trials = [Trial(self.members, fits=False)]
        self._opened = [(frozenset(range(len(self.members))), False)]
        names = [*self.members, *sorted({name for group in self.seen for name in group} - {*self.members})]
        place_of = {name: place for place, name in enumerate(names)}
        self._before = [frozenset(place_of[name] for name in group) for group in self.seen]
        drawn = sorted(self._all, key=lambda place: hashlib.sha256(self.coin + place.to_bytes(4)).digest())
        self._rank = {place: rank for rank, place in enumerate(drawn)}

    def next(self) -> tuple[str, ...] | None:
        """Return the group to open now; None when the inquiry is over."""
        suspected = self._suspected()
        if self._ended or not suspected or len(self.trials) >= MOST_TRIALS:
            return None
        believed = self._believed(suspected)
        if len(suspected) + len(believed) > MOST_SUSPECTED:
            return None
        drawn = [self._drawn(number, suspected, believed) for number in range(DRAWN)]
        if self.culprits:
            drawn, self._ended = self._largest(suspected[0]), True
        held, tried = {*suspected, *believed}, {group for group, _ in self._opened}
        drawn += [group for group in self._before if group <= self._all and not self._ended]
        for group in sorted(set(drawn), key=lambda each: (-self._use(each, suspected, believed), self._order(each))):
            if len(group) >= self.smallest and group not in tried and self._safe(group, held):
                return tuple(self.members[place] for place in sorted(group))
        return None

    def tell(self, group: Sequence[str], *, fits: bool) -> None:
        """Take in whether the sum over a group is in range."""
        places = frozenset(self.members.index(name) for name in group)
        self.trials.append(Trial(tuple(group), fits))
        self._opened.append((places, fits))
        self._ended = self._ended and fits

    @property
    def culprits(self) -> tuple[str, ...]:
        """Return who sent garbage; nobody while that has not come out."""
        suspected = self._suspected()
        if len(suspected) != 1 or self._unproven - suspected[0] or self._believed(suspected) != suspected:
            return ()
        return tuple(self.members[place] for place in sorted(suspected[0]))

    @property
    def summands(self) -> tuple[str, ...]:
        """Return whose sum counts in the end: the largest group in range without who is named, or nobody."""
        named = {*self.culprits}
        fitting = (trial.members for trial in self.trials if trial.fits and named.isdisjoint(trial.members))
        return max(fitting, key=len, default=())

    @property
    def _all(self) -> Places:
        return self._opened[0][0]

    @property
    def _unproven(self) -> Places:
        """Return who has been in no sum in range."""
        return self._all.difference(*(group for group, fits in self._opened if fits))

    def _suspected(self, size: int = 1, *, believed: bool = False) -> list[Places]:
        """Return the smallest sets of clients of which each sum out of range has one; none if all are too large.

        Args:
            size: of the sets, at least.
            believed: leave out who has been in a sum in range.
        """
        may = self._unproven if believed else self._all
        wrong = [group & may for group, fits in self._opened if not fits]
        for larger in range(size, MOST_LIARS + 1):
            found = set(_hitting(wrong, larger))
            if found:
                return sorted(found, key=sorted)
        return []

    def _believed(self, suspected: list[Places]) -> list[Places]:
        """Return the smallest such sets that explain the sums in range as well; the suspected if none does."""
        return self._suspected(len(suspected[0]), believed=True) or suspected

    def _settled(self, suspected: list[Places], believed: list[Places]) -> bool:
        return suspected == believed and len(suspected) == 1

    def _drawn(self, number: int, suspected: list[Places], believed: list[Places]) -> Places:
        """Draw a group: some who may have lied, and others up to the smallest size or more."""
        seed = self.coin + len(self.trials).to_bytes(4) + number.to_bytes(4)

        def lot(*what: int) -> int:
            return int.from_bytes(hashlib.sha256(seed + b"".join(each.to_bytes(4) for each in what)).digest())

        live, settled = frozenset[int]().union(*believed), self._settled(suspected, believed)
        first = sorted(live, key=lambda place: lot(0, place))
        few = len(first) // 2 if len(believed) > 1 and number % 3 else 1 + lot(1) % len(first)
        if settled:
            few = 0
        later = frozenset[int]().union(*suspected) if number % 2 else frozenset[int]()
        rest, unproven = self._all - live, self._unproven
        others = sorted(rest, key=lambda place: (place in later, settled and place not in unproven, lot(2, place)))
        size = self.smallest + lot(3) % max(1, 2 * len(self._all) // 3 - self.smallest + 1)
        return frozenset([*first[:few], *others, *first[few:]][: max(few, size)])

    def _order(self, group: Places) -> tuple[bool, list[int]]:
        """Return what groups of the same use are sorted by: seen ones tell nothing new, and overlaps isolate fewer."""
        return group not in self._before, sorted(self._rank[place] for place in group)

    def _largest(self, named: Places) -> list[Places]:
        """Draw groups that leave out a few more than who is named, whom the difference to all would give away."""
        rest = sorted(self._all - named, key=lambda place: self._rank[place])
        return [
            frozenset(rest[first + few :]) | frozenset(rest[:first])
            for few in range(1, 5)
            for first in range(len(rest))
        ]

    def _use(self, group: Places, suspected: list[Places], believed: list[Places]) -> int:
        """Return how much a group may tell: the larger, the more.

        It halves what is believed; then shows that nobody else explains the sums out of range; then clears the others.
        """
        hit = sum(not group.isdisjoint(each) for each in believed)
        doubted = sum(not group.isdisjoint(each) for each in suspected)
        if len(believed) > 1:
            return -abs(2 * hit - len(believed)) * (len(suspected) + 1) - doubted
        if suspected != believed:
            return -doubted if hit else -len(suspected) - 1
        if self._ended:
            return len(group)
        return -len(self._all) if hit else len(group & self._unproven)

    def _safe(self, group: Places, held: Set[Places]) -> bool:
        """Whether nobody would be isolated by this sum and the others, also where a suspect is known to have lied."""
        now = [*(opened for opened, _ in self._opened), group]
        rows = now if group in self._before else [*self._before, *now]
        if group not in self._before and len(set(rows)) > MOST_SEEN:
            return False
        return not _isolates(rows, held)


def _hitting(groups: list[Places], size: int) -> Iterator[Places]:
    """Yield the sets of this size, or smaller, that have a member in each group."""
    if not groups:
        yield frozenset()
    elif size:
        for place in min(groups, key=len):
            for rest in _hitting([group for group in groups if place not in group], size - 1):
                yield rest | {place}


def _isolates(groups: Sequence[Places], held: Set[Places]) -> bool:
    """Whether sums over groups combine to the contribution of one client, those of one of the held sets being known."""
    basis = _reduce([dict.fromkeys(sorted(group), 1) for group in groups])
    if any(len(row) == 1 for row in basis.values()):
        return True
    short = [row.keys() for row in basis.values() if len(row) <= MOST_LIARS + 1]
    for each in held:
        if each.isdisjoint(basis):  # what is left is reduced as it is
            left = [row - each for row in short]
        else:
            known = [{place: value for place, value in row.items() if place not in each} for row in basis.values()]
            left = [set(row) for row in _reduce(known).values()]
        if any(len(row) == 1 for row in left):
            return True
    return False


def _reduce(rows: Sequence[dict[int, int]]) -> dict[int, dict[int, int]]:
    """Return the rows of the reduced echelon form, by their pivots; the rows that were given are used up."""
    basis: dict[int, dict[int, int]] = {}
    for given in rows:
        row = given
        for pivot in [place for place in row if place in basis]:
            _subtract(row, basis[pivot], row[pivot])
        if not row:
            continue
        pivot = min(row)
        if row[pivot] != 1:
            inverse = pow(row[pivot], -1, PRIME)
            row = {place: value * inverse % PRIME for place, value in row.items()}
        for other in basis.values():
            if pivot in other:
                _subtract(other, row, other[pivot])
        basis[pivot] = row
    return basis


def _subtract(row: dict[int, int], other: dict[int, int], times: int) -> None:
    """Take a multiple of another row away, modulo the prime; zeros are left out."""
    for place, value in other.items():
        left = (row.get(place, 0) - times * value) % PRIME
        if left:
            row[place] = left
        else:
            row.pop(place, None)
