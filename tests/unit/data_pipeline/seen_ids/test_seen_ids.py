"""The index of seen event ids is a set that survives restarts and forgets after its window."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.data_pipeline.seen_ids.stores import (
    DAY_MS,
    NOW_MS,
    WINDOW_DAYS,
    Log,
    SeenIdsStores,
    hashed,
    names,
)

from data_pipeline.adapters.seen_ids import SeenIdsStore, hash_ids, merging


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


def test_ids_of_all_tenants_that_are_too_many_for_memory_become_runs(tmp_path: Path) -> None:
    store = SeenIdsStore(tmp_path, WINDOW_DAYS, ids_in_memory=10)
    ids = {"few": names(0, 4), "many": names(4, 10), "one": names(10, 11)}
    indexes = {}
    for tenant_id, sent in ids.items():
        with store.of(tenant_id) as indexes[tenant_id]:
            indexes[tenant_id].add(hashed(sent), NOW_MS, 1)
    assert [index.waiting for index in indexes.values()] == [4, 6, 1]
    with store.of("few"):
        assert [index.waiting for index in indexes.values()] == [4, 0, 1]
    for tenant_id, sent in ids.items():
        with store.of(tenant_id) as seen:
            assert not seen.unseen(hashed(sent)).any()
    store.close()


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
