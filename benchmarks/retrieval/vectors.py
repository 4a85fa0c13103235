"""Item and user vectors like those of trained models, and some that are nothing but chance.

Models put items beside others of their topic, and topics beside others of their genre, along
axes of falling strength; popular items have longer vectors. A user stands between a few topics.
Vectors of chance alone have no near neighbours that any index could find.
"""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

ITEMS_PER_TOPIC = 50
TOPICS_PER_GENRE = 50


def like_a_model(n_items: int, n_users: int, d: int, seed: int = 0) -> tuple[Vectors, Vectors]:
    """Items float32 (n_items, d) and users (n_users, d), each the mean of 12 items of 3 topics."""
    rng = np.random.default_rng(seed)
    axes = (np.arange(1, d + 1) ** -0.5).astype(np.float32)

    def around(centres: Vectors, n: int, spread: float) -> tuple[Vectors, NDArray[np.int64]]:
        # Some topics have many more items than others.
        sizes = rng.pareto(2.0, len(centres)) + 0.2
        of = np.sort(rng.choice(len(centres), n, p=sizes / sizes.sum()))
        own = rng.standard_normal((n, d), np.float32)
        own *= np.float32(spread) * axes
        own += centres[of]
        return own, of

    n_topics = max(2, n_items // ITEMS_PER_TOPIC)
    n_genres = max(2, n_topics // TOPICS_PER_GENRE)
    genres = rng.standard_normal((n_genres, d), np.float32) * axes
    topics, _ = around(genres, n_topics, 0.7)
    items, topic_of = around(topics, n_items, 0.4)
    items *= np.exp(0.2 * rng.standard_normal((n_items, 1), np.float32))
    users = np.empty((n_users, d), np.float32)
    for user in range(n_users):
        liked = topic_of[rng.integers(0, n_items, 3)]
        first, last = np.searchsorted(topic_of, liked), np.searchsorted(topic_of, liked, "right")
        history = rng.integers(np.repeat(first, 4), np.repeat(last, 4))
        users[user] = items[history].mean(axis=0)
    return items, users


def chance(n_items: int, n_users: int, d: int, seed: int = 0) -> tuple[Vectors, Vectors]:
    """Independent normal numbers of the same shapes."""
    rng = np.random.default_rng(seed)
    items = rng.standard_normal((n_items, d), np.float32)
    return items, rng.standard_normal((n_users, d), np.float32)
