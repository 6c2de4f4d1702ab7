"""Tables in files: a form that this installation cannot write is refused before a run, not after it."""

import importlib.util
from pathlib import Path

import pytest

from client_sdk.private.table_file import require_form
from protocols.errors import DataError


def test_parquet_needs_pyarrow_and_csv_does_not(monkeypatch):
    require_form(Path("outcomes.parquet"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    require_form(Path("outcomes.csv"))
    with pytest.raises(DataError, match=r"^outcomes\.parquet needs pyarrow, which is not installed"):
        require_form(Path("outcomes.parquet"))
