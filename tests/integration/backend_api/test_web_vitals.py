"""What browsers report, and what of it the operator sees."""

import pytest
from tests.integration.backend_api.conftest import Api

pytestmark = pytest.mark.anyio
PATH = "/api/v1/metrics/report"


async def test_a_report_is_counted_by_page_in_seconds(api: Api) -> None:
    vitals = {"lcp": 1500, "fcp": 900.5, "inp": 96, "fid": 8, "ttfb": 200, "cls": 0.02}
    response = await api.post(PATH, {"page": "product-page", **vitals})
    assert response.status_code == 204
    for name in ("lcp", "fcp", "inp", "fid", "ttfb"):
        seconds = await api.metric(f"web_vitals_{name}_seconds_sum", page="product-page")
        assert seconds == pytest.approx(vitals[name] / 1000)
    assert await api.metric("web_vitals_cls_sum", page="product-page") == 0.02
    assert await api.metric("web_vitals_cls_count", page="product-page") == 1


async def test_what_was_not_measured_is_not_counted(api: Api) -> None:
    await api.post(PATH, {"page": "home", "lcp": 0})
    assert await api.metric("web_vitals_lcp_seconds_count", page="home") == 1
    assert await api.metric("web_vitals_inp_seconds_count", page="home") == 0


@pytest.mark.parametrize("page", ["/users/42", "jane@example.com", "Product 7", "x" * 33])
async def test_what_is_no_plain_word_is_no_label(api: Api, page: str) -> None:
    await api.post(PATH, {"page": page, "lcp": 1})
    assert await api.metric("web_vitals_lcp_seconds_count", page="other") == 1
    assert page not in (await api.client.get("/metrics")).text


async def test_pages_beyond_the_bound_share_one_series(api: Api) -> None:
    words = [f"{a}{b}" for a in "abcdefgh" for b in "abcdefgh"]
    for word in words:
        await api.post(PATH, {"page": word, "lcp": 1})
    assert await api.metric("web_vitals_lcp_seconds_count", page="other") == len(words) - 50


@pytest.mark.parametrize(
    "body",
    [
        {"page": "home"},
        {"lcp": 1},
        {"page": "home", "lcp": -1},
        {"page": "home", "lcp": 600_001},
        {"page": "home", "tti": 1},
        {"page": "", "lcp": 1},
    ],
    ids=range(6),
)
async def test_a_report_that_says_nothing_sane_is_refused(api: Api, body: object) -> None:
    response = await api.post(PATH, body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_key_is_needed(api: Api) -> None:
    assert (await api.post(PATH, {"page": "home", "lcp": 1}, headers={})).status_code == 401
