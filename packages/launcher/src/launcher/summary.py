"""What is printed when everything is ready."""

import json
import shlex
from pathlib import Path

from launcher.addresses import Addresses
from launcher.demo.preparation import Demo, access_file


def curl_line(backend_api: str, api_key: str, user_id: str) -> str:
    """A command that asks for ten recommendations for a user."""
    body = json.dumps({"user_id": user_id, "num_items": 10}, ensure_ascii=False)
    return (
        f"curl -s {backend_api}/api/v1/recommendations "
        f'-H "Authorization: Bearer {api_key}" '
        f'-H "Content-Type: application/json" -d {shlex.quote(body)}'
    )


def summary(addresses: Addresses, demo: Demo, data_dir: Path, logs: Path) -> str:
    """The addresses, the places of logs and key, and a first command."""
    state = demo.state
    services = "\n".join(
        f"  {name:<14} {url}   (API: {url}/docs)" for name, url in addresses.by_service().items()
    )
    return f"""
Ready: {state.events:,} events and {state.items:,} items of {state.sample}, a model in service.

{services}
  logs           {logs}
  demo key       {access_file(data_dir)}

Recommendations for user {state.known_user}:

  {curl_line(addresses.backend_api, demo.api_key, state.known_user)}

Ctrl-C stops all three."""
