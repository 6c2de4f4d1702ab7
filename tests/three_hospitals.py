"""Three hospitals whose ids, columns and dates are unlike ours, and the same people in the run's words."""

import csv
import re
from fnmatch import fnmatch

from aggregator import kit as server_kit
from client_sdk import kit as client_kit
from lpm_secure.project.answers import answer
from lpm_secure.project.kits import write_kits
from lpm_secure.project.scaffold import write_project
from lpm_secure.testbed.deployment import free_addresses
from protocols.kit.kit import Kit

HOSPITALS = CLIENTS = ("st-anne", "st-john", "st-mary")
SERVERS = ("agg-a", "agg-b", "dealer-c")
STEPS = 4
SEED = 11
# hospital: name, ward, stage and since of each person; contacts: day of the month, two names, weight
PEOPLE = [
    ("st-anne", "A/000", "east", "I", 3),
    ("st-anne", "A/001", "east", "", 0),
    ("st-anne", "A/002", "east", "S", 0),
    ("st-john", "00", "west", "", 0),
    ("st-john", "10", "west", "E", 4),
    ("st-john", "20", "west", "", 0),
    ("st-john", "30", "west", "", 0),
    ("st-mary", "Zoë", "east", "S", 0),
    ("st-mary", "Yan", "west", "I", 4),
]
N = len(PEOPLE)
CONTACTS = [
    (day, a, b, 1 + (a + 2 * b + day) % 7)
    for day in range(5, 5 + STEPS)
    for a in range(N)
    for b in range(a + 1, N)
    if (a + b + day) % 3
]
NOISE = re.compile(r"\[releases\].*?(?=# Derivatives)", re.DOTALL)


def project(folder, *, seed=None, active=False):
    """Write the project of a run on loopback, with noise and min_count; or exact, with a seed."""
    path = write_project("winter", folder)
    path.write_text(edited(path.read_text(), seed=seed, active=active))
    return path


def edited(text, *, seed=None, active=False, hosts=None):
    """Return a first project with the hospitals' people, and addresses that are free, or on these hosts by server."""
    text = make_active(text) if active else text
    named = re.findall(r'^\w+ = "([a-z-]+\.example:\d+)"', text, flags=re.MULTILINE)
    places = [re.sub(r"^([a-z-]+)\.example", lambda server: (hosts or {}).get(server[1], ""), each) for each in named]
    for address, free in zip(named, free_addresses(len(named)) if hosts is None else places, strict=True):
        text = text.replace(f'= "{address}"', f'= "{free}"', 1)
    for key, value in (("start", "2031-11-05"), ("steps", STEPS), ("join_timeout_s", 90.0), ("beta", "{ near = 0.1 }")):
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    for old, name in (('"ward 1" = 40', "east"), ('"ward 2" = 60', "west")):
        text = text.replace(old, f"{name} = {sum(cell == name for _, _, cell, _, _ in PEOPLE)}")
    clients = [f'[[clients]]\nname = "{name}"\nagents = {len(rows(name))}\n' for name in HOSPITALS]
    text = "\n".join([text[: text.index("[[clients]]")], *clients])
    if seed is None:
        return text
    text = make_exact(text)
    return re.sub(r"^# testbed_seed = .*$", f"testbed_seed = {seed}", text, flags=re.MULTILINE)


def make_active(text):
    """Return a first project with active security."""
    text = re.sub(r"^mpc = .*\n", "", text, flags=re.MULTILINE)
    return text.replace('# security = "active"', 'security = "active"')


def make_exact(text):
    """Return a first project whose releases are exact, and of all counts."""
    return NOISE.sub("", text).replace("min_count = 5", "min_count = 0")


def rows(hospital):
    """Return a hospital's people, with their numbers in the run."""
    return [(number, *person) for number, person in enumerate(PEOPLE, 1) if person[0] == hospital]


def contacts_of(hospital):
    own = {number for number, *_ in rows(hospital)}
    return [each for each in CONTACTS if own & {each[1] + 1, each[2] + 1}]


def write(path, header, lines, *, delimiter=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *lines])
    path.chmod(0o600)


def own_files(kit, hospital):
    """Put a hospital's tables into its kit as the hospital has them, and say in its configuration how."""
    WRITERS[hospital](kit, rows(hospital), contacts_of(hospital))


def say(kit, entries, *, others=()):
    """Replace the optional entries of a kit's dictionary."""
    text = (kit / "config.toml").read_text()
    if others:
        text = text.replace('# others = "others.csv"', 'others = "others.csv"')
        write(kit / "others.csv", ("person", "agent"), others)
    (kit / "config.toml").write_text("\n".join([text, *entries, ""]))


def iso(day):
    return f"2031-11-{day:02}" if day else ""


def _anne(kit, people, contacts):
    """Semicolons, dates as in German, results of tests, and a column that must not be read."""
    meaning = {"I": "positiv", "S": "negativ", "": "k. A."}
    lines = [(n, "+49 30", c, meaning[s], f"{day:02}.11.2031" if day else "") for _, _, n, c, s, day in people]
    write(kit / "people.csv", ("Fallnr", "Telefon", "Station", "Test", "Beginn"), lines, delimiter=";")
    called = {n: PEOPLE[n][1] if n < len(people) else f"extern {n}" for n in range(N)}
    met = [(f"{day:02}.11.2031", called[a], called[b], w) for day, a, b, w in contacts]
    write(kit / "contacts.csv", ("Tag", "P1", "P2", "Minuten"), met, delimiter=";")
    columns = 'person = "Fallnr", cell = "Station", stage = "Test", since = "Beginn", date = "Tag", a = "P1", b = "P2"'
    entries = [f'columns = {{ {columns}, weight = "Minuten" }}', 'dates = ["%d.%m.%Y"]', 'unread = ["Telefon"]']
    entries.append('values = { stage = { positiv = "I", negativ = "S", "k. A." = "" } }')
    say(kit, entries, others=[(name, n + 1) for n, name in called.items() if n >= len(people)])


def _john(kit, people, contacts):
    """Names that are numbers, times with a zone, another order of columns."""
    write(kit / "people.csv", ("stage", "since", "cell", "person"), [(s, iso(d), c, n) for _, _, n, c, s, d in people])
    own = {number - 1: name for number, _, name, *_ in people}
    called = {n: own.get(n, f"x{n}") for n in range(N)}
    met = [(f"{iso(d)}T00:00+01:00", f"{iso(d)}T23:59+01:00", called[b], called[a], w) for d, a, b, w in contacts]
    write(kit / "contacts.csv", ("start", "end", "a", "b", "weight"), met)
    say(kit, [], others=[(name, n + 1) for n, name in called.items() if n not in own])


def _mary(kit, people, contacts):
    """The run's own words, and the manifest's numbers."""
    write(kit / "people.csv", ("agent", "cell", "stage", "since"), [(n, c, s, iso(d)) for n, _, _, c, s, d in people])
    write(kit / "contacts.csv", ("date", "a", "b", "weight"), [(iso(d), a + 1, b + 1, w) for d, a, b, w in contacts])


WRITERS = {"st-anne": _anne, "st-john": _john, "st-mary": _mary}
CLEAR = """
name = "winter"
seed = {seed}
steps = {steps}
[model]
beta = {{ near = 0.1 }}
cell_beta = 0.05
latent = {{ mean = 3.0, sd = 1.0 }}
infectious = {{ mean = 6.0, sd = 2.0 }}
initial = 0.01
[private]
people = "people.csv"
contacts = "contacts.csv"
start = 2031-11-05
clients = {{ column = "hospital" }}
[cells]
column = "ward"
[protocol]
min_cohort = 3
"""


def together(folder, seed):
    """Write the three tables as one, with the configuration of its run in the clear, and return its path."""
    lines = [(number, h, c, s, iso(day)) for number, (h, _, c, s, day) in enumerate(PEOPLE, 1)]
    write(folder / "people.csv", ("person", "hospital", "ward", "stage", "since"), lines)
    met = [(iso(day), a + 1, b + 1, w) for day, a, b, w in CONTACTS]
    write(folder / "contacts.csv", ("date", "a", "b", "weight"), met)
    (folder / "run.toml").write_text(CLEAR.format(seed=seed, steps=STEPS))
    return folder / "run.toml"


def unnamed(kit):
    """Return the files of a hospital's kit that its page does not name."""
    words = re.findall("`([^`\n]+)`", (kit / "README.md").read_text().replace("SERVER", "*"))
    return [file.name for file in kit.iterdir() if not any(fnmatch(file.name, word) for word in [*words, "README.md"])]


def with_engine(path):
    """Give a project an engine with forty people of its own."""
    text = path.read_text().replace(
        "[[clients]]", '[engine]\noperator = "statistics"\nsynthetic = { agents = 40 }\n\n[[clients]]', 1
    )
    path.write_text(text)
    return path


def devices(path):
    """Make six devices of a project's hospitals, whose contacts no server sees."""
    path.write_text(phones(path.read_text()))
    return path


def phones(text):
    """Return a project of six devices in place of its hospitals, over permuted edges."""
    text = re.sub(r"^# (edges|degree) = ", r"\1 = ", text[: text.index("[[clients]]")], flags=re.MULTILINE)
    for name, address in zip(SERVERS, free_addresses(3), strict=True):
        text = text.replace(f'name = "{name}"', f'name = "{name}"\npermutation = "{address}"')
    return f'{text}[[clients]]\nname = "phone"\ndevices = 6\n'


def ready(folder, *, active=False, change=lambda path: path):
    """Return the kits of a seeded run whose parties have their keys and the ministry's answers, and nobody started."""
    path = change(project(folder, seed=SEED, active=active))
    (path.parent / "requests").mkdir()
    enrol(path, path.parent / "kits", path.parent / "answers")
    return path


def enrol(path, out, answers, *, servers=True):
    """Make a project's kits, let its parties make their keys, the servers where they have none yet, and answer."""
    for party in write_kits(path, out):
        kit = Kit.load(party)
        if servers or kit.file.role == "client":
            request = (client_kit if kit.file.role == "client" else server_kit).enrol(kit)
            (path.parent / "requests" / request.name).write_bytes(request.read_bytes())
    for answered in answer(path, answers)[1]:
        for file in answered.iterdir():
            (out / answered.name / file.name).write_bytes(file.read_bytes())
    for name in HOSPITALS:
        if (out / name).is_dir():
            own_files(out / name, name)
