"""What the command line adds to its commands: notices of packages below, and a line where a library is missing."""

import logging

import pytest

from lpm_secure import entry
from lpm_secure.cli import main as command_line
from lpm_secure.cli.main import show_notices


@pytest.fixture
def notices():
    """Return the logger of all notices, as it was before once the test ends."""
    logger = logging.getLogger("lpm")
    level, handlers = logger.level, list(logger.handlers)
    yield logger
    logger.setLevel(level)
    logger.handlers[:] = handlers


def test_notices_are_printed_once_each_and_on_standard_error(notices, capsys):
    show_notices()
    show_notices()
    notices.warning("%s; going on with a GENERATED LOOK-ALIKE", "cannot fetch")
    notices.info("building")
    printed = capsys.readouterr()
    assert printed.err == "lpm: cannot fetch; going on with a GENERATED LOOK-ALIKE\nlpm: building\n"
    assert printed.out == ""


def test_the_log_of_a_run_stays_in_its_folder(notices, capsys):
    from lpm_secure.run.jobs import LOG

    show_notices()
    handler = logging.NullHandler()  # in place of the file in the folder
    LOG.addHandler(handler)
    LOG.warning("client-1 ended")
    LOG.removeHandler(handler)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "extras"), [("torch", "engine,aggregator"), ("starlette.routing", "engine,aggregator,serve")]
)
def test_a_library_that_is_not_installed_is_one_line(name, extras, monkeypatch, capsys):
    def missing():
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(command_line, "main", missing)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (f"lpm: {name} is not installed; lpm needs: pip install 'lpm-secure[{extras}]'\n")


def test_a_module_of_ours_that_is_missing_is_not_blamed_on_the_installation(monkeypatch):
    def missing():
        raise ModuleNotFoundError("No module named 'aggregator.gone'", name="aggregator.gone")

    monkeypatch.setattr(command_line, "main", missing)
    with pytest.raises(ModuleNotFoundError):
        entry.main()
