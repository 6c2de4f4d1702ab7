"""A class has a name by which it is found again in this process, and a later one of its name has another."""

import lpm_secure as lpm
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.reference import find, is_own, name_of


def test_a_class_that_an_import_gives_has_its_place_as_its_name():
    assert name_of(Opinion) == "lpm_secure.models.library.opinion:Opinion"
    assert not is_own(name_of(Opinion))
    assert find(name_of(Opinion)) is Opinion


def test_classes_of_a_notebook_are_found_by_names_of_their_own():
    first, second = (type("Cell", (lpm.Model,), {"__module__": "__main__"}) for _ in range(2))
    assert (name_of(first), name_of(second)) == ("__main__:Cell", "__main__:Cell-2")
    assert (name_of(first), name_of(second)) == ("__main__:Cell", "__main__:Cell-2")
    assert is_own(name_of(second))
    assert [find(name_of(each)) for each in (first, second)] == [first, second]
