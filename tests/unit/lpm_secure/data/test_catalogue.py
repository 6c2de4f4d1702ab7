"""The data catalogue: what it says, where it looks, and what it downloads."""

import hashlib
import re
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lpm_secure.data import catalogue
from lpm_secure.data.catalogue import DataFile
from protocols.errors import DataError, ParameterError

CONTACTS = ("hospital_lyon", "kenya_households", "workplace_invs15", "contact_matrices_ny_mistry")
NEW_YORK = ("nyc_commute_acs2015", "nyc_covid", "nyc_mobility", "nyc_population", "nyc_unemployment")
NAMES = {*CONTACTS, *NEW_YORK, "ny_hospitals_weekly", "us_input_output"}
CONTENT = b"twenty-eight bytes of a file"


def needs(name):
    """Skip a test where a dataset is not on this machine."""
    reason = f"{name} is not on this machine; set LPM_DATA to a directory that holds it"
    return pytest.mark.skipif(catalogue.where(name) is None, reason=reason)


@contextmanager
def serving(answers):
    """Serve bytes by path on loopback; yield the base URL and the paths asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, b""))

        def log_message(self, *arguments):
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def nobody():
    """Return a loopback URL at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening, so that a connection is refused
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """Point LPM_DATA to an empty directory, and return another for the cache."""
    (tmp_path / "given").mkdir()
    monkeypatch.setenv("LPM_DATA", str(tmp_path / "given"))
    return tmp_path / "cache"


def described(content=CONTENT, url="https://origin.example/some/file.txt"):
    return DataFile("file.txt", len(content), hashlib.sha256(content).hexdigest(), url)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_an_entry_says_what_it_is_and_what_it_may_be_used_for(name):
    entry = catalogue.dataset(name)
    assert entry.name == name
    assert all((entry.title, entry.licence, entry.citation, entry.use, entry.files))
    names = [file.name for file in entry.files]
    assert len(set(names)) == len(names)
    for file in entry.files:
        assert re.fullmatch(r"[\w.-]+", file.name)
        assert file.bytes > 0
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        if file.url is not None:  # pins a commit
            assert re.match(r"https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/[0-9a-f]{40}/\S+$", file.url)


def test_the_catalogue_has_all_eleven_datasets_and_cannot_be_changed():
    assert set(catalogue.datasets()) == NAMES
    with pytest.raises(TypeError):
        catalogue.datasets()["mine"] = catalogue.dataset("nyc_covid")
    with pytest.raises(AttributeError):
        catalogue.dataset("nyc_covid").licence = "mine"


@pytest.mark.parametrize("function", [catalogue.dataset, catalogue.where, catalogue.get])
def test_an_unknown_name_is_told_the_nearest_or_all(function):
    with pytest.raises(ParameterError, match=r"no dataset workplace_inv15; did you mean workplace_invs15\?"):
        function("workplace_inv15")
    with pytest.raises(ParameterError, match=r"there are workplace_invs15, .*nyc_mobility"):
        function("xyzzy")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_files_on_this_machine_are_those_of_the_catalogue(name):
    if catalogue.where(name) is None:
        pytest.skip(f"{name} is not on this machine")
    assert catalogue.get(name) == catalogue.where(name)


def put(folder, name, content=CONTENT):
    """Write files of a dataset's names."""
    (folder / name).mkdir(parents=True)
    for file in catalogue.dataset(name).files:
        (folder / name / file.name).write_bytes(content)
    return folder / name


def test_lpm_data_comes_before_the_cache(empty, tmp_path):
    assert catalogue.where("nyc_mobility", cache=empty) is None
    cached = put(empty, "nyc_mobility")
    assert catalogue.where("nyc_mobility", cache=empty) == cached
    assert put(tmp_path / "given", "nyc_mobility") == catalogue.where("nyc_mobility", cache=empty)


def test_without_lpm_data_a_checkout_looks_beside_itself(monkeypatch, tmp_path):
    monkeypatch.delenv("LPM_DATA", raising=False)
    beside = catalogue.ROOT.parent / "shared" / "data" / "nyc_mobility"
    if not (catalogue.ROOT / "pyproject.toml").is_file() or not beside.is_dir():
        pytest.skip("not a checkout with data beside it")
    assert catalogue.where("nyc_mobility", cache=tmp_path) == beside


def test_a_directory_that_lacks_a_file_is_not_the_place(empty):
    folder = put(empty, "kenya_households")
    (folder / catalogue.dataset("kenya_households").files[0].name).unlink()
    assert catalogue.where("kenya_households", cache=empty) is None


def test_a_file_with_other_content_is_refused(empty):
    put(empty, "nyc_mobility")
    with pytest.raises(
        DataError, match=r"has 28 bytes with SHA-256 .*allows 43485 bytes .*; delete it or rep"
    ) as error:
        catalogue.get("nyc_mobility", cache=empty)
    assert "\n" not in str(error.value)


def test_one_flipped_bit_is_refused(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(CONTENT)
    catalogue.check(path, described())
    path.write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])
    with pytest.raises(DataError, match="28 bytes with SHA-256"):
        catalogue.check(path, described())


def test_an_unreadable_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        catalogue.check(tmp_path, described())


def test_a_file_comes_from_its_origin_or_from_a_mirror_under_the_same_path(tmp_path):
    with serving({"/mirror/some/file.txt": CONTENT}) as (base, asked):
        catalogue.fetch(described(), tmp_path / "mine", base=base + "/mirror/")
        catalogue.fetch(described(url=base + "/mirror/some/file.txt"), tmp_path / "same")
    assert [path.read_bytes() for path in tmp_path.glob("*/file.txt")] == [CONTENT, CONTENT]
    assert asked == ["/mirror/some/file.txt"] * 2


@pytest.mark.parametrize("sent", [CONTENT[:-1], CONTENT + b"!", b"another twenty-eight bytes !", b""])
def test_a_wrong_file_from_a_server_is_refused_and_not_kept(tmp_path, sent):
    with (
        serving({"/some/file.txt": sent}) as (base, asked),
        pytest.raises(DataError, match=r"allows 28 bytes .* nothing is kept of it; set LPM_DATA") as error,
    ):
        catalogue.fetch(described(), tmp_path, base=base)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
    assert len(asked) == 1


def test_a_file_that_the_server_does_not_have_is_one_line(tmp_path):
    with serving({}) as (base, asked), pytest.raises(DataError, match=r"HTTPError .*set LPM_DATA") as error:
        catalogue.fetch(described(), tmp_path, base=base)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
    assert len(asked) == 1  # no retries


def test_a_server_that_cannot_be_reached_is_one_line(empty, nobody, capfd):
    with pytest.raises(DataError, match=r"cannot fetch workplace_invs15/.*; try again, or set LPM_DATA") as error:
        catalogue.get("workplace_invs15", base=nobody, cache=empty)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_dataset_with_a_file_without_an_address_asks_nobody(empty):
    with serving({}) as (base, asked), pytest.raises(DataError, match="has no address for it; set LPM_DATA"):
        catalogue.get("hospital_lyon", base=base, cache=empty)
    assert asked == []


@needs("workplace_invs15")
def test_a_dataset_is_downloaded_once_and_then_found(tmp_path, monkeypatch):
    original, cache = catalogue.where("workplace_invs15"), tmp_path / "cache"
    monkeypatch.setenv("LPM_DATA", str(tmp_path))
    answers = {
        file.url.removeprefix("https://raw.githubusercontent.com"): (original / file.name).read_bytes()
        for file in catalogue.dataset("workplace_invs15").files
    }
    with serving(answers) as (base, asked):
        folder = catalogue.get("workplace_invs15", base=base, cache=cache)
        assert folder == catalogue.get("workplace_invs15", base=base, cache=cache)
    assert folder == cache / "workplace_invs15"
    assert sorted(asked) == sorted(answers)


def test_a_directory_that_is_not_there_is_a_mistake_and_no_reason_for_other_data(tmp_path, monkeypatch):
    monkeypatch.setenv("LPM_DATA", str(tmp_path / "shred"))
    with pytest.raises(ParameterError, match="shred, which is no directory; correct it, or unset it"):
        catalogue.where("workplace_invs15")
