"""Errors: their classes, what they say, and what they never say."""

import copy
import logging
import pickle
import re
import traceback

import httpx2
import pytest
from anyio.from_thread import BlockingPortal
from starlette.responses import Response
from tests.unit.client.conftest import KEY, sync_client
from tests.unit.client.recommender_stub import Fault, Stub

from recommender_client import (
    ApiError,
    ConnectionFailed,
    InvalidArguments,
    NotDelivered,
    NotFound,
    Operator,
    Recommender,
    RecommenderError,
    Unavailable,
    UnexpectedAnswer,
    errors,
    new_event,
)
from recommender_client.models import DataType, ItemContent, Problem

SECRET = KEY.split(".")[1]
PRIVATE = "a-private-word"


def test_a_problem_comes_with_all_that_it_says(client: Recommender) -> None:
    with pytest.raises(NotFound) as raised:
        client.items.get("i")
    error = raised.value
    assert (error.status, error.code, error.trace_id) == (404, "item_not_found", "abc123")
    assert str(error) == "404 item_not_found: it was asked to (trace abc123)"


def test_the_drawn_tree_is_the_real_one() -> None:
    parents: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"(?P<indent> {4,})([+.-] )?(?P<name>[A-Z]\w+)", line)
        if match is not None:
            indent = len(match["indent"])
            above = {where: name for where, name in above.items() if where < indent}
            parents[match["name"]] = above[max(above)] if above else "Exception"
            above[indent] = match["name"]
    real = {
        name: value.__bases__[0].__name__
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, RecommenderError)
    }
    assert parents == real


@pytest.mark.parametrize(
    "error",
    [
        errors.api_error(Problem(title="t", status=404, code="c", detail="d"), 3.0),
        NotDelivered([new_event("u", "i", "view")], ConnectionFailed("away")),
        ConnectionFailed("away"),
    ],
)
def test_errors_survive_pickle_and_copy(error: RecommenderError) -> None:
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(copied) is type(error)
        assert str(copied) == str(error)


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (200, b"<html>", UnexpectedAnswer),
        (200, b"{}", UnexpectedAnswer),
        (302, b"", UnexpectedAnswer),
        (404, b"<html>no", NotFound),
        (418, b"[]", ApiError),
        (504, b"", Unavailable),
    ],
)
def test_the_answer_of_something_between_is_an_error_as_well(
    stub: Stub, client: Recommender, status: int, content: bytes, error: type[Exception]
) -> None:
    stub.faults.extend([lambda: Response(content, status)] * 3)
    with pytest.raises(error) as raised:
        client.items.get("i")
    assert content[:6].decode() not in str(raised.value) or not content


@pytest.mark.parametrize(
    "fault", [500, 401, httpx2.ConnectError, httpx2.LocalProtocolError, httpx2.ReadTimeout], ids=str
)
def test_no_failure_tells_the_key(
    stub: Stub, client: Recommender, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    stub.faults.extend([fault] * 3)
    with caplog.at_level(logging.DEBUG), pytest.raises(RecommenderError) as raised:
        client.items.put("i", ItemContent(title=PRIVATE))
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + caplog.text
    assert SECRET not in told
    assert PRIVATE not in told


def test_no_repr_tells_the_key(client: Recommender) -> None:
    shown = [
        repr(client),
        repr(client.items),
        repr(client.runner.connection),
        repr(client.items.get),
    ]
    assert not any(SECRET in one for one in shown)
    assert shown[0] == "<Recommender of http://recs.test>"


@pytest.mark.parametrize("key", ["", f"{KEY}\n", f"{KEY} x", f"{KEY}é"])
def test_a_key_that_cannot_be_one_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ValueError, match="api_key") as raised:
        Operator("http://recs.test", key)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "address", ["recs.test", "ftp://recs.test", f"http://{KEY}:x@recs.test", "http://recs.test?a=1"]
)
def test_an_address_that_cannot_be_one_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="base_url") as raised:
        Recommender(address, KEY)
    assert SECRET not in str(raised.value)


def test_bad_arguments_are_told_before_anything_is_sent(stub: Stub, client: Recommender) -> None:
    with pytest.raises(InvalidArguments, match=r"^num_items: .*less than or equal to 1000$"):
        client.recommendations.for_user(PRIVATE, num_items=5_000)
    with pytest.raises(InvalidArguments, match="num_items") as raised:
        client.recommendations.batch([PRIVATE], num_items=5_000)
    assert PRIVATE not in "".join(traceback.format_exception(raised.value))
    with pytest.raises(InvalidArguments, match="file_format"):
        client.imports.start(DataType.ITEMS, b"{}")
    with pytest.raises(InvalidArguments, match="there is no file"):
        client.imports.start(DataType.ITEMS, "no-such-file.csv")
    with pytest.raises(InvalidArguments, match=r"^event_type: "):
        new_event("u", "i", "Not A Type")
    assert stub.seen == []


def test_connection_failures_name_the_address(stub: Stub, portal: BlockingPortal) -> None:
    stub.faults.extend([httpx2.ConnectError] * 3)
    with sync_client(stub, portal) as client, pytest.raises(ConnectionFailed) as raised:
        client.tenant.get()
    assert str(raised.value) == "no answer from http://recs.test: the stub's connection"
