"""Every fenced block of every page is run by a test or listed with a reason, and every command is one that there is."""

import re
import shlex
import tomllib
from pathlib import PurePosixPath

import click
import pytest
import typer

from lpm_secure.cli.main import app
from tests.page_blocks import FENCE, NOT_RUN, PAGES, ROOT, RUN, blocks_of

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
LPM = typer.main.get_command(app)
INLINE = re.compile(r"`(lpm [a-z][^`]*)`")


def command_of(words):
    """Return the command that words name, and what is left of them."""
    command = LPM
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def mistake_of(line):
    """Return what is wrong with a line of `lpm`: a command or an option that is not there; None where nothing is."""
    command, rest = command_of(shlex.split(line)[1:])
    if isinstance(command, click.Group):
        ended = not rest or rest[0].startswith("-") or rest[0].endswith(",")
        return None if ended else f"no command {rest[0]}"
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}
    unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0].rstrip(",;") not in options]
    return f"no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.keys[1])
def test_every_block_is_run_or_listed_with_a_reason(block):
    assert block.language, f"{block.page}:{block.line}: say its language, or text"
    named = [table for table in (RUN, NOT_RUN) for key in block.keys if key in table]
    assert len(named) == 1, f"{block.page}:{block.line}: list `{block.keys[1]}` once, in RUN or NOT_RUN"
    if block.language == "toml":
        tomllib.loads(block.text)
    if block.language == "sh":
        assert [mistake for line in block.commands if line.startswith("lpm ") and (mistake := mistake_of(line))] == []


def test_no_line_of_the_tables_is_left_over():
    keys = {key for block in BLOCKS for key in block.keys}
    assert sorted({*RUN, *NOT_RUN} - keys) == []
    named = re.findall(r"tests/[\w/]+\.py", " ".join(NOT_RUN.values()))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("key", RUN)
def test_the_test_that_runs_a_block_is_there_and_its_file_names_the_page(key):
    path, _, name = RUN[key].partition("::")
    text, page = (ROOT / path).read_text(), PurePosixPath(key.split()[0]).name
    assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE)
    assert page in text


@pytest.mark.parametrize("page", PAGES)
def test_no_code_stands_outside_of_a_fence_where_nothing_runs_it(page):
    outside = FENCE.sub("", (ROOT / page).read_text())
    assert re.findall(r"^    (?:lpm|make|python|pip) .*", outside, re.MULTILINE) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])  # that tells of what was, too
def test_every_command_within_a_line_is_there_with_its_options(page):
    lines = [" ".join(line.split()) for line in INLINE.findall((ROOT / page).read_text())]
    wrong = {line: mistake for line in lines if (mistake := mistake_of(line.replace("'", "")))}
    assert wrong == {}


def test_a_command_and_an_option_that_are_gone_are_found():
    assert mistake_of("lpm runn x.toml") == "no command runn"
    assert mistake_of("lpm run x.toml --sedes 3") == "no option --sedes"
    assert mistake_of("lpm data series x.toml") is None
