"""What people get wrong in their tables and settings, each of which is one right line and exit code 2."""

import sys

import pytest

from lpm_secure.cli.main import main

PEOPLE = "person,ward,room,stage\na1,A,1,I\na2,A,1,\nb1,B,2,S\nb2,B,2,\nc1,C,1,\n"
CONTACTS = """a,b,date,weight
a1,a2,2026-03-02,3
a1,b1,2026-03-02,2
b1,b2,2026-03-03,1
b2,c1,2026-03-03,4
"""
RUN = """name = "ward"
seed = 1
steps = 2
[model]
beta = { contact = 0.1 }
latent = { mean = 2.0, sd = 1.0 }
infectious = { mean = 4.0, sd = 2.0 }
initial = 0.1
[private]
people = "people.csv"
contacts = "contacts.csv"
start = 2026-03-02
clients = { column = "ward" }
[cells]
column = "room"
[synthetic]
agents = 4
[protocol]
min_cohort = 2
"""
FILES = {"people.csv": PEOPLE, "contacts.csv": CONTACTS, "run.toml": RUN}
HEAD, FIRST, MODEL = "room,stage\na1,A,1,I", "a1,a2,2026-03-02,3", RUN[RUN.index("[model]") : RUN.index("[private]")]
OTHER = "person,ward,room,susceptibility\na1,A,1,{}\nb1,B,1,1\nc1,C,2,1\n"

PEOPLE_CASES = [  # what is replaced by what, and the words that have to be said
    (PEOPLE, "", "people.csv has 0 rows; a header is needed"),
    (PEOPLE, "person,ward,room,stage\n", "people.csv has no person; give a row to each"),
    (PEOPLE, PEOPLE.replace(",", "\t"), "people.csv has no column person; it needs person, ward, room"),
    (PEOPLE, OTHER.format("-1"), "people.csv, row 2: susceptibility is -1; it must lie in"),
    (PEOPLE, OTHER.format("nan"), "people.csv, row 2: susceptibility is nan; it must lie in"),
    (PEOPLE, OTHER.format("high"), "people.csv, row 2: susceptibility is 'high'; a number is needed"),
    (PEOPLE, OTHER.format("0,5").replace("0,5", "0.5.1"), "row 2: susceptibility is '0.5.1'; a number is needed"),
    ("a1,A,1,I", "a1,A,1,Q", "people.csv, row 2: stage is 'Q'; one of S, E, I, R is needed"),
    ("a1,A,1,I", "a1,A,1,i", "people.csv, row 2: stage is 'i'; one of S, E, I, R is needed"),
    ("a2,A", "a1,A", "people.csv, row 3: person 'a1' is listed in row 2 too"),
    ("a2,A", ",A", "people.csv, row 3: person '' has no name"),
    ("a2,A,1,", "a2,A,1", "people.csv, row 3: got 3 fields; the header has 4"),
    ("a2,A,1,", "a2,A,1,,5", "people.csv, row 3: got 5 fields; the header has 4"),
    ("ward,room", "ward,ward", "people.csv, row 1: column ward is there twice; rename one"),
    ("room,stage", "room,stge", "people.csv has a column stge, which nothing reads; did you mean stage?"),
    ("room,stage", "room,age", "people.csv has a column age, which nothing reads"),
    ("a1,A", '"a1,A', "cannot read people.csv (unexpected end of data); a CSV file in UTF-8 is needed"),
    ("a1,A", "a\udce91,A", "cannot read people.csv ('utf-8' codec can't decode byte 0xe9"),
    ("a2,A,1,", "a2,,1,", "people.csv, row 3: ward is empty; say it of each person"),
    ("a2,A,1,", "a2,A,,", "people.csv, row 3: room is empty; say it of each person"),
    ("b1,B,2", "b1,engine,2", "ward is 'engine', which no client can be called"),
    ("b1,B,2", "b1,a,2", "two values of ward would both be the client a; rename one"),
    (HEAD, "room,since\na1,A,1,2026-02-30", "row 2: since is '2026-02-30'; a whole number of steps before the run"),
    (HEAD, "room,since\na1,A,1,2026-05-01", "people.csv, row 2"),
]
CONTACT_CASES = [
    (CONTACTS, "", "contacts.csv has 0 rows; a header is needed"),
    ("a1,a2", "zz,a2", "contacts.csv, row 2: names the unknown person zz"),
    ("a1,a2", "a1,a1", "contacts.csv, row 2: a contact of a person with itself"),
    (FIRST, "a1,a2,02.03.2026,3", "contacts.csv, row 2: date is '02.03.2026'; a date such as 2026-03-02"),
    (FIRST, "a1,a2,2026-02-30,3", "contacts.csv, row 2: date is '2026-02-30'"),
    (FIRST, "a1,a2,46083,3", "contacts.csv, row 2: date is '46083'"),
    (FIRST, "a1,a2,2026-03-02,-3", "row 2, column weight: got '-3'; a whole number from 0"),
    (FIRST, "a1,a2,2026-03-02,1.5", "row 2, column weight: got '1.5'; a whole number"),
    (FIRST, "a1,a2,2026-03-02,99999999999", "row 2, column weight: got '99999999999'"),
    (FIRST, "a1,a2,2026-03-02,inf", "row 2, column weight: got 'inf'"),
    (FIRST, "a1,a2,2026-03-02,", "row 2, column weight: got ''"),
    ("a,b,date", "a,c,date", "contacts.csv has no column b; it needs a, b"),
    ("a,b,date", "a,b,start", "says when contacts were by date, or by start and end, or by day"),
    ("date,weight", "date,day", "says when contacts were by date, or by start and end, or by day"),
    ("weight", "wieght", "contacts.csv has a column wieght, which nothing reads; did you mean weight?"),
    ("date,weight\n" + FIRST, "date,channel\na1,a2,2026-03-02,home", "row 2: channel 'home'; the run has contact"),
    ("a1,b1,2026-03-02,2", "a2,a1,2026-03-02,2", "row 3: the contact of row 2 again, with weight 2 in place of 3"),
    (CONTACTS, "a,b,start,end\na1,a2,2026-03-02T12:00,2026-03-02T10:00\n", "row 2: the contact ends before it begins"),
    (CONTACTS, "a,b,date\na1,a2,2025-03-02\n", "all 1 contacts are over before the first step, on 2026-03-02"),
]
RUN_CASES = [
    (RUN, "", "run.toml: Object missing required field `name`"),
    (RUN, "\0", "run.toml is not TOML"),
    ('name = "ward"', 'name = "Ward A"', "run.toml:1: Expected a name of a-z, 0-9, '.', '_' and '-'"),
    ("seed = 1", "seed = -1", "run.toml:2: Expected `int` >= 0 - at `$.seed`; got -1"),
    ("seed = 1", "seed = 1\nseed = 2", "run.toml is not TOML: Cannot overwrite a value (at line 3"),
    ("steps = 2", "steps = 0", "run.toml:3: Expected `int` >= 1 - at `$.steps`; got 0"),
    ("steps = 2", 'steps = "2"', "run.toml:3: Expected `int`, got `str`"),
    ("steps = 2", "steps = 2\ndt = 0.7", "dt is 0.7; contacts are of days, which have a whole number of steps"),
    ("contact = 0.1", "contact = nan", "run.toml:5: Expected `float` >= 0.0"),
    ("contact = 0.1", "contact = -0.1", "run.toml:5: Expected `float` >= 0.0"),
    ("initial = 0.1", "initial = 2", "run.toml:8: Expected `float` <= 1.0 - at `$.model.initial`; got 2"),
    ("sd = 1.0", "sd = 0", "run.toml:6: Expected `float` > 0.0 - at `$.model.latent.sd`"),
    (MODEL, 'model = "serir"\n', "there is no model serir; there are"),
    (
        MODEL,
        f'operator = "clinic"\n{MODEL}',
        "run.toml is of `lpm project`; play it on made-up people with: lpm rehearse",
    ),
    ('"people.csv"', '"folk.csv"', "folk.csv (No such file or directory); a CSV file in UTF-8 is needed"),
    ('"people.csv"', '"."', "(Is a directory); a CSV file in UTF-8 is needed"),
    ('"ward" }', '"wrd" }', "people.csv has no column wrd"),
    ('{ column = "ward"', '{ colum = "ward"', "unknown field `colum` - at `$.private.clients`; did you mean `column`?"),
    ("start = 2026-03-02", 'start = "monday"', "run.toml:12: Invalid RFC3339 encoded date - at `$.private.start`"),
    ("start = 2026-03-02", "start = 2026-03-02T10:00:00", "run.toml:12: Expected `date | null`, got `datetime`"),
    ('column = "room"', 'column = "rom"', "people.csv has no column rom"),
    ('column = "room"', 'column = "room"\ncount = 2', "cells has a count or a column; leave one of them out"),
    ('column = "room"', 'column = "room"\nsize = 1', "cells.size is 1, and cell 1 has 3 of your people"),
    ("agents = 4", "agents = -4", "run.toml:17: Expected `int` >= 0"),
    ("agents = 4", "agents = 99999999999999", "run.toml:17: Expected `int` <="),
    ("agents = 4", "agents = 4\ntwn = true", "unknown field `twn` - at `$.synthetic`; did you mean `twin`?"),
    ("min_cohort = 2", "min_cohort = 9", "min_cohort is 9, but the run has 3 clients: set it lower"),
    ("min_cohort = 2", "aggregators = 1", "additive sharing needs at least 2; add an operator"),
    ("min_cohort = 2", 'mode = "outcomes"', "got 'outcomes'; allowed are 'outcome', 'sum'"),
    ("min_cohort = 2", 'edges = "permuted"', "permuted edges are for clients of one agent each"),
    ("min_cohort = 2", 'mode = "sum"\nmin_count = 5', "min_count needs a secure comparison, which sum mode has not"),
    ("min_cohort = 2", "round_timeout_s = 0", "run.toml:19: Expected `float` > 0.0"),
    ("[protocol]", "[releases]\nepsilon = -1\n[protocol]", "Expected `float` > 0.0 - at `$.releases.epsilon`; got -1"),
]
CASES = [
    *(("people.csv", *case) for case in PEOPLE_CASES),
    *(("contacts.csv", *case) for case in CONTACT_CASES),
    *(("run.toml", *case) for case in RUN_CASES),
]


@pytest.mark.parametrize(("file", "old", "new", "said"), CASES, ids=[f"{file}: {said}" for file, _, _, said in CASES])
def test_what_is_wrong_in_ones_own_files_and_settings_is_one_right_line(
    file, old, new, said, tmp_path, monkeypatch, capsys
):
    assert old in FILES[file]
    for name, text in FILES.items():
        content = text.replace(old, new, 1) if name == file else text
        (tmp_path / name).write_text(content, encoding="utf-8", errors="surrogateescape")
    monkeypatch.setattr(sys, "argv", ["lpm", "run", str(tmp_path / "run.toml"), "--clear"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().err.replace(f"{tmp_path}/", "")
    assert ended.value.code == 2
    assert said in printed
    assert printed.count("\n") == 1
