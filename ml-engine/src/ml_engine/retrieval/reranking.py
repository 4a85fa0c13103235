"""Re-ranking: from candidates to the items of the answer, by corrections, caps, diversity, pins."""

from collections.abc import Sequence

from contracts.recommendations import Pin, RankingOptions
from ml_engine.retrieval.candidates import Candidates, Placed, Scan, Source
from ml_engine.retrieval.caps import Caps
from ml_engine.retrieval.catalogue import Catalogue
from ml_engine.retrieval.diversity import Diversifier, pool_size
from ml_engine.retrieval.second_stage import SecondStage
from ml_engine.retrieval.serving_model import ServingModel

CAPS_POOL = 5
"""Candidates for each item of the answer, where caps may pass some over."""


def wanted(serving: ServingModel, options: RankingOptions) -> int:
    """How many candidates are looked at first."""
    if options.diversity > 0:
        return max(serving.depth, pool_size(options.num_items))
    return max(serving.depth, options.num_items * (CAPS_POOL if options.caps else 1))


def rerank(
    serving: ServingModel,
    source: Source,
    first: Candidates,
    pins: Sequence[tuple[int, int]],
    options: RankingOptions,
    second_stage: SecondStage,
) -> list[Placed]:
    """The answer's items in their order; `first` are the `wanted` best candidates.

    `pins` are (place, position) pairs, the first place being 0.
    """
    first = second_stage.applied(first)
    room = options.num_items - len(pins)
    if not options.caps and options.diversity == 0:
        return _with_pins(_simply(first, room), pins, source)
    caps = Caps(serving.catalogue, options.caps)
    for _, position in pins:
        caps.take(position)
    diversifier = None
    if options.diversity > 0 and isinstance(source, Scan):
        diversifier = Diversifier(serving, source, options.diversity, caps)
    chosen: list[Placed] = []
    pool, asked = first, wanted(serving, options)
    while True:
        need = room - len(chosen)
        if diversifier is None:
            chosen += _under_caps(pool, caps, need)
        else:
            chosen += diversifier.choose(pool, chosen, need)
        if len(chosen) == room or len(pool) < asked:
            return _with_pins(chosen, pins, source)
        # The best of what the caps still allow: each turn chooses one item at least.
        without = caps.blocked.copy()
        without[[one.position for one in chosen]] = True
        pool = second_stage.applied(source.best(asked, without))


def split_pins(
    catalogue: Catalogue, pins: Sequence[Pin], num_items: int
) -> tuple[list[tuple[int, int]], list[str]]:
    """(place, position) pairs of the pins that can be kept, by place, and the ids of the others.

    Pins beyond the answer's end are neither.
    """
    kept: list[tuple[int, int]] = []
    skipped: list[str] = []
    if not pins:
        return kept, skipped
    for pin in sorted(pins, key=lambda pin: pin.position):
        if pin.position > num_items:
            continue
        position = catalogue.position(pin.item_id)
        if position is None or not catalogue.available[position]:
            skipped.append(pin.item_id)
        else:
            kept.append((pin.position - 1, position))
    return kept, skipped


def _simply(candidates: Candidates, num_items: int) -> list[Placed]:
    columns = [candidates.positions, candidates.model_scores]
    if candidates.boosts is not None or candidates.corrections is not None:
        columns = [candidates.positions, *candidates.parts()]
    return list(map(Placed, *[column[:num_items] for column in columns]))


def _under_caps(pool: Candidates, caps: Caps, num_items: int) -> list[Placed]:
    chosen: list[Placed] = []
    for row in zip(pool.positions, *pool.parts(), strict=True):
        if len(chosen) == num_items:
            break
        if not caps.blocked[row[0]]:
            chosen.append(Placed(*row))
            caps.take(row[0])
    return chosen


def _with_pins(
    ranked: list[Placed], pins: Sequence[tuple[int, int]], source: Source
) -> list[Placed]:
    # Inserted from the first place on, each pin moves only what comes after it.
    for place, position in pins:
        ranked.insert(place, Placed(position, *source.score(position), pinned=True))
    return ranked
