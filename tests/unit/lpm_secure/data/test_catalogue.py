"""The data catalogue, the loaders, and the look-alike."""

import gzip
import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpm_secure.data import catalogue, hospital, workplace
from lpm_secure.data.catalogue import DataFile
from lpm_secure.data.contact_data import by_day
from lpm_secure.data.look_alike import SIZES, look_alike
from lpm_secure.data.rows import read_contacts, read_groups
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


def share_across(data):
    """Return the share of contact weight between groups."""
    group = dict(zip(data.people.tolist(), data.group, strict=True))
    across = [group[a] != group[b] for a, b in zip(data.a.tolist(), data.b.tolist(), strict=True)]
    return data.weight[np.array(across)].sum() / data.weight.sum()


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


def written(folder, text, *, name="rows.txt"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_contacts_are_read_from_text_and_from_gzip(tmp_path):
    for name in ("rows.txt", "rows.dat.gz"):
        rows = read_contacts(written(tmp_path, "20 1 2\n40\t3\t1\n", name=name))
        assert rows.tolist() == [[20, 1, 2], [40, 3, 1]]
        assert rows.dtype == np.int64


@pytest.mark.parametrize(
    "row", ["20 1", "20 1 2 3", "x 1 2", "-20 1 2", "20 1.0 2", "20 5 5", "", f"{10**18} 1 2", "20 1 ²", "20 1 ٣"]
)
def test_a_malformed_contact_names_its_file_and_row(tmp_path, row):
    path = written(tmp_path, f"20 1 2\n{row}\n40 1 2\n")
    with pytest.raises(DataError, match=re.escape(f"{path}, row 2: got")) as error:
        read_contacts(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("row", ["1", "one DMI", "1 DMI 2", "", "7 DSE"])
def test_a_malformed_group_names_its_file_and_row(tmp_path, row):
    path = written(tmp_path, f"7 DMI\n{row}\n")
    with pytest.raises(DataError, match=re.escape(f"{path}, row 2: got")):
        read_groups(path)


def test_another_header_or_an_empty_field_is_refused(tmp_path):
    path = written(tmp_path, "t,j,i\n20,1,2\n")
    with pytest.raises(DataError, match=r"row 1: got 't,j,i'; the header 't,i,j' is needed"):
        read_contacts(path, separator=",", header="t,i,j")
    with pytest.raises(DataError, match="row 2"):
        read_groups(written(tmp_path, "id,role\n7,\n"), separator=",", header="id,role")


@pytest.mark.parametrize("broken", [gzip.compress(b"20 1 2\n" * 1_000)[:-12], b"20 1 2\n", b""])
def test_a_broken_or_empty_gzip_is_a_data_error(tmp_path, broken):
    path = tmp_path / "rows.gz"
    path.write_bytes(broken)
    with pytest.raises(DataError, match=r"(row \d+: cannot be read|has no contact).*; replace it by the original"):
        read_contacts(path)


PERSON = st.integers(1, 5)
ROW = st.tuples(st.integers(0, 20), PERSON, PERSON).filter(lambda row: row[1] != row[2])


@given(st.lists(ROW, min_size=1, max_size=60))
def test_weights_count_the_intervals_of_a_pair_on_a_day(rows):
    rows = [(quarter * 21_600, i, j) for quarter, i, j in rows]
    data = by_day(np.array(rows), dict.fromkeys(range(6), "G"), "made up")
    measured = sorted({t // 86_400 for t, _, _ in rows})
    counted = Counter((measured.index(t // 86_400), min(i, j), max(i, j)) for t, i, j in rows)
    keys = zip(data.day.tolist(), data.a.tolist(), data.b.tolist(), strict=True)
    assert dict(zip(keys, data.weight.tolist(), strict=True)) == counted
    assert data.days == len(measured)
    assert data.people.tolist() == sorted({person for _, i, j in rows for person in (i, j)})


def test_a_contact_of_a_person_without_a_group_is_refused_and_printing_shows_nobody():
    with pytest.raises(DataError, match="person 9, who has no group"):
        by_day(np.array([[20, 1, 9]]), {1: "G"}, "made up")
    assert "7700" not in repr(by_day(np.array([[20, 77_001, 77_002]]), {77_001: "G", 77_002: "H"}, "made up"))


@needs(workplace.NAME)
def test_the_workplace_has_its_published_figures():
    data = workplace.load()
    assert (data.people.size, len(data.group), len(set(data.group)), data.days) == (217, 217, 12, 10)
    assert data.weight.sum() == 78_249
    assert data.day.size == data.a.size == data.b.size == data.weight.size == 7_441
    assert np.unique(np.stack([data.day, data.a, data.b]), axis=1).shape[1] == 7_441
    assert set(data.day.tolist()) == set(range(10))
    assert (data.a < data.b).all()
    assert (np.diff(data.people) > 0).all()
    assert {x.dtype for x in (data.people, data.day, data.a, data.b, data.weight)} == {np.dtype(np.int64)}
    assert share_across(data) == pytest.approx(0.237, abs=0.0005)
    assert Counter(data.group) == SIZES
    assert not data.look_alike
    assert "InVS15" in data.source


@needs(hospital.NAME)
def test_the_hospital_has_its_published_figures():
    data = hospital.load()
    assert data.weight.sum() == 32_424
    assert Counter(data.group) == {"NUR": 27, "PAT": 29, "MED": 11, "ADM": 8}
    assert data.days == 5
    assert (data.a < data.b).all()
    assert not data.look_alike
    assert "NC" in data.source


@pytest.mark.parametrize("seed", range(6))
def test_the_look_alike_is_near_the_workplace_and_says_that_it_is_generated(seed):
    data = look_alike(seed)
    assert data.look_alike
    assert "generated" in data.source
    assert Counter(data.group) == SIZES
    assert (data.people.size, data.days) == (217, 10)
    assert set(data.day.tolist()) == set(range(10))
    assert (data.a < data.b).all()
    assert set(data.a.tolist()) | set(data.b.tolist()) <= set(data.people.tolist())
    assert np.unique(np.stack([data.day, data.a, data.b]), axis=1).shape[1] == data.day.size
    assert data.day.size == pytest.approx(7_400, rel=0.02)
    assert data.weight.sum() == pytest.approx(78_000, rel=0.02)
    assert share_across(data) == pytest.approx(0.24, abs=0.035)
    assert data.weight.min() >= 1
    assert {x.dtype for x in (data.people, data.day, data.a, data.b, data.weight)} == {np.dtype(np.int64)}
    heaviest = np.sort(data.weight)[-data.weight.size // 100 :].sum() / data.weight.sum()
    assert heaviest > 0.15  # the heaviest hundredth; 0.21 in the workplace


def test_the_look_alike_depends_on_its_seed_alone():
    first, again, other = (np.stack([x.day, x.a, x.b, x.weight]).tobytes() for x in map(look_alike, (1, 1, 2)))
    assert first == again != other


def lpm_data(*arguments, **environment):
    """Run the commands of `lpm data` by themselves, without what else `lpm` imports, and return what happened."""
    command = [sys.executable, "-c", "from lpm_secure.cli.people.data import app; app()", *arguments]
    environment = {**os.environ, "COLUMNS": "80", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def test_the_list_shows_every_name_in_full_on_a_narrow_terminal():
    done = lpm_data("list")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in NAMES)


def test_where_prints_the_directory_or_one_line_and_exit_code_1(tmp_path):
    folder = put(tmp_path, "nyc_mobility")
    done = lpm_data("where", "nyc_mobility", LPM_DATA=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"{folder}\n")
    done = lpm_data("where", "nyc_covid", LPM_DATA=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "nyc_covid is not on this machine; try: lpm data get nyc_covid\n"


@needs(workplace.NAME)
def test_get_prints_the_directory_the_licence_and_the_citation():
    done = lpm_data("get", workplace.NAME)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{catalogue.where(workplace.NAME)}\nlicence: CC0-1.0\n")
    assert "Génois and A. Barrat" in done.stdout


def test_an_unknown_name_is_one_line_and_exit_code_2():
    command = [sys.executable, "-m", "lpm_secure.cli", "data", "get", "nyc_covit"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "lpm: the catalogue has no dataset nyc_covit; did you mean nyc_covid?\n"


def test_help_says_what_a_name_is_and_what_exit_codes_mean():
    done = lpm_data("where", "--help")
    assert done.returncode == 0
    assert "lpm data list" in done.stdout
    assert "Exit code 1" in done.stdout
