"""A secret that a service lets slip goes no further than the collector, which counts it."""

from typing import Final

import pytest
from tests.real_processes import wait_for
from tests.stack.backends import Backends
from tests.stack.sender import SERVICE, trace_id

from instrumentation.redaction import redact

pytestmark = pytest.mark.slow

SECRETS: Final = {
    "api key": "rk_a1b2c3d4e5_Zx9Yw8Vu7Ts6Rq5P",
    "bearer token": "Bearer eyJhbGciOi.J9zdWIiOi.xIn0dG9",
    "e-mail address": "jane.doe+list@mail.example.org",
    "encoded e-mail address": "jane.doe%40example.org",
    "password in a URL": "postgresql://reader:hunter2@db:5432/app",
    "named secret": "password=hunter2",
    "secret in JSON": '{"user": "x", "api_key": "k-12345"}',
    "header": "(b'authorization', b'Basic aGk6dGhlcmU=')",
    "pair": '["authorization", "Basic aGk6dGhlcmU="]',
    "cookie": "Set-Cookie: session=abcdef",
}
CLEAN: Final = (
    "took 12 ms for 3 items @ 4 per second",
    "tokens used: 12",
    "http://[::1]:8000/api/v1/keys",
    "the key of the cache: user:42",
)
NAMES: Final = (
    "password",
    "http.request.header.authorization",
    "http.request.header.x-api-key",
    "client_secret",
    "access_token",
    "set-cookie",
    "API_KEY",
)
SPANS: Final = "otelcol_processor_filter_spans_filtered_total"
LOGS: Final = "otelcol_processor_filter_logs_filtered_total"


def lines(backends: Backends, text: str) -> list[str]:
    found = backends.loki.query(f'{{service="{SERVICE}"}} |= "{text}"')
    return [f"{one.line} {one.fields}" for one in found]


def dropped(backends: Backends, metric: str) -> float:
    return backends.collector.metrics().get(metric, 0.0)


def test_values_and_bodies_with_a_secret_are_dropped_and_counted(backends: Backends) -> None:
    spans_before, logs_before = dropped(backends, SPANS), dropped(backends, LOGS)
    spans, send = [], backends.sender
    for secret in SECRETS.values():
        spans.append(send.span("in a value", {"note": f"got {secret} here"}))
        spans.append(send.span("in a list", {"notes": ["fine", f"got {secret} here"]}))
        spans.append(send.span(f"in a name {secret}"))
        send.log(f"canary {secret} here")
        send.log("canary", {"note": f"got {secret} here"})
        send.log("canary", {"nested": {"notes": [f"got {secret} here"]}})
    clean = send.span("clean")
    send.log("canary alive")
    send.flush()
    wait_for(lambda: backends.jaeger.trace(trace_id(clean)), bool)
    wait_for(lambda: lines(backends, "canary alive"), bool)
    assert lines(backends, "canary") == lines(backends, "canary alive")
    assert not any(backends.jaeger.trace(trace_id(span)) for span in spans)
    assert dropped(backends, SPANS) - spans_before == 3 * len(SECRETS)
    assert dropped(backends, LOGS) - logs_before == 3 * len(SECRETS)


def test_attributes_named_like_a_secret_are_taken_off(backends: Backends) -> None:
    attributes = dict.fromkeys(NAMES, "hunter2")
    span = backends.sender.span("named", {**attributes, "kept": "yes", "token_count": 3})
    backends.sender.log("named", {**attributes, "kept": "yes"})
    backends.sender.flush()
    (stored,) = wait_for(lambda: backends.jaeger.trace(trace_id(span)), bool)
    assert "hunter2" not in str(stored)
    assert stored.attributes["kept"] == "yes"
    assert stored.attributes["token_count"] == 3
    (line,) = wait_for(lambda: lines(backends, "named"), bool)
    assert "hunter2" not in line
    assert "'kept': 'yes'" in line


def test_an_event_with_a_secret_is_dropped_from_its_span(backends: Backends) -> None:
    spans = [backends.sender.event("exception", {"text": text}) for text in SECRETS.values()]
    backends.sender.flush()
    for span, secret in zip(spans, SECRETS.values(), strict=True):
        wait_for(lambda span=span: backends.jaeger.trace(trace_id(span)), bool)
        answer = backends.jaeger.client.get(f"/api/traces/{trace_id(span)}").text
        assert secret not in answer
        assert "exception" not in answer


def test_what_a_service_has_redacted_and_what_is_clean_goes_through(backends: Backends) -> None:
    texts = [*(f"passed {redact(text)}" for text in SECRETS.values()), *CLEAN]
    spans = [backends.sender.span("redacted", {"note": text}) for text in texts]
    # Side by side in JSON, these look like a header and its value.
    spans.append(backends.sender.span("api_key get", {"name": "api_key", "operation": "get"}))
    for number, text in enumerate(texts):
        backends.sender.log(f"let through {number}: {text}", {"note": text})
    backends.sender.flush()
    for span in spans:
        wait_for(lambda span=span: backends.jaeger.trace(trace_id(span)), bool)
    wait_for(lambda: lines(backends, "let through"), lambda found: len(found) == len(texts))
