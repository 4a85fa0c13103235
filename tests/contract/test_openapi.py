"""The APIs are what was agreed: a change shows as a difference, and is committed on purpose."""

import difflib
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.documents import SERVICES, agreed, as_text, current

SUCCESS = {"200", "201", "202", "204"}


@pytest.mark.parametrize("service", SERVICES)
def test_the_api_is_the_agreed_one(service: str) -> None:
    before, now = as_text(agreed(service)), as_text(current(service))
    difference = "\n".join(
        difflib.unified_diff(
            before.splitlines(), now.splitlines(), "agreed", "now", lineterm="", n=2
        )
    )
    assert before == now, (
        f"the API of {service} changed; if that is on purpose, run "
        f"`python -m tests.contract.regenerate {service}` and commit it:\n{difference}"
    )


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("service", SERVICES)
def test_every_reference_leads_to_a_schema(service: str) -> None:
    document = agreed(service)
    schemas = document["components"]["schemas"]
    wanted = {reference.rpartition("/")[2] for reference in references(document)}
    assert wanted
    assert wanted <= set(schemas)


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_names_its_answers_and_its_problems(service: str) -> None:
    for path, operations in agreed(service)["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            assert SUCCESS & set(answers), f"{method} {path} has no good answer"
            for status, answer in answers.items():
                kinds = set(answer.get("content", {}))
                if status == "204":
                    assert not kinds, f"{method} {path} answers 204 with content"
                    continue
                good = "text/csv" if path.endswith(".csv") else "application/json"
                wanted = good if status in SUCCESS else "application/problem+json"
                assert kinds == {wanted}, f"{method} {path} answers {status} as {kinds}"
                schemas = [one.get("schema") for one in answer["content"].values()]
                assert all(schemas), f"{method} {path} says nothing of the shape of its {status}"


def test_every_public_operation_needs_a_key() -> None:
    document = agreed("backend-api")
    for path, operations in document["paths"].items():
        assert path.startswith("/api/v1/")
        for operation in operations.values():
            used = {name for one in operation["security"] for name in one}
            assert used == {"HTTPBearer", "APIKeyHeader"}
            assert "401" in operation["responses"]


def test_every_public_operation_is_explained_by_words_and_examples() -> None:
    for path, operations in agreed("backend-api")["paths"].items():
        for method, operation in operations.items():
            name = f"{method} {path}"
            assert operation["summary"], f"{name} has no summary"
            assert operation["description"], f"{name} has no description"
            good = [a for status, a in operation["responses"].items() if status in SUCCESS]
            contents = [kind for answer in good for kind in answer.get("content", {}).values()]
            body = operation.get("requestBody", {"content": {}})["content"]
            # A file that is no text cannot be shown.
            contents += [kind for name, kind in body.items() if "parquet" not in name]
            assert all("example" in one or "examples" in one for one in contents), name


def test_every_problem_names_its_codes() -> None:
    for path, operations in agreed("backend-api")["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if status in SUCCESS:
                    continue
                examples = answer["content"]["application/problem+json"]["examples"]
                for code, example in examples.items():
                    assert f"`{code}`" in answer["description"], f"{method} {path} {status}"
                    assert str(example["value"]["status"]) == status


@pytest.mark.parametrize("service", SERVICES)
def test_user_ids_in_paths_are_named_as_telemetry_knows_them(service: str) -> None:
    # Log lines and spans hash the parameter of this name, and no other.
    for path in agreed(service)["paths"]:
        _, users, rest = path.partition("/users/")
        assert not users or rest.startswith("{user_id}"), path
