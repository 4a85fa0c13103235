"""Writes what ranx measures of made rankings, for the tests to compare with.

ranx brings half a gigabyte of packages, so its answers are kept and it is no dependency:
`uv run --no-project --with ranx==0.3.21 python tests/unit/ml_engine/evaluation/ranx_answers.py`
"""

import json
from pathlib import Path
from random import Random

from ranx import Qrels, Run, evaluate

KEPT = Path(__file__).with_suffix(".json")
METRICS = ("ndcg", "map", "precision", "recall", "hit_rate", "mrr")
K, USERS, ITEMS = 10, 60, 40


def main() -> None:
    random = Random(0)
    rankings = [random.sample(range(ITEMS), K) for _ in range(USERS)]
    relevant = [sorted(random.sample(range(ITEMS), random.randint(1, 15))) for _ in range(USERS)]
    qrels = Qrels({f"{u:03}": {str(i): 1 for i in row} for u, row in enumerate(relevant)})
    run = Run({f"{u:03}": {str(i): K - r for r, i in enumerate(x)} for u, x in enumerate(rankings)})
    measured = {
        name: [float(value) for value in evaluate(qrels, run, f"{name}@{K}", return_mean=False)]
        for name in METRICS
    }
    kept = {"rankings": rankings, "relevant": relevant, "measured": measured}
    KEPT.write_text(json.dumps(kept) + "\n")


if __name__ == "__main__":
    main()
