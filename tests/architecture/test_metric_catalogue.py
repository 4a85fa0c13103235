"""The catalogue and the code name the same metrics."""

import ast
from pathlib import Path

import pytest

from instrumentation.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]
CALLS = {"inc", "observe", "set", "forget", "counter", "gauge", "histogram"}
TREES = {
    path: ast.parse(path.read_text())
    for folder in ("backend-api", "ml-engine", "data-pipeline", "observability", "packages")
    for path in sorted((ROOT / folder).glob("**/src/**/*.py"))
    if "instrumentation/catalogue/" not in path.as_posix()
}
LITERALS = {
    node.value
    for tree in TREES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
}


def used_names() -> set[str]:
    """The first argument of each call on an object named metrics."""
    found: set[str] = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = ast.unparse(node.func.value)
            if node.func.attr in CALLS and owner.endswith("metrics") and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


@pytest.mark.parametrize("name", [metric.name for metric in CATALOGUE])
def test_every_metric_of_the_catalogue_is_used_by_the_code(name: str) -> None:
    assert name in LITERALS


def test_the_code_uses_no_metric_that_the_catalogue_lacks() -> None:
    names = used_names()
    assert len(names) > 10
    assert names <= {metric.name for metric in CATALOGUE}
