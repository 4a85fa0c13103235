"""Answers that were given before, for who asks the same while everything they are made of is."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from typing import Final

from contracts.recommendations import RankingOptions
from ml_engine.domain.recommendation import Answer
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.subject import Subject

MAX_ITEMS: Final = 50_000
"""Items of all answers together that are kept: some 10 MB."""

_IN_SUBJECT: Final = {"user_id", "history", "item_id"}


def key_of(serving: ServingModel, subject: Subject, options: RankingOptions) -> Hashable:
    """All that an answer is made of: a model and catalogue as they are, a history, options.

    So no answer is ever out of date: after an event, a changed item or a new model the key is
    another one.
    """
    times, emphasis = subject.times, subject.emphasis
    return (
        serving.state,
        subject.kind,
        subject.similar_to,
        subject.items.tobytes(),
        None if times is None else times.tobytes(),
        None if emphasis is None else emphasis.tobytes(),
        options.model_dump_json(exclude=_IN_SUBJECT, exclude_unset=True),
    )


class AnswerCache:
    """The answers asked for last, of `max_items` items together."""

    def __init__(self, max_items: int = MAX_ITEMS) -> None:
        self._max_items = max_items
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._items = 0

    def get(self, key: Hashable) -> Answer | None:
        """The answer of `key`, without what was done to make it."""
        answer = self._kept.get(key)
        if answer is not None:
            self._kept.move_to_end(key)
        return answer

    def put(self, key: Hashable, answer: Answer) -> None:
        """Keep an answer, and let those go that were asked for longest ago."""
        self._kept[key] = replace(
            answer, encoded=None, index=None, stages=(), vectors_found=0, vectors_missing=0
        )
        self._items += _weight(answer)
        while self._items > self._max_items:
            _, gone = self._kept.popitem(last=False)
            self._items -= _weight(gone)


def _weight(answer: Answer) -> int:
    # An empty answer takes room as well.
    return len(answer.items) + 1
