"""The index of seen event ids is a set that survives restarts and forgets after its window."""

import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.ports import PortUnavailable
from data_pipeline.adapters.seen_ids import SeenIds, SeenIdsStore, hash_ids, index, merging, runs

DAY_MS = 86_400_000
WINDOW_DAYS = 4
NOW_MS = 1_700_000_000_000


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


def hashed(ids: Sequence[str]) -> np.ndarray:
    return hash_ids(pa.array(ids, pa.string()))


def names(start: int, end: int) -> list[str]:
    return [f"e{n}" for n in range(start, end)]


@pytest.fixture
def store(tmp_path: Path):
    with SeenIdsStores(tmp_path) as stores:
        yield stores


class SeenIdsStores:
    """One store that can be stopped well or badly, and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> "SeenIdsStores":
        self.store = SeenIdsStore(self.folder, WINDOW_DAYS)
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def of(self, tenant_id: str = "acme"):
        return self.store.of(tenant_id)

    def restart(self) -> None:
        self.store.close()
        self.store = SeenIdsStore(self.folder, WINDOW_DAYS)

    def kill(self) -> None:
        self.store._lock_file.close()
        self.store = SeenIdsStore(self.folder, WINDOW_DAYS)


def test_hashes_stay_the_same_for_ever() -> None:
    ids = pa.chunked_array([["a", "ü"], [], ["", "x" * 1_000]], pa.string())
    assert hash_ids(ids).tolist() == [
        [3776533658290057129, 2255905522009163494],
        [11998479700596945183, 7971336207732680797],
        [15607302581813422745, 9172017448520712544],
        [130372801783636304, 9419890595428017344],
    ]


def test_a_slice_of_a_column_has_the_hashes_of_its_rows() -> None:
    ids = pa.array(names(0, 10))
    assert (hash_ids(ids[3:7]) == hash_ids(ids)[3:7]).all()


@pytest.mark.parametrize("size", [2, 200])
def test_the_first_of_an_id_in_a_batch_is_new(store: SeenIdsStores, size: int) -> None:
    ids = names(0, size)
    with store.of() as seen:
        unseen = seen.unseen(hashed([*ids, *ids[::-1]]))
    assert unseen.tolist() == [True] * size + [False] * size


def test_ids_of_equal_first_halves_are_told_apart(store: SeenIdsStores) -> None:
    hashes = np.array([[7, n % 20] for n in range(40)], np.uint64)
    with store.of() as seen:
        assert seen.unseen(hashes).tolist() == [True] * 20 + [False] * 20
        seen.add(hashes[:10], NOW_MS, 10)
        assert seen.unseen(hashes).tolist() == [False] * 10 + [True] * 10 + [False] * 20
        assert [bool(seen.unseen(hashes[n : n + 1])[0]) for n in range(20)] == [
            n >= 10 for n in range(20)
        ]
        seen.forget(hashes[3:5], 1)
        assert np.flatnonzero(seen.unseen(hashes[:10])).tolist() == [3, 4]


def test_tenants_have_nothing_in_common(store: SeenIdsStores) -> None:
    with store.of("a/b") as one, store.of("..") as other:
        one.add(hashed(["x"]), NOW_MS, 1)
        assert other.unseen(hashed(["x"])).all()
    store.restart()
    with store.of("a/b") as one, store.of("..") as other:
        assert not one.unseen(hashed(["x"])).any()
        assert (one.sequence, other.sequence) == (1, 0)


def test_ids_are_seen_for_a_window_and_no_longer_than_a_quarter_more(
    store: SeenIdsStores,
) -> None:
    ids = hashed(names(0, 20))
    with store.of() as seen:
        for day in range(WINDOW_DAYS):
            part = ids[day * 5 : day * 5 + 5]
            seen.add(part, NOW_MS + day * DAY_MS, day)
        seen.expire(NOW_MS + WINDOW_DAYS * DAY_MS)
        assert not seen.unseen(ids).any()
        seen.expire(NOW_MS + (WINDOW_DAYS + 1) * DAY_MS)
        assert np.flatnonzero(seen.unseen(ids)).tolist() == [0, 1, 2, 3, 4]
        seen.expire(NOW_MS + 2 * WINDOW_DAYS * DAY_MS)
        assert seen.unseen(ids).all()
    store.restart()
    with store.of() as seen:
        assert seen.unseen(ids).all()
        assert seen.sequence == WINDOW_DAYS - 1


def test_runs_stay_few_and_files_of_old_ones_go(store: SeenIdsStores) -> None:
    with store.of() as seen:
        for n in range(500):
            seen.add(hashed(names(n * 4, n * 4 + 4)), NOW_MS, n)
        assert not seen.unseen(hashed(names(0, 2_000))).any()
        assert len(seen._runs) < 40
        files = {path.name for path in seen._folder.iterdir()}
        assert files == {"manifest.json", *(run.path.name for run in seen._runs)}
        rows = sum(run.entry.rows for run in seen._runs)
        seen.add(hashed(["later"]), NOW_MS + DAY_MS, 501)
        seen.close()
        sizes = sorted(run.entry.rows for run in seen._runs)
        assert (sizes[0], sum(sizes)) == (1, rows + 1)
        assert sizes[2] >= merging.MERGED_ROWS


def test_what_was_on_disk_only_counts_after_a_kill(store: SeenIdsStores) -> None:
    with store.of() as seen:
        seen.add(hashed(names(0, 10)), NOW_MS, 5)
        seen.add(hashed(["late"]), NOW_MS, 6)
        seen.forget(hashed(["e3"]), 2)
    store.kill()
    with store.of() as seen:
        assert (seen.sequence, seen.removal) == (5, 0)
        assert seen.unseen(hashed(["e3", "late", "e4"])).tolist() == [False, True, False]


def _remove_a_run(folder: Path) -> None:
    min(folder.glob("*.run")).unlink()


def _shorten_a_run(folder: Path) -> None:
    path = min(folder.glob("*.run"))
    path.write_bytes(path.read_bytes()[:-1])


def _change_a_run(folder: Path) -> None:
    path = min(folder.glob("*.run"))
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


def _remove_what_is_gone(folder: Path) -> None:
    min(folder.glob("*.gone")).unlink()


def _remove_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _spoil_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 1, "runs": [{}]}')


def _other_format(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"format":1', '"format":0'))


@pytest.mark.parametrize(
    "damage",
    [
        _remove_a_run,
        _shorten_a_run,
        _change_a_run,
        _remove_what_is_gone,
        _remove_the_manifest,
        _spoil_the_manifest,
        _other_format,
    ],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_index_is_empty(store: SeenIdsStores, damage: Callable[[Path], None]) -> None:
    with store.of() as seen:
        seen.add(hashed(names(0, 20)), NOW_MS, 1)
        seen.forget(hashed(["e1"]), 1)
        seen.close()
        folder = seen._folder
    store.store.close()
    damage(folder)
    store.store = SeenIdsStore(store.folder, WINDOW_DAYS)
    with store.of() as seen:
        assert (seen.sequence, seen.removal) == (0, 0)
        assert seen.unseen(hashed(names(0, 20))).all()
        seen.add(hashed(names(0, 20)), NOW_MS, 1)
    store.restart()
    with store.of() as seen:
        assert not seen.unseen(hashed(names(0, 20))).any()


def test_a_cleared_index_begins_anew(store: SeenIdsStores) -> None:
    with store.of() as seen:
        seen.add(hashed(names(0, 20)), NOW_MS, 1)
        seen.clear()
        assert (seen.sequence, seen.removal) == (0, 0)
        assert seen.unseen(hashed(names(0, 20))).all()
        seen.add(hashed(["e1"]), NOW_MS, 3)
    store.restart()
    with store.of() as seen:
        assert seen.sequence == 3
        assert np.flatnonzero(~seen.unseen(hashed(names(0, 20)))).tolist() == [1]


def test_a_full_disk_loses_nothing_and_then_stops_the_intake(
    store: SeenIdsStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with store.of() as seen:
        seen.add(hashed(names(0, 10)), NOW_MS, 1)
        with monkeypatch.context() as patched:
            patched.setattr(index, "write_run", full)
            for n in range(1, 7):
                seen.add(hashed(names(n * 10, n * 10 + 10)), NOW_MS, n + 1)
            assert not seen.unseen(hashed(names(0, 70))).any()
            seen.add(hashed(names(70, 80)), NOW_MS, 8)
            with pytest.raises(PortUnavailable):
                seen.unseen(hashed(["e1"]))
        assert not seen.unseen(hashed(names(0, 80))).any()
        assert not seen._memory
    store.kill()
    with store.of() as seen:
        assert seen.sequence == 8
        assert not seen.unseen(hashed(names(0, 80))).any()


def test_what_a_cancelled_caller_left_in_a_thread_ends_before_the_index_is_closed(
    store: SeenIdsStores, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("meanwhile") / "seen-ids"
    begun, go_on = Event(), Event()
    write_run = index.write_run

    def slow(*args: Any) -> runs.Run:
        begun.set()
        assert go_on.wait(10)
        return write_run(*args)

    with store.of() as seen:
        seen.add(hashed(names(0, 5)), NOW_MS, 1)
    monkeypatch.setattr(index, "write_run", slow)
    with ThreadPoolExecutor(2) as threads:
        left = threads.submit(seen.add, hashed(names(5, 20)), NOW_MS, 2)
        assert begun.wait(10)
        monkeypatch.setattr(index, "write_run", write_run)
        closing = threads.submit(store.store.close)
        wait([closing], 0.2)
        # As another process finds it that starts now.
        copytree(store.folder, folder)
        go_on.set()
        left.result()
        closing.result()
    seen.add(hashed(names(20, 40)), NOW_MS, 3)
    other = SeenIdsStore(folder, WINDOW_DAYS)
    with other.of("acme") as meanwhile:
        assert meanwhile.sequence == 0
    other.close()
    store.kill()
    with store.of() as again:
        assert again.sequence == 2
        assert not again.unseen(hashed(names(0, 20))).any()
        assert again.unseen(hashed(names(20, 40))).all()


def test_a_second_process_has_an_index_of_its_own(store: SeenIdsStores) -> None:
    with store.of() as seen:
        seen.add(hashed(names(0, 20)), NOW_MS, 1)
    other = SeenIdsStore(store.folder, WINDOW_DAYS)
    with other.of("acme") as seen:
        assert seen.sequence == 0
    other.close()
    store.restart()
    with store.of() as seen:
        assert seen.sequence == 1


def test_only_some_tenants_are_open_and_none_in_use_is_closed(tmp_path: Path) -> None:
    store = SeenIdsStore(tmp_path, WINDOW_DAYS, open_tenants=2)
    with store.of("used") as used:
        for n in range(5):
            with store.of(f"t{n}") as seen:
                seen.add(hashed([f"e{n}"]), NOW_MS, n)
        with store.of("used") as again:
            assert again is used
        assert len(store._open) == 2
    for n in range(5):
        with store.of(f"t{n}") as seen:
            assert seen.sequence == n
            assert not seen.unseen(hashed([f"e{n}"])).any()
    store.close()


@dataclass
class Log:
    """What the index is made from: chunks of ids with their time, and removals."""

    chunks: list[tuple[list[str], int]] = field(default_factory=list)
    removals: list[list[str]] = field(default_factory=list)
    now_ms: int = NOW_MS

    def catch_up(self, seen: SeenIds) -> None:
        for removal in range(seen.removal, len(self.removals)):
            seen.forget(hashed(self.removals[removal]), removal + 1)
        for sequence in range(seen.sequence, len(self.chunks)):
            ids, received_at_ms = self.chunks[sequence]
            seen.add(hashed(ids), received_at_ms, sequence + 1)
        seen.expire(self.now_ms)

    def known(self) -> set[str]:
        width = WINDOW_DAYS * DAY_MS // index.BUCKETS
        return {
            one
            for ids, received_at_ms in self.chunks
            for one in ids
            if (received_at_ms // width + 1) * width > self.now_ms - WINDOW_DAYS * DAY_MS
        }


IDS = st.lists(st.integers(0, 60).map(str), max_size=24)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), IDS),
        st.tuples(st.just("add"), IDS),
        st.tuples(st.just("remove"), IDS),
        st.tuples(st.just("pass"), st.integers(1, 3 * DAY_MS)),
        st.tuples(st.sampled_from(["restart", "kill"]), st.none()),
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(STEPS, st.randoms(use_true_random=False))
def test_any_history_leads_to_the_set_of_the_ids_in_the_log(
    steps: list[tuple[str, object]], chance: random.Random
) -> None:
    log = Log()
    with TemporaryDirectory() as folder, SeenIdsStores(Path(folder)) as store:
        for step, what in steps:
            with store.of() as seen:
                log.catch_up(seen)
                assert (seen.sequence, seen.removal) == (len(log.chunks), len(log.removals))
                if step == "add":
                    new = seen.unseen(hashed(what))
                    known = log.known()
                    expected = [
                        one not in known and one not in what[:place]
                        for place, one in enumerate(what)
                    ]
                    assert new.tolist() == expected
                    fresh = [one for one, is_new in zip(what, expected, strict=True) if is_new]
                    log.chunks.append((fresh, log.now_ms))
                    # Else another replica stored them, and this one finds them in the log.
                    if chance.random() < 0.8:
                        seen.add(hashed(fresh), log.now_ms, len(log.chunks))
                elif step == "remove":
                    gone = set(what)
                    log.chunks = [
                        ([one for one in ids if one not in gone], received_at_ms)
                        for ids, received_at_ms in log.chunks
                    ]
                    log.removals.append(what)
                elif step == "pass":
                    log.now_ms += what
            if step == "restart":
                store.restart()
            elif step == "kill":
                store.kill()
        with store.of() as seen:
            log.catch_up(seen)
            ids = [str(n) for n in range(61)]
            known = log.known()
            assert seen.unseen(hashed(ids)).tolist() == [one not in known for one in ids]


class Killed(BaseException):
    """The process ends here."""


class KilledAt:
    """Ends the process before the nth change of a file."""

    def __init__(self, patched: pytest.MonkeyPatch, moment: int) -> None:
        self.left = moment
        for owner, name in ((Path, "replace"), (Path, "unlink"), (os, "fsync")):
            patched.setattr(owner, name, self.stepping(getattr(owner, name)))

    def stepping(self, change: Callable[..., object]) -> Callable[..., object]:
        def stepped(*args: object, **options: object) -> object:
            self.step()
            return change(*args, **options)

        return stepped

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


def test_a_kill_at_any_change_of_a_file_leaves_an_index_that_catches_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = 0
    while True:
        moments += 1
        log = Log()
        with SeenIdsStores(tmp_path / str(moments)) as store:
            try:
                with monkeypatch.context() as patched, store.of() as seen:
                    KilledAt(patched, moments)
                    _live(log, seen)
                    seen.close()
            except Killed:
                ended = False
            else:
                ended = True
            store.kill()
            with store.of() as seen:
                log.catch_up(seen)
                ids = names(0, 100)
                known = log.known()
                assert seen.unseen(hashed(ids)).tolist() == [one not in known for one in ids]
                files = {path.stem for path in seen._folder.iterdir()}
                assert files == {"manifest", *(str(run.entry.number) for run in seen._runs)}
        if ended:
            break
    assert moments > 50


def _live(log: Log, seen: SeenIds) -> None:
    """Chunks and removals, in the log before they are in the index."""
    for n in range(15):
        log.chunks.append((names(n * 4, n * 4 + 4), log.now_ms))
        if n % 3 == 2:
            gone = {f"e{n}", f"e{n * 2}", f"e{n * 4}"}
            log.removals.append(sorted(gone))
            log.chunks = [
                ([one for one in ids if one not in gone], at_ms) for ids, at_ms in log.chunks
            ]
        log.now_ms += DAY_MS
        log.catch_up(seen)
