"""A browser of the system, and a server of pages in a process of its own."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SWITCHES += ["--disable-component-update", "--disable-sync"]
WIDE, NARROW = {"width": 1200, "height": 800}, {"width": 390, "height": 844}
LOOKS = [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")]
NAMES = ["desktop-light", "desktop-dark", "phone-light", "phone-dark"]


def lpm(*arguments, **more):
    """Start `lpm` as a process, which a SIGINT ends though these tests run in the background of a shell."""
    command = [sys.executable, "-m", "lpm_secure.cli", *map(str, arguments)]
    more["preexec_fn"] = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # else it is ignored, as here
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


@pytest.fixture(scope="session")
def browser():
    """Return Debian's chromium."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    assert path, "these tests need Debian's package chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield started
        started.close()


@pytest.fixture
def open_page(browser, serve):
    """Return a function that opens a page of some size and scheme; nothing may fail on it, or ask another host.

    Pages are closed before the servers end.
    """
    contexts, mistakes = [], []

    def open_(url, *, look=LOOKS[0]):
        size, scheme = look
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: mistakes.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("request", lambda request: mistakes.append(request.url) if not is_own(request.url) else None)
        page.goto(url)
        return page

    def is_own(url):
        return url.startswith(("http://127.0.0.1:", "file:", "data:", "blob:"))

    yield open_
    for context in contexts:
        context.close()
    assert mistakes == []


@pytest.fixture
def serve():
    """Return a function that serves a folder, and returns the address that `lpm serve` prints."""
    servers = []

    def start(folder, *arguments):
        server = lpm("serve", folder, "--port", "0", *arguments)
        servers.append(server)
        line = server.stdout.readline().strip()
        assert line.startswith("http://127.0.0.1:"), server.stderr.read()
        return line

    yield start
    for server in servers:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)


@pytest.fixture
def check_page():
    """Return a function that checks what holds for every page: no serious finding of axe, nothing beside the page."""
    from axe_playwright_python.sync_playwright import Axe

    def check(page):
        found = Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert not serious, [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in serious]
        width, shown = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert width <= shown

    return check


def pid_of(name, folder):
    """Return the process of a party of a run below a folder: the one that writes the party's log."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            log = (entry / "fd" / "1").readlink()
            if log.is_relative_to(folder) and log.match(f"parties/{name}/log.jsonl"):
                return int(entry.name)
    raise AssertionError(f"{name} does not run")


@pytest.fixture
def kill_party():
    """Return a function that kills the process of one party of a run that a test has started."""

    def kill(name, folder):
        os.kill(pid_of(name, folder), signal.SIGKILL)

    return kill


@pytest.fixture
def start_lpm():
    """Return a function that starts `lpm`; what it started is ended with the test."""
    started = []

    def start(*arguments, **more):
        started.append(lpm(*arguments, **more))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.fixture(params=LOOKS, ids=NAMES)
def look(request):
    """Return a size and a colour scheme."""
    return request.param
