"""What a run would read in one's own tables, and what may not be as it was meant."""

import datetime

import pytest

from lpm_secure.run.survey_check import TableQuestions, check_survey
from protocols.errors import ConfigError, DataError

PEOPLE = "person,ward,stage\n[b]A,x,I\nB,x,\nC,y,S\nD,y,\n"
CONTACTS = "date,a,b,weight\n2026-03-02,[b]A,B,5\n2026-03-02,B,[b]A,5\n2026-03-04,B,C,1\n2026-03-02,[b]A,B,5\n"
ASKED = TableQuestions(clients="ward")


@pytest.fixture
def check(tmp_path):
    def _check(people=PEOPLE, contacts=CONTACTS, *, model="seir", questions=ASKED):
        for name, content in (("people.csv", people), ("contacts.csv", contacts)):
            (tmp_path / name).write_text(content or "")
        where = tmp_path / "contacts.csv" if contacts else None
        return check_survey(tmp_path / "people.csv", where, model=model, questions=questions)

    return _check


def test_the_table_says_what_each_column_is(check):
    assert dict(check().rows) == {
        "people": "4 ([b]A to D)",
        "column person": "names: 4 values",
        "column ward": "whose client: 2 values",
        "column stage": "known: S 1, E 0, I 1, R 0, not known 2",
        "contacts": "2, in 4 rows",
        "days": "3 from 2026-03-02 on; a longer run repeats them",
        "channels": "contact 2",
        "weights": "1 to 5, median 3",
        "contacts of a person and day": "mean 0.3, at most 0.7",
        "between clients": "50% of what a run's steps have",
    }


def test_warnings_say_what_may_not_be_meant(check):
    one, twice, alone, empty = check().warnings
    assert "1 contact is listed by one side alone, where others are by both: row 4." in one
    assert twice == "1 rows say again what another says; each contact counts once"
    assert alone == "1 person has no contact: D"
    assert empty == "1 days have no contact"
    late = check(questions=TableQuestions(clients="ward", start=datetime.date(2026, 3, 3))).warnings
    assert late[-1] == "1 contact is over before the first step, and left out"
    assert not check("person,ward\nA,x\nB,y\n", "date,a,b\n2026-03-02,A,B\n").warnings


def test_people_alone_can_be_looked_over(check):
    checked = check(contacts=None)
    assert dict(checked.rows)["contacts"] == "none"
    assert "no contact" in checked.warnings[0]


def test_the_page_has_plots_and_escapes_names(check):
    text = check(PEOPLE.replace("[b]A", "<b>A"), CONTACTS.replace("[b]A", "<b>A")).page.html()
    assert "<b>A" not in text
    assert all(title in text for title in ("people by contacts a day", "contacts by day", "stage"))


def test_a_configuration_says_all_that_a_run_asks(check, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(
        'name = "run"\nseed = 1\nsteps = 9\n[model]\nbeta = { near = 0.1 }\nlatent = { mean = 3.0, sd = 1.0 }\n'
        "infectious = { mean = 3.0, sd = 1.0 }\ninitial = 0.1\n"
        '[private]\npeople = "p.csv"\nclients = { column = "ward" }\n[cells]\ncolumn = "room"\n'
    )
    people = "person,ward,room,susceptibility,stage,since\nA,x,1,0.5,I,2026-02-26\nB,x,2,,,\n"
    rows = dict(check(people, "date,a,b\n2026-03-02,A,B\n", model=str(config)).rows)
    assert rows["column room"] == "in which cell: 2 values"
    assert rows["column susceptibility"] == "known: of 1 people, 0.5 to 0.5, empty of 1"
    assert rows["column since"] == "known since, in steps: of 1 people, 4 to 4, empty of 1"
    with pytest.raises(
        DataError, match=r"people\.csv, row 2: agent 1: stage I lasts less long by its law than since says"
    ):
        check(people.replace("02-26", "01-26"), "date,a,b\n2026-03-02,A,B\n", model=str(config))
    config.write_text(
        config.read_text()
        .replace('people = "p.csv"\nclients = { column = "ward" }', 'dataset = "look_alike"')
        .replace('[cells]\ncolumn = "room"\n', "")
    )
    with pytest.raises(ConfigError, match=r"run\.toml has no private\.people"):
        check(people, None, model=str(config))


def test_where_people_begin_that_move_is_a_column_and_none_of_cells(check):
    people, name = "person,habit,place\nA,0,PARK\nB,1,\n", "tests.moving_models:Places"
    looked = check(people, None, model=name, questions=TableQuestions())
    assert dict(looked.rows)["column place"] == "known: HOME 0, SHOP 0, PARK 1, not known 1"
    with pytest.raises(ConfigError, match=r"move between the cells of place, .* leave the column place of cells out"):
        check(people, None, model=name, questions=TableQuestions(cells="place"))
