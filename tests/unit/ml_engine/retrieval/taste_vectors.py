"""Vectors as models make them: items stand near others of their kind, users between some kinds."""

import numpy as np


def items_and_users(
    n_items: int, n_users: int, d: int = 16, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Item vectors float32 (n_items, d) of unequal lengths, and users' (n_users, d)."""
    rng = np.random.default_rng(seed)
    kinds = rng.standard_normal((max(2, n_items // 50), d))
    of = rng.integers(0, len(kinds), n_items)
    items = kinds[of] + 0.3 * rng.standard_normal((n_items, d))
    items *= np.exp(0.3 * rng.standard_normal((n_items, 1)))
    histories = rng.integers(0, n_items, (n_users, 3))
    return items.astype(np.float32), items[histories].mean(axis=1).astype(np.float32)
