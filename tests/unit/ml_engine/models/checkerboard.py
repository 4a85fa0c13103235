"""A data set whose answers are obvious: even users meet even items, odd users odd ones.

After benfred/implicit's test matrix: each user has met all items of the own colour but one.
"""

import numpy as np

from ml_engine.domain.interactions import Dataset, Histories, ItemContent

DAY = 86_400_000


def checkerboard(n_users: int = 40, n_items: int = 12, *, timed: bool = True) -> Dataset:
    """User u lacks the own-coloured item `left_out_item(u, n_items)`."""
    users, items, times = [], [], []
    for user in range(n_users):
        own = [i for i in range(user % 2, n_items, 2) if i != left_out_item(user, n_items)]
        for position, item in enumerate(np.random.default_rng(user).permutation(own)):
            users.append(user)
            items.append(item)
            times.append((position + 1) * DAY + user * 1000 if timed else 0)
    contents = [
        ItemContent(f"film {i}", ("even" if i % 2 == 0 else "odd",), 2000) for i in range(n_items)
    ]
    histories = Histories.from_events(np.array(users), np.array(items), np.array(times), n_users)
    return Dataset([str(i) for i in range(n_items)], contents, histories)


def left_out_item(user: int, n_items: int = 12) -> int:
    """The one item of the user's colour that the user has not met."""
    return (user % 2 + 2 * (user // 2)) % n_items
