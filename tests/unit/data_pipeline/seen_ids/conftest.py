"""A small index of seen event ids."""

import os
from pathlib import Path

import pytest
from tests.unit.data_pipeline.seen_ids.stores import SeenIdsStores

from data_pipeline.adapters.seen_ids import index, merging, runs


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that a few ids make runs, and a few runs are merged."""
    monkeypatch.setattr(index, "MEMORY_IDS", 8)
    monkeypatch.setattr(index, "MEMORY_IDS_AT_MOST", 64)
    monkeypatch.setattr(index, "FEW", 4)
    monkeypatch.setattr(runs, "MERGE_ROWS", 16)
    # No power fails here.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(merging, "FAN_IN", 3)
    monkeypatch.setattr(merging, "SMALLEST_ROWS", 4)
    monkeypatch.setattr(merging, "MERGED_ROWS", 64)


@pytest.fixture
def store(tmp_path: Path):
    with SeenIdsStores(tmp_path) as stores:
        yield stores
