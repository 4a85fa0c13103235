"""Published figures of the same protocols, to read the measured ones against."""

from typing import Any


def _gowalla(model: str, recall: float, ndcg: float) -> dict[str, Any]:
    return {"model": model, "recall_at_20": recall, "ndcg_at_20": ndcg}


def _ml_1m(model: str, hit_rate: float, ndcg: float) -> dict[str, Any]:
    return {"model": model, "hit_rate_at_10": hit_rate, "ndcg_at_10": ndcg}


FIGURES: dict[str, list[dict[str, Any]]] = {
    "gowalla": [
        _gowalla("mf-bpr", 0.1627, 0.1378),
        _gowalla("youtubednn", 0.1754, 0.1473),
        _gowalla("ease", 0.1765, 0.1467),
        _gowalla("lightgcn", 0.1820, 0.1547),
        _gowalla("gf-cf", 0.1849, 0.1518),
        _gowalla("ultragcn", 0.1862, 0.1580),
        _gowalla("simplex", 0.1872, 0.1557),
        _gowalla("bspm", 0.1920, 0.1597),
    ],
    "ml-1m": [
        _ml_1m("neumf", 0.7093, 0.4349),
        _ml_1m("ials", 0.7109, 0.4382),
        _ml_1m("slim", 0.7162, 0.4468),
        _ml_1m("ease", 0.7192, 0.4494),
        _ml_1m("ials-tuned", 0.7310, 0.4521),
    ],
}
