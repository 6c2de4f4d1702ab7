"""Six people with a device each, whose contacts no server sees: what `three_hospitals` is, over permuted edges."""

import csv
import re

from tests import three_hospitals
from tests.three_hospitals import CLEAR, STEPS, iso, phones, write

CLIENTS = tuple(f"phone-{number}" for number in range(1, 7))
PEOPLE = [("east", "I", 4), ("west", "", 0), ("east", "", 0), ("west", "E", 3), ("east", "S", 0), ("west", "", 0)]
CONTACTS = [  # day of the month, two agents, weight
    (day, a, b, 2 + (3 * a + b + day) % 5)
    for day in range(5, 5 + STEPS)
    for a in range(1, 7)
    for b in range(a + 1, 7)
    if (a * b + day) % 3
]


def edited(text, **given):
    """Return a first project of devices on loopback."""
    text = phones(three_hospitals.edited(text, **given))
    return re.sub(r"^(east|west) = .*$", r"\1 = 3", text, flags=re.MULTILINE)


def own_files(kit, name):
    """Put a device's tables into its kit, and the cards of those it meets, as an app would have got them."""
    agent = CLIENTS.index(name) + 1
    cell, stage, since = PEOPLE[agent - 1]
    met = [each for each in CONTACTS if agent in each[1:3]]
    write(kit / "people.csv", ("agent", "cell", "stage", "since"), [(agent, cell, stage, iso(since))])
    write(kit / "contacts.csv", ("date", "a", "b", "weight"), [(iso(day), *rest) for day, *rest in met])
    others = {each for _, a, b, _ in met for each in (a, b)} - {agent}
    cards = [card(kit.parents[1] / CLIENTS[each - 1] / CLIENTS[each - 1]) for each in sorted(others)]
    with (kit / "contact_keys.csv").open("a", newline="", encoding="ascii") as file:
        csv.writer(file, lineterminator="\n").writerows(cards)


def card(kit):
    """Return the row that a device hands to those it meets."""
    return (kit / "device_card.csv").read_text().splitlines()[1].split(",")


def together(folder, seed):
    """Write all tables as one, with the configuration of its run in the clear, and return its path."""
    lines = [(n, CLIENTS[n - 1], cell, s, iso(day)) for n, (cell, s, day) in enumerate(PEOPLE, 1)]
    write(folder / "people.csv", ("person", "hospital", "ward", "stage", "since"), lines)
    write(folder / "contacts.csv", ("date", "a", "b", "weight"), [(iso(day), *rest) for day, *rest in CONTACTS])
    (folder / "run.toml").write_text(CLEAR.format(seed=seed, steps=STEPS))
    return folder / "run.toml"
