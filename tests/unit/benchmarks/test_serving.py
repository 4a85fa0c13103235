"""A wrong answer ends the measurement; questions are as unequal as real ones."""

import json
from collections import Counter
from typing import Any

import pytest
from benchmarks.serving.__main__ import NUM_ITEMS, check, questions


def answer(**changes: Any) -> bytes:
    items = [{"item_id": f"i{n}"} for n in range(NUM_ITEMS)]
    return json.dumps({"degraded": None, "items": items, **changes}).encode()


def test_a_live_and_whole_answer_passes() -> None:
    check(answer())


@pytest.mark.parametrize(
    "changes",
    [{"degraded": "cached"}, {"items": []}, {"items": [{"item_id": "i1"}] * NUM_ITEMS}],
    ids=["degraded", "short", "repeated"],
)
def test_any_other_ends_the_measurement(changes: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="a wrong answer"):
        check(answer(**changes))


def test_some_users_ask_often_and_a_quarter_is_unknown() -> None:
    asked = [json.loads(raw.partition(b"\r\n\r\n")[2])["user_id"] for raw in questions("key")]
    users = Counter(asked)
    unknown = sum(count for user, count in users.items() if user.startswith("unknown"))
    assert unknown / len(asked) == pytest.approx(0.25, abs=0.01)
    assert users["u0"] > 50 > users["u1900"]
