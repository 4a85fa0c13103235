"""What the client of Kafka says is logged, and not again and again."""

import logging

from data_pipeline.adapters.kafka_log import REPEATED_SECONDS, Seldom


def test_the_like_of_a_line_is_written_once_in_a_while() -> None:
    now = 1.0
    seldom = Seldom(lambda: now)

    def written(line: str) -> bool:
        return seldom.filter(logging.LogRecord("kafka", logging.ERROR, "", 0, line, None, None))

    assert written("FAIL [consumer] refused (after 0ms)")
    assert not written("FAIL [consumer] refused (after 1ms)")
    assert written("SESSTMOUT [consumer] left the group")
    now += REPEATED_SECONDS
    assert written("FAIL [consumer] refused (after 2ms)")
    assert not written("FAIL [consumer] refused (after 3ms)")
