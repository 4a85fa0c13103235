"""Rules of the structure that imports alone do not show."""

import ast
import inspect
from pathlib import Path

import pytest

import backend_api.domain.access_ports
import backend_api.domain.product_ports
import backends.ports
import data_pipeline.domain.accounting
import data_pipeline.domain.chunk_store
import data_pipeline.domain.import_ports
import data_pipeline.domain.ports
import data_pipeline.domain.snapshot_ports
import data_pipeline.domain.streams
import data_pipeline.domain.validation_rules
import ml_engine.registry.ports
import ml_engine.training.ports

ROOT = Path(__file__).parents[2]
MAX_LINES = 400
MAX_PORT_METHODS = 6
NAMES_OF_NOTHING = {"utils", "util", "helpers", "common", "misc", "base", "tools"}
SOURCES = [
    path
    for folder in ("backend-api", "ml-engine", "data-pipeline", "observability", "packages")
    for path in sorted((ROOT / folder).glob("**/src/**/*.py"))
]
PORT_MODULES = [
    backend_api.domain.access_ports,
    backend_api.domain.product_ports,
    backends.ports,
    data_pipeline.domain.accounting,
    data_pipeline.domain.chunk_store,
    data_pipeline.domain.import_ports,
    data_pipeline.domain.ports,
    data_pipeline.domain.streams,
    data_pipeline.domain.snapshot_ports,
    data_pipeline.domain.validation_rules,
    ml_engine.registry.ports,
    ml_engine.training.ports,
]
PORTS = [
    port
    for module in PORT_MODULES
    for _, port in inspect.getmembers(module, inspect.isclass)
    if getattr(port, "_is_protocol", False) and port.__module__ == module.__name__
]


def test_sources_are_found() -> None:
    assert len(SOURCES) > 50
    assert len(PORTS) > 5


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _runs(statement: ast.stmt) -> bool:
    is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Expr | ast.For | ast.While | ast.With) and not is_docstring


def test_no_module_is_over_400_lines() -> None:
    lines = {_name(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {name: count for name, count in lines.items() if count > MAX_LINES}


@pytest.mark.parametrize("port", PORTS, ids=lambda port: port.__name__)
def test_a_port_has_ping_and_close_and_at_most_six_methods(port: type) -> None:
    methods = [name for name in vars(port) if not name.startswith("_")]
    assert {"ping", "close"} <= set(methods)
    assert len(methods) <= MAX_PORT_METHODS


def test_modules_are_named_after_what_is_in_them() -> None:
    assert not [_name(path) for path in SOURCES if path.stem in NAMES_OF_NOTHING]


def test_nothing_happens_at_import() -> None:
    # An Alembic environment and a __main__ module are run, not imported.
    imported = [path for path in SOURCES if path.name != "env.py" and path.stem != "__main__"]
    assert not [
        f"{_name(path)}:{statement.lineno}"
        for path in imported
        for statement in ast.parse(path.read_text()).body
        if _runs(statement)
    ]
