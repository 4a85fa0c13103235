"""Whatever becomes of the process or of its files, the index knows what the log holds."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from shutil import copytree
from threading import Event
from typing import Any

import pytest
from tests.unit.data_pipeline.seen_ids.stores import (
    DAY_MS,
    NOW_MS,
    WINDOW_DAYS,
    Log,
    SeenIdsStores,
    hashed,
    names,
)

from backends.ports import PortUnavailable
from data_pipeline.adapters.seen_ids import SeenIds, SeenIdsStore, index, runs


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
