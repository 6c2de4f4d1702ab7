"""Rows of contacts and groups, and what is refused of them."""

import gzip
import re

import numpy as np
import pytest

from lpm_secure.data.rows import read_contacts, read_groups
from protocols.errors import DataError


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


@pytest.mark.parametrize("broken", [gzip.compress(b"20 1 2\n" * 1_000, mtime=0)[:-12], b"20 1 2\n", b""])
def test_a_broken_or_empty_gzip_is_a_data_error(tmp_path, broken):
    path = tmp_path / "rows.gz"
    path.write_bytes(broken)
    with pytest.raises(DataError, match=r"(row \d+: cannot be read|has no contact).*; replace it by the original"):
        read_contacts(path)
