"""docs/errors.md lists every code that is answered, and no other."""

import ast
from pathlib import Path

import data_pipeline.http.errors
import ml_engine.http.errors
from backend_api.http import error_reference
from backend_api.http.error_codes import ERROR_CODES, SECTIONS

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "backend-api" / "src" / "backend_api"
# What the services say among themselves; a caller sees that the service is not available.
INTERNAL = {"service_token_required", "store_unavailable", "unexpected_answer"}


def literals(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def codes_of_errors() -> set[str]:
    """The first argument of each error of the domain, and of each problem."""
    found: set[str] = set()
    for path in (*SOURCES.rglob("*.py"), *(ROOT / "packages/web/src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = ast.unparse(node.func)
            place = {"super().__init__": 0, "problem": 1, "DomainError": 0}.get(called)
            if place is None or len(node.args) <= place:
                continue
            value = node.args[place]
            in_errors = "errors" in path.stem or called != "super().__init__"
            if in_errors and isinstance(value, ast.Constant) and isinstance(value.value, str):
                found.add(value.value)
    return found


def codes_of_services() -> set[str]:
    return {*data_pipeline.http.errors.STATUS, *ml_engine.http.errors.STATUS}


def test_every_code_that_is_raised_is_listed() -> None:
    raised = codes_of_errors()
    assert len(raised) > 20
    assert raised - INTERNAL <= set(ERROR_CODES)


def test_every_code_that_passes_through_is_listed_with_its_status() -> None:
    for statuses in (data_pipeline.http.errors.STATUS, ml_engine.http.errors.STATUS):
        for code, status in statuses.items():
            assert code in ERROR_CODES, code
            assert ERROR_CODES[code].status == status, code


def test_every_code_that_is_listed_is_raised_somewhere() -> None:
    written = set[str]()
    for folder in (SOURCES, ROOT / "packages/web/src", ROOT / "observability/src"):
        for path in folder.rglob("*.py"):
            if path.name != "error_codes.py" and "openapi" not in path.name:
                written |= literals(path)
    unavailable = {f"{name}_unavailable" for name in ("ml_engine", "data_pipeline")}
    known = written | unavailable | codes_of_services() | {"internal_error"}
    assert set(ERROR_CODES) <= known


def test_no_code_is_listed_twice() -> None:
    assert sum(len(codes) for _, codes in SECTIONS) == len(ERROR_CODES)


def test_the_page_is_current(tmp_path: Path) -> None:
    page = ROOT / "docs" / "errors.md"
    assert error_reference.main(["--check", "--output", str(page)]) == 0
    stale = tmp_path / "errors.md"
    stale.write_text("old")
    assert error_reference.main(["--check", "--output", str(stale)]) == 1
    assert error_reference.main(["--output", str(stale)]) == 0
    assert stale.read_text() == page.read_text()
