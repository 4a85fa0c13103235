"""Cursors: a place in a list, there and back."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_api.domain.access_errors import InvalidCursor
from backend_api.domain.cursors import from_cursor, to_cursor


@given(st.integers(-(2**62), 2**62), st.text())
def test_a_cursor_gives_its_place_back_and_travels_in_a_query(number: int, text: str) -> None:
    cursor = to_cursor(number, text)
    assert from_cursor(cursor, int, str) == (number, text)
    assert re.fullmatch(r"[\w=-]+", cursor, re.ASCII)


@given(st.text())
def test_other_texts_are_no_cursors(text: str) -> None:
    with pytest.raises(InvalidCursor):
        from_cursor(text, int, str)


@pytest.mark.parametrize("content", ["[]", "[1]", '["a", 1]', '[1, "a", 2]', "[true, 1]", "{}"])
def test_a_place_of_another_list_is_refused(content: str) -> None:
    cursor = base64.urlsafe_b64encode(content.encode()).decode()
    with pytest.raises(InvalidCursor):
        from_cursor(cursor, int, str)
