"""The simulated sample: reproducible, well-formed, and with something to learn in it."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from launcher.sample.model import Sample
from launcher.sample.simulator import START, SimulatorSettings, simulate

SMALL = SimulatorSettings(users=300, items=200, events=6_000)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return simulate(SMALL)


def as_bytes(sample: Sample) -> bytes:
    return b"".join(row.model_dump_json().encode() for row in (*sample.items, *sample.events))


def test_the_same_settings_give_the_same_bytes(sample: Sample) -> None:
    assert as_bytes(simulate(SMALL)) == as_bytes(sample)


def test_another_seed_gives_other_events(sample: Sample) -> None:
    other = simulate(SMALL.model_copy(update={"seed": SMALL.seed + 1}))
    assert as_bytes(other) != as_bytes(sample)


def test_it_has_the_size_asked_for(sample: Sample) -> None:
    assert len(sample.items) == 200
    assert 0.95 * 6_000 <= len(sample.events) <= 6_000
    assert len({event.user_id for event in sample.events}) > 0.9 * 300


def test_more_events_than_users_can_make_end_at_what_they_can() -> None:
    world = SimulatorSettings(users=3, items=16, events=1_000)
    assert 0 < len(simulate(world).events) <= 3 * 16


def test_event_ids_differ_and_nobody_sees_an_item_twice(sample: Sample) -> None:
    assert len({event.event_id for event in sample.events}) == len(sample.events)
    pairs = {(event.user_id, event.item_id) for event in sample.events}
    assert len(pairs) == len(sample.events)


def test_events_come_in_the_order_of_their_time_within_the_days(sample: Sample) -> None:
    times = [event.timestamp for event in sample.events]
    assert times == sorted(times)
    assert times[0] >= START
    assert (times[-1] - START).days < SMALL.days


def test_events_are_of_items_in_the_catalogue_with_different_titles(sample: Sample) -> None:
    catalogue = {item.item_id: item for item in sample.items}
    assert {event.item_id for event in sample.events} <= catalogue.keys()
    titles = {(item.title, item.categories[0]) for item in sample.items}
    assert len(titles) == len(sample.items)


def test_a_tenth_of_the_items_draw_far_more_than_a_tenth_of_the_events(sample: Sample) -> None:
    counts = sorted(Counter(event.item_id for event in sample.events).values(), reverse=True)
    assert sum(counts[:20]) > 0.2 * sum(counts)


def test_who_is_alike_predicts_the_last_events_twice_as_well_as_popularity(
    sample: Sample,
) -> None:
    seen, held_out = split(sample)
    popular = np.tile(seen.sum(axis=0), (len(seen), 1))
    neighbours = seen @ item_weights(seen)
    assert hits(neighbours, seen, held_out) > 2 * hits(popular, seen, held_out)


def test_without_affinity_nobody_predicts_better_than_popularity() -> None:
    seen, held_out = split(simulate(SMALL.model_copy(update={"affinity": 0.0})))
    popular = np.tile(seen.sum(axis=0), (len(seen), 1))
    neighbours = seen @ item_weights(seen)
    assert hits(neighbours, seen, held_out) < 1.2 * hits(popular, seen, held_out)


def test_the_known_user_has_a_telling_history(sample: Sample) -> None:
    counts = Counter(event.user_id for event in sample.events)
    assert counts[sample.known_user()] >= 20


def test_where_nobody_has_done_much_the_busiest_user_is_the_known_one() -> None:
    sample = simulate(SimulatorSettings(users=20, items=12, events=30))
    counts = Counter(event.user_id for event in sample.events)
    assert counts[sample.known_user()] == max(counts.values())


def split(sample: Sample) -> tuple[np.ndarray, list[set[int]]]:
    """A matrix of users and items seen, and the last fifth of each user's items."""
    places = {item.item_id: place for place, item in enumerate(sample.items)}
    histories: dict[str, list[int]] = defaultdict(list)
    for event in sample.events:
        histories[event.user_id].append(places[event.item_id])
    seen = np.zeros((len(histories), len(places)))
    held_out: list[set[int]] = []
    for row, history in enumerate(histories.values()):
        kept = len(history) - max(1, len(history) // 5)
        seen[row, history[:kept]] = 1.0
        held_out.append(set(history[kept:]))
    return seen, held_out


def item_weights(seen: np.ndarray, ridge: float = 100.0) -> np.ndarray:
    """EASE (Steck 2019): item-to-item regression without self-similarity."""
    inverse = np.linalg.inv(seen.T @ seen + ridge * np.eye(seen.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def hits(scores: np.ndarray, seen: np.ndarray, held_out: list[set[int]]) -> int:
    """Held-out items among each user's ten best unseen ones."""
    best = np.argsort(-np.where(seen > 0, -np.inf, scores), axis=1)[:, :10]
    return sum(len(wanted & set(row)) for wanted, row in zip(held_out, best.tolist(), strict=True))
