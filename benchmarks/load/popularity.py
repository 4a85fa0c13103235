"""How unequal real popularity is: the ratings of MovieTweetings by the rank of the film."""

import math
import random
from bisect import bisect_left
from itertools import pairwise
from typing import Final

CURVE: Final = (
    *((1, 0.0181), (2, 0.0359), (5, 0.0718), (10, 0.1199), (20, 0.1902), (50, 0.3026)),
    *((100, 0.4015), (200, 0.494), (500, 0.6264), (1000, 0.732), (2000, 0.835), (5000, 0.9395)),
    (10506, 1.0),
)
"""Of 100,000 ratings of 10,506 films, the share that the most popular ones have together."""


def share(rank: float) -> float:
    """What the films up to a rank have together; between two points as the rank's logarithm."""
    if rank <= 1:
        return CURVE[0][1] * max(rank, 0)
    for (low, low_share), (high, high_share) in pairwise(CURVE):
        if rank <= high:
            part = math.log(rank / low) / math.log(high / low)
            return low_share + part * (high_share - low_share)
    return 1.0


class Popularity:
    """Draws one of `count` things, the first most often, as unequally as those films."""

    def __init__(self, count: int) -> None:
        whole = share(count)
        self._sums = [share(rank) / whole for rank in range(1, count + 1)]

    def draw(self, chance: random.Random) -> int:
        """An index from 0."""
        return min(bisect_left(self._sums, chance.random()), len(self._sums) - 1)
