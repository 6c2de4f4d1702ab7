"""Three hospitals with a series each, whose tables are unlike each other, and the same rows in one table."""

import datetime
import re

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from aggregator import kit as server_kit
from client_sdk import kit as client_kit
from lpm_secure.project.answers import answer
from lpm_secure.project.kits import write_kits
from lpm_secure.project.scaffold import write_project
from lpm_secure.testbed.deployment import free_addresses
from protocols.kit.kit import Kit
from tests.three_hospitals import HOSPITALS

LABELS = {"st-anne": "St. Anne", "st-john": "Süd-Klinik", "st-mary": "st-mary"}
START = datetime.date(2026, 1, 5)
WEEKS = 18
ROUNDS = 6
TOGETHER = """
name = "together"
seed = 1
[data]
series = "series.csv"
institutions = "institutions.csv"
places = "places.csv"
start = 2026-01-05
period_days = 7
fit_periods = 14
forecast_periods = 4
[federation]
min_cohort = 3
clip = 500.0
"""


def calibration(folder, **given):
    """Write the project of a calibration on loopback."""
    path = write_project("fever", folder, calibration=True)
    path.write_text(on_loopback(path.read_text(), **given))
    return path


def on_loopback(text, *, active=False, rounds=ROUNDS, epsilon=None, min_cohort=3):
    """Return a first project of a calibration with the hospitals' weeks, and addresses that are free."""
    for key, value in (("rounds", rounds), ("min_cohort", min_cohort), ("start", START), ("join_timeout_s", 90.0)):
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    if active:
        text = text.replace('# security = "active"', 'security = "active"').replace("# [dealer]", "[dealer]")
        text = re.sub(
            r'^# ((name|operator|address) = "(dealer-c|statistics|dealer-c.example:8443)")', r"\1", text, flags=re.M
        )
    if epsilon is not None:
        text = text.replace("# epsilon = 4.0", f"epsilon = {epsilon}")
    named = re.findall(r'^address = ("[a-z-]+\.example:\d+")', text, flags=re.MULTILINE)
    for address, free in zip(named, free_addresses(len(named)), strict=True):
        text = text.replace(f"= {address}", f'= "{free}"', 1)
    return text


def counts(name):
    """Return a hospital's count of each week: a wave; one week is missing, and small counts are hidden."""
    rng = np.random.default_rng(HOSPITALS.index(name))
    wave = 40 + 300 * np.exp(-(((np.arange(WEEKS) - 9) / 4.0) ** 2))
    found = [str(count) for count in rng.poisson(wave * (1 + HOSPITALS.index(name)))]
    found[4] = ""
    return ["<60" if each and int(each) < 60 else each for each in found]


def weeks():
    return [START + datetime.timedelta(weeks=week, days=week % 3) for week in range(WEEKS)]


def own_series(kit, name):
    """Put a hospital's table into its kit as the hospital has it, and say in its configuration how."""
    config = (kit / "config.toml").read_text()
    rows = list(zip(weeks(), counts(name), strict=True))
    if name == "st-anne":
        lines = [f"{day:%d.%m.%Y};{count};x" for day, count in rows]
        (kit / "series.csv").write_text("\n".join(["Woche;Anzahl;Notiz", *lines]))
        config += 'columns = { date = "Woche", value = "Anzahl" }\ndates = ["%d.%m.%Y"]\nunread = ["Notiz"]\n'
    elif name == "st-john":
        lines = [f"{LABELS[name]},{day},fever,{count}" for day, count in rows]
        others = [f"Nord-Klinik,{day},fever,7" for day, _ in rows] + [
            f"{LABELS[name]},{day},cough,7" for day, _ in rows
        ]
        (kit / "series.csv").write_text("\n".join(["institution,date,series,value", *lines, *others]))
        config = config.replace('# institution = "st-john"', f'institution = "{LABELS[name]}"\nquantity = "fever"')
    else:
        table = {"date": [str(day) for day, _ in rows], "value": [count for _, count in rows]}
        parquet.write_table(pa.table(table), kit / "series.parquet")
        config = config.replace('series = "series.csv"', 'series = "series.parquet"')
    for file in kit.glob("series.*"):
        file.chmod(0o600)
    (kit / "config.toml").write_text(config)


def together(folder, project):
    """Write the three tables as one, with the configuration of `lpm calibrate` for them, and return its path."""
    lines = [
        f"{LABELS[name]},{day},{count}" for name in HOSPITALS for day, count in zip(weeks(), counts(name), strict=True)
    ]
    (folder / "series.csv").write_text("\n".join(["institution,date,value", *lines]))
    shares = [("st-mary", "Upper Town", 0.6), ("st-john", "Upper Town", 0.2), ("st-john", "Lower Town", 0.5)]
    shares += [("st-anne", "Lower Town", 0.3)]
    rows = [f"{LABELS[name]},{place},{share}" for name, place, share in shares]
    (folder / "institutions.csv").write_text("\n".join(["institution,place,share", *rows]))
    (folder / "places.csv").write_bytes((project.parent / "places.csv").read_bytes())
    text = project.read_text()
    tables = text[text.index("[calibration.model]") : text.index("# Whoever draws")].replace("[calibration.", "[")
    (folder / "together.toml").write_text(TOGETHER + tables)
    return folder / "together.toml"


def ready_series(folder, **given):
    """Return the path of a calibration's project whose parties have keys, answers and tables, and nobody started."""
    path = calibration(folder, **given)
    kits = path.parent / "kits"
    (path.parent / "requests").mkdir()
    for party in write_kits(path, kits):
        kit = Kit.load(party)
        request = (client_kit if kit.file.role == "client" else server_kit).enrol(kit)
        (path.parent / "requests" / request.name).write_bytes(request.read_bytes())
    for answered in answer(path, path.parent / "answers")[1]:
        for file in answered.iterdir():
            (kits / answered.name / file.name).write_bytes(file.read_bytes())
    for name in HOSPITALS:
        own_series(kits / name, name)
    return path
