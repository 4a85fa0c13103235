"""A seeded simulator of users, items and events, for machines without the real sample.

Its structure is what a recommender has to find. Items and users are unit vectors around the
centres of genres (taste clusters); a user picks item i in phase p, never twice, with probability
proportional to

    exp(affinity * <user_p, item_i>) * popularity_i * recency_i,p

where popularity follows Zipf's law, recency favours what came out lately, and the user's vector
drifts to a second genre from phase to phase. The same settings give the same sample, byte for
byte.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from contracts.events import Event, EventType
from contracts.items import Item
from launcher.sample.model import Sample
from launcher.sample.titles import GENRES, title_of

NAME: Final = "simulator"
START: Final = datetime(2024, 1, 1, tzinfo=UTC)

_DIMENSIONS: Final = 16
_PHASES: Final = 4
_NEW_SHARE: Final = 0.3
_SPREAD: Final = 0.5
_DRIFT: Final = 0.3
_MEAN_RATING: Final = 6.5
# Users scored at once: bounds the matrix of (users, items) to a few megabytes.
_CHUNK: Final = 256

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class SimulatorSettings(BaseModel):
    """How large the simulated world is, and how strong its structure."""

    model_config = ConfigDict(frozen=True)

    seed: Annotated[int, Field(ge=0)] = 7
    users: Annotated[int, Field(ge=1)] = 2_000
    items: Annotated[int, Field(ge=12)] = 1_000
    events: Annotated[int, Field(ge=1)] = 40_000
    days: Annotated[int, Field(ge=1)] = 180
    affinity: Annotated[float, Field(ge=0)] = 10.0
    """How far taste outweighs popularity; 0 leaves no taste at all."""
    zipf: Annotated[float, Field(ge=0)] = 0.8
    """Exponent of the popularity curve."""


@dataclass(frozen=True, slots=True)
class World:
    """What the events are drawn from; all arrays are read-only by convention.

    items: (items, dimensions), users: (phases, users, dimensions), unit rows; genres: (items, 2),
    places in `GENRES`; released: (items,), the moment of release as a share of the time simulated,
    negative where an item is older; popularity: (items,), log weights.
    """

    settings: SimulatorSettings
    items: Floats
    users: Floats
    genres: Integers
    released: Floats
    popularity: Floats


def simulate(settings: SimulatorSettings | None = None) -> Sample:
    """The sample that the settings describe, events in the order of their time.

    Where the users cannot see `events` different items, there are fewer events.
    """
    settings = settings or SimulatorSettings()
    random = np.random.default_rng(settings.seed)
    world = _world(settings, random)
    users, items, times = _choices(world, random)
    ratings = _ratings(world, users, items, random)
    order = np.argsort(times, kind="stable")
    rows = zip(users[order], items[order], times[order], ratings[order], strict=True)
    return Sample(NAME, tuple(_items(world)), tuple(_event(settings, *row) for row in rows))


def _world(settings: SimulatorSettings, random: np.random.Generator) -> World:
    centres = _unit(random.standard_normal((len(GENRES), _DIMENSIONS)))
    genres = _two_genres(settings.items, random)
    items = _around(centres[genres[:, 0]] + 0.4 * centres[genres[:, 1]], random)
    tastes = _two_genres(settings.users, random)
    first = _around(centres[tastes[:, 0]], random)
    second = _around(centres[tastes[:, 1]], random)
    shares = np.linspace(0.0, _DRIFT, _PHASES)[:, None, None]
    new = random.random(settings.items) < _NEW_SHARE
    released = np.where(new, random.random(settings.items) * 0.9, -random.random(settings.items))
    ranks = random.permutation(settings.items) + 1
    return World(
        settings,
        items,
        _unit((1 - shares) * first + shares * second),
        genres,
        released,
        -settings.zipf * np.log(ranks),
    )


def _two_genres(count: int, random: np.random.Generator) -> Integers:
    first = random.integers(len(GENRES), size=count)
    other = random.integers(1, len(GENRES), size=count)
    return np.stack([first, (first + other) % len(GENRES)], axis=1)


def _around(centres: Floats, random: np.random.Generator) -> Floats:
    noise = random.standard_normal(centres.shape) / np.sqrt(centres.shape[1])
    return _unit(centres + _SPREAD * noise)


def _unit(rows: Floats) -> Floats:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _choices(world: World, random: np.random.Generator) -> tuple[Integers, Integers, Floats]:
    """Users, items and times (shares of the time simulated) of all events."""
    counts = _counts(world.settings, random)
    parts: list[tuple[Integers, Integers, Floats]] = []
    for start in range(0, world.settings.users, _CHUNK):
        chunk = np.arange(start, min(start + _CHUNK, world.settings.users))
        seen = np.zeros((len(chunk), world.settings.items), dtype=np.bool_)
        for phase in range(_PHASES):
            rows, items = _pick(world, chunk, phase, counts[phase, chunk], seen, random)
            seen[rows, items] = True
            begin = np.maximum(phase / _PHASES, world.released[items])
            times = begin + random.random(len(items)) * ((phase + 1) / _PHASES - begin)
            parts.append((chunk[rows], items, times))
    users, items, times = zip(*parts, strict=True)
    return np.concatenate(users), np.concatenate(items), np.concatenate(times)


def _counts(settings: SimulatorSettings, random: np.random.Generator) -> Integers:
    """Events per phase and user, (phases, users): a few users do much, most do little."""
    activity = np.exp(0.8 * random.standard_normal(settings.users))
    shares = np.tile(activity / activity.sum() / _PHASES, _PHASES)
    edges = np.rint(np.cumsum(shares) * settings.events).astype(np.int64)
    counts = np.diff(edges, prepend=0).reshape(_PHASES, settings.users)
    return np.minimum(counts, settings.items // (2 * _PHASES))


def _pick(
    world: World,
    users: Integers,
    phase: int,
    counts: Integers,
    seen: NDArray[np.bool_],
    random: np.random.Generator,
) -> tuple[Integers, Integers]:
    """Rows of `users` and the items they pick, drawn without replacement (Gumbel's top-k)."""
    age = (phase + 1) / _PHASES - world.released
    scores = world.settings.affinity * (world.users[phase, users] @ world.items.T)
    scores += world.popularity + np.exp(-4.0 * np.maximum(age, 0.0))
    scores += random.gumbel(size=scores.shape)
    scores[seen] = -np.inf
    scores[:, age <= 0] = -np.inf
    most = int(counts.max())
    ranked = np.argpartition(-scores, most, axis=1)[:, :most]
    ranked = np.take_along_axis(
        ranked, np.argsort(-np.take_along_axis(scores, ranked, axis=1), axis=1), axis=1
    )
    wanted = np.arange(most) < counts[:, None]
    wanted &= np.isfinite(np.take_along_axis(scores, ranked, axis=1))
    rows, places = np.nonzero(wanted)
    return rows, ranked[rows, places]


def _ratings(world: World, users: Integers, items: Integers, random: np.random.Generator) -> Floats:
    liking = np.einsum("ij,ij->i", world.users[0, users], world.items[items])
    spread = 3.0 * (liking - liking.mean()) + random.standard_normal(len(liking))
    return np.clip(np.rint(_MEAN_RATING + spread), 1, 10)


def _items(world: World) -> Iterator[Item]:
    numbers = dict.fromkeys(GENRES, 0)
    for place, (first, second) in enumerate(world.genres):
        genre = GENRES[first]
        released = START + timedelta(days=float(world.released[place]) * 3650)
        yield Item(
            item_id=f"i{place + 1}",
            title=title_of(genre, numbers[genre]),
            categories=[genre, GENRES[second]],
            year=min(released.year, START.year),
        )
        numbers[genre] += 1


def _event(settings: SimulatorSettings, user: Any, item: Any, time: Any, rating: Any) -> Event:
    return Event(
        event_id=f"sim-{settings.seed}-{user + 1}-{item + 1}",
        user_id=f"u{user + 1}",
        item_id=f"i{item + 1}",
        event_type=EventType.RATING,
        timestamp=START + timedelta(seconds=int(float(time) * settings.days * 86_400)),
        value=float(rating),
    )
