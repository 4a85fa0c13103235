"""Schema-driven fuzzing of a running service: `schemathesis` over its OpenAPI document."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)
REAL_IDS = 0.6
"""How often a parameter is the id of something that is there."""
GENERATED = re.compile(r"([\d,]+) generated")


def fuzz(
    url: str,
    key: str,
    folder: Path,
    *options: str,
    ids: Mapping[str, Sequence[str]],
    cases_per_operation: int,
) -> int:
    """Fuzz the service at `url`, calls that build on each other included; the cases it took.

    `ids` are things that are there, by the parameter that takes them; `folder` is scratch space.
    Raises AssertionError with the report where an answer is not as documented.
    """
    config = folder / "schemathesis.toml"
    config.write_text(_config(ids))
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={config}",
        "run",
        f"{url}/openapi.json",
        "--phases=examples,coverage,fuzzing,stateful",
        f"--checks={','.join(CHECKS)}",
        f"--max-examples={cases_per_operation}",
        f"--header=Authorization: Bearer {key}",
        f"--seed={os.environ.get('FUZZ_SEED', '7')}",
        "--generation-database=none",
        "--generation-with-security-parameters=false",
        "--suppress-health-check=all",
        "--continue-on-failure",
        # CPython 3.11 cannot parse code in two threads at once, which hypothesis does.
        "--workers=1",
        "--warnings=off",
        "--no-color",
        *options,
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.contract.fuzzing_hooks"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-30_000:] + done.stderr[-2_000:]
    counts = GENERATED.findall(done.stdout)
    assert counts, done.stdout[-5_000:]
    return int(counts[-1].replace(",", ""))


def _config(ids: Mapping[str, Sequence[str]]) -> str:
    lines = [f"[dictionaries.{name}]\nvalues = {json.dumps(list(v))}" for name, v in ids.items()]
    bindings = [f'{name} = {{ dictionary = "{name}", probability = {REAL_IDS} }}' for name in ids]
    return "\n".join([*lines, "[parameters]", *bindings, ""])
