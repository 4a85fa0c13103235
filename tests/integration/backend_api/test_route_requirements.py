"""Every route of the public API says whom it is for, and asks before anything else."""

from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from tests.integration.backend_api.conftest import Api

from backend_api.bootstrap import build_app
from backend_api.http.admission import requirements_of
from backend_api.settings import Settings
from contracts.public.access import RouteClass, Scope

pytestmark = pytest.mark.anyio


def test_no_route_is_open_and_admin_is_the_operators(tmp_path: Path) -> None:
    app = build_app(Settings(data_dir=tmp_path, service_token="0123456789abcdef"))
    requirements = requirements_of(app.routes)
    found = 0
    for route in iter_route_contexts(list(app.routes)):
        path = route.path_format or ""
        if not path.startswith("/api/v1"):
            continue
        for method in route.methods or ():
            requirement = requirements[method, path]
            assert requirement.operator == path.startswith("/api/v1/admin"), path
            if requirement.operator:
                assert requirement.scope is Scope.ADMIN
            elif method != "GET" and requirement.scope is Scope.READ:
                assert requirement.route_class is RouteClass.SERVING, path
            found += 1
    assert found > 50


async def test_a_path_that_two_routes_could_mean_is_asked_for_a_key(api: Api) -> None:
    response = await api.client.get("/api/v1/models/roll-back")
    assert response.json()["code"] == "missing_api_key"
    response = await api.send("PATCH", "/models/roll-back")
    assert response.status_code == 405
