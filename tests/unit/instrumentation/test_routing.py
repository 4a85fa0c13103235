from fastapi import APIRouter, FastAPI
from starlette.routing import Mount, Route, Router

from instrumentation.context import hash_user
from instrumentation.routing import RouteTable


async def endpoint() -> None:
    """Never called."""


def table() -> RouteTable:
    inner = APIRouter(prefix="/items")
    inner.add_api_route("/{item_id}", endpoint, methods=["GET"])
    inner.add_api_route("/{name}/similar", endpoint, methods=["GET"])
    outer = APIRouter(prefix="/api/v1")
    outer.include_router(inner, prefix="/catalogue")
    app = FastAPI(routes=[Route("/health", endpoint)])
    app.include_router(outer)
    app.add_api_route("/things/{a}", endpoint, methods=["GET"])
    app.add_api_route("/things/{b}", endpoint, methods=["POST"])
    app.add_api_route("/things/tidy", endpoint, methods=["DELETE"])
    app.add_api_route("/users/{user_id}/x", endpoint)
    app.add_api_route("/numbers/{n:int}", endpoint)
    app.mount("/static", Router())
    app.router.routes.append(Mount("/sub", routes=[Route("/page/{p}", endpoint)]))
    return RouteTable(app.routes)


def template(path: str, method: str = "GET", root_path: str = "") -> str:
    return table().resolve(path, method, root_path).template


def test_routers_included_in_routers_give_the_whole_template() -> None:
    assert template("/api/v1/catalogue/items/42") == "/api/v1/catalogue/items/{item_id}"
    assert template("/api/v1/catalogue/items/a/similar") == "/api/v1/catalogue/items/{name}/similar"


def test_static_paths_are_their_own_template() -> None:
    assert template("/health") == "/health"
    assert template("/openapi.json") == "/openapi.json"


def test_the_method_chooses_between_templates_of_one_path() -> None:
    assert template("/things/1", "POST") == "/things/{b}"
    assert template("/things/1", "DELETE") == "/things/{a}"


def test_convertors_and_mounts_are_honoured() -> None:
    assert template("/numbers/1") == "/numbers/{n}"
    assert template("/numbers/one") == "unmatched"
    assert template("/static/css/a.css") == "/static/{path}"
    assert template("/sub/page/1") == "/sub/page/{p}"


def test_what_no_route_has_is_unmatched() -> None:
    for path in ("/", "/api", "/api/v1/catalogue/items/1/2/3", "/things/", ""):
        assert template(path) == "unmatched"


def test_a_root_path_is_taken_off() -> None:
    assert template("/prefix/health", root_path="/prefix") == "/health"


def test_a_safe_path_hides_user_ids_alone() -> None:
    routes = table()
    user = routes.resolve("/users/jane/x", "GET")
    assert user.safe_path("/users/jane/x") == f"/users/{hash_user('jane')}/x"
    prefixed = routes.resolve("/p/users/jane/x", "GET", "/p")
    assert prefixed.safe_path("/p/users/jane/x") == f"/p/users/{hash_user('jane')}/x"
    assert routes.resolve("/things/1", "GET").safe_path("/things/1") == "/things/1"
    assert len(routes.resolve("/" + "x" * 999, "GET").safe_path("/" + "x" * 999)) == 200


def test_a_static_path_of_another_method_does_not_hide_a_template() -> None:
    assert template("/things/tidy", "DELETE") == "/things/tidy"
    assert template("/things/tidy", "GET") == "/things/{a}"
    assert template("/things/tidy", "PATCH") == "/things/tidy"
