"""Differencing: which clients a combination of exact sums, each over another cohort, tells of."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from protocols.arithmetic.fixed_point import I64

MOST_WORK: Final = 2**29  # numbers that a search computes: a second or two, whoever came and went
ROW_WORK: Final = 2**15  # of a row, however short
Cohort = frozenset[str]


def _draw_prime() -> int:
    """Return a prime of 31 bits, so that products of two residues fit 64: what holds of rationals holds modulo it.

    Security: whoever chooses who comes and goes, and knows the prime, could have it divide what a combination tells.
    """
    odd = np.arange(3, 2**16, 2)
    while True:
        drawn = 2**30 | secrets.randbits(30) | 1
        if (drawn % odd).all():
            return drawn


PRIME: Final = _draw_prime()  # of this process alone


def isolate(cohorts: Iterable[Cohort], *, least: int) -> Cohort:
    """Return clients, fewer than `least`, whose numbers alone a combination of sums over cohorts has; nobody if none.

    Clients that are in the same cohorts enter each combination alike. Where `least` of them do, a combination that
    tells of fewer has to be 0 there: it is searched for among those that are.

    Args:
        cohorts: over each of which a sum is known, whatever it is of.
        least: how many clients every combination has to be over.
    Security:
        A combination of any coefficients is found: each that vanishes over the rationals does so modulo a prime. This
        process draws it, and it divides what a combination tells, which would hide that, with a chance below 2**-18 in
        a thousand releases. Where there are too many to look through, all who could be told of are returned.
    """
    known = [] if least <= 1 else list(dict.fromkeys(cohorts))
    classes, sizes = _classes(known)
    if not classes:
        return frozenset()
    matrix = np.array([[names[0] in cohort for names in classes] for cohort in known], dtype=np.int64)
    few = np.array(sizes) < least
    basis = _vanishing(matrix, ~few)[:, few]
    search = _Search(np.array(sizes)[few], least)
    support = search.support(basis, np.zeros(basis.shape[1], dtype=bool))
    told = [names for names, is_few in zip(classes, few.tolist(), strict=True) if is_few]
    return frozenset(name for place in support for name in told[place])


def spanning(cohorts: Iterable[Cohort]) -> list[Cohort]:
    """Return those cohorts that are no combination of the ones before: together with any other they tell as much."""
    known = list(dict.fromkeys(cohorts))
    classes, _ = _classes(known)
    kept, reduced = list[Cohort](), dict[int, I64]()
    for cohort in known:
        row = np.array([names[0] in cohort for names in classes], dtype=np.int64)
        for column, pivot in reduced.items():
            row = (row - row[column] * pivot) % PRIME
        if filled := np.flatnonzero(row).tolist():
            reduced[filled[0]] = row * pow(int(row[filled[0]]), -1, PRIME) % PRIME
            kept.append(cohort)
    return kept


def _classes(cohorts: Sequence[Cohort]) -> tuple[list[list[str]], list[int]]:
    """Return the clients of some cohort, those together that are in the same ones, and how many these are."""
    places: dict[str, int] = {}
    for place, cohort in enumerate(cohorts):
        for name in cohort:
            places[name] = places.get(name, 0) | 1 << place
    classes: dict[int, list[str]] = {}
    for name in sorted(places):
        classes.setdefault(places[name], []).append(name)
    return list(classes.values()), [len(names) for names in classes.values()]


def _vanishing(matrix: I64, at: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> I64:
    """Return a basis of the combinations of rows that are 0 in some columns, modulo the prime."""
    rows = matrix.copy()
    for column in np.flatnonzero(at).tolist():
        rows = _without(rows, column)
    return _independent(rows)


def _without(rows: I64, column: int) -> I64:
    """Return combinations of rows, one fewer than there were, that are 0 in a column in which one is not."""
    filled = np.flatnonzero(rows[:, column])
    if not filled.size:
        return rows
    pivot = rows[filled[0]]
    scaled = pivot * pow(int(pivot[column]), -1, PRIME) % PRIME
    rest = np.delete(rows, filled[0], axis=0)
    cleared: I64 = (rest - rest[:, column : column + 1] * scaled) % PRIME
    return cleared


def _independent(rows: I64) -> I64:
    """Return rows of the same span that do not depend on each other."""
    kept, rest = [], rows
    while rest.size and rest.any():
        row, column = np.argwhere(rest)[0].tolist()
        kept.append(rest[row])
        rest = _without(np.concatenate([rest[row : row + 1], np.delete(rest, row, axis=0)]), column)
    return np.array(kept, dtype=np.int64).reshape(len(kept), rows.shape[1])


class _Search:
    """The search for a vector of a span whose places that are not 0 weigh less than a bound."""

    def __init__(self, weights: I64, least: int) -> None:
        """Begin with nothing done."""
        self._weights, self._least, self._work = weights, least, 0

    def support(self, basis: I64, taken: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[int]:
        """Return where such a vector is not 0; nothing if there is none.

        Args:
            basis: of the span.
            taken: places that need not be 0; of all before the next one it is settled.
        """
        if not len(basis) or int(self._weights[taken].sum()) >= self._least:
            return []
        self._work += len(basis) * (basis.size + ROW_WORK)
        used = basis.any(axis=0)
        if self._work > MOST_WORK:
            return np.flatnonzero(used).tolist()
        open_places = np.flatnonzero(used & ~taken)
        if not open_places.size or int(self._weights[used].sum()) < self._least:
            return np.flatnonzero(used).tolist()
        place = int(open_places[np.argmax(self._weights[open_places])])
        if found := self.support(_independent(_without(basis, place)), taken):
            return found
        also = taken.copy()
        also[place] = True
        return self.support(basis, also)
