"""Generated contacts that look like the workplace's, for where the data cannot be had. Always labelled as such."""

from typing import Final

import numpy as np

from lpm_secure.data.contact_data import ContactData

SIZES: Final = {
    "DMI": 57,
    "DSE": 32,
    "DMCT": 31,
    "DST": 23,
    "DISQ": 18,
    "SFLE": 14,
    "DCAR": 13,
    "SRH": 9,
    "SCOM": 7,
    "SSI": 7,
    "SDOC": 4,
    "DG": 2,
}
DAYS: Final = 10
PAIRS: Final = 8_000  # drawn; some coincide, and about 7,400 stay
ACROSS: Final = 0.22  # of the drawn; fewer of them coincide than of those inside, so about 0.24 of what stays
MEAN_WEIGHT: Final = 10.5


def look_alike(seed: int) -> ContactData:
    """Generate contacts of 217 people in 12 departments over 10 days, with heavy-tailed weights.

    Args:
        seed: not negative; the same seed gives the same contacts.

    Returns:
        About 7,400 rows whose weights sum to about 78,000, about 24 % of it between departments.
    """
    draw = np.random.Generator(np.random.Philox(key=seed))
    group = np.repeat(np.arange(len(SIZES)), list(SIZES.values()))
    people = np.arange(1, group.size + 1)
    a, b = draw.integers(0, group.size, (2, 20 * PAIRS))
    inside = (group[a] == group[b]) & (a != b)
    across = group[a] != group[b]
    n_across = round(ACROSS * PAIRS)
    chosen = np.concatenate([np.flatnonzero(across)[:n_across], np.flatnonzero(inside)[: PAIRS - n_across]])
    pairs = np.stack([a[chosen], b[chosen]])
    keys = np.stack([draw.integers(0, DAYS, chosen.size), pairs.min(axis=0), pairs.max(axis=0)])
    day, low, high = np.unique(keys, axis=1)
    heavy = draw.lognormal(0.0, 1.5, day.size)
    weight = np.maximum(np.rint(heavy * MEAN_WEIGHT / heavy.mean()), 1).astype(np.int64)
    return ContactData(
        people=people,
        group=tuple(np.array(list(SIZES))[group].tolist()),
        days=DAYS,
        day=day,
        a=people[low],
        b=people[high],
        weight=weight,
        source=f"generated look-alike of workplace contacts, seed {seed}",
        look_alike=True,
    )
