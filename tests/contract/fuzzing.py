"""Schema-driven fuzzing of a running service: `schemathesis` over its OpenAPI document."""

import os
import re
import subprocess
import sys
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
GENERATED = re.compile(r"([\d,]+) generated")


def fuzz(url: str, headers: dict[str, str], *, cases_per_operation: int, seed: int) -> int:
    """Fuzz the service at `url`, calls that build on each other included; the cases it took.

    Raises AssertionError with the report of schemathesis where an answer is not as documented.
    """
    options = [f"--header={name}: {value}" for name, value in headers.items()]
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{url}/openapi.json",
        "--phases=examples,coverage,fuzzing,stateful",
        f"--checks={','.join(CHECKS)}",
        f"--max-examples={cases_per_operation}",
        f"--seed={seed}",
        "--suppress-health-check=all",
        "--continue-on-failure",
        "--workers=2",
        "--no-color",
        *options,
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    counts = GENERATED.findall(done.stdout)
    assert counts, done.stdout[-5_000:]
    return int(counts[-1].replace(",", ""))
