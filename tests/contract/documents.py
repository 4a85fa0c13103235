"""The OpenAPI documents of the services: as they are now, and as they were agreed."""

import logging
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import orjson

SERVICES: Final = {
    "backend-api": "backend_api",
    "ml-engine": "ml_engine",
    "data-pipeline": "data_pipeline",
}
AGREED: Final = Path(__file__).parent / "openapi"


def current(service: str) -> dict[str, Any]:
    """The document that the service's application gives, built from its default settings."""
    package = SERVICES[service]
    settings = import_module(f"{package}.settings").Settings
    bootstrap = import_module(f"{package}.bootstrap")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with tempfile.TemporaryDirectory() as folder:
        chosen = settings(
            data_dir=Path(folder), service_token="no-service-is-called", service_version="1.0.0"
        )
        try:
            return bootstrap.build_app(chosen).openapi()
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)


def agreed(service: str) -> dict[str, Any]:
    """The committed document."""
    return orjson.loads(path_of(service).read_bytes())


def path_of(service: str) -> Path:
    """Where the committed document lies."""
    return AGREED / f"{service}.json"


def as_text(document: dict[str, Any]) -> str:
    """A document as it is committed: sorted, so that only meaning makes a difference."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document, option=options).decode()
