"""From a path to its route template, before the application runs.

FastAPI keeps an included router as one entry of `app.routes` and builds its routes on demand,
so the entries are unfolded by the methods they offer, without importing FastAPI.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from re import Match, Pattern
from typing import Any, Final

from starlette.routing import BaseRoute, Mount, compile_path

from instrumentation.context import hash_user

UNMATCHED: Final = "unmatched"
_USER_PARAMETER: Final = "user_id"
_MAX_PATH: Final = 200


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The template of a path; `path` is the path fit for logs, user ids in it hashed."""

    template: str
    match: Match[str] | None = None

    def safe_path(self, path: str) -> str:
        """`path` with the value of a `{user_id}` parameter hashed, cut to 200 characters."""
        match = self.match
        if match is None or _USER_PARAMETER not in match.re.groupindex:
            return path[:_MAX_PATH]
        start, end = match.span(_USER_PARAMETER)
        # The match ran on the path without its root path, so count from the end.
        prefix = len(path) - len(match.string)
        hashed = hash_user(match.group(_USER_PARAMETER))
        return f"{path[: prefix + start]}{hashed}{path[prefix + end :]}"[:_MAX_PATH]


@dataclass(frozen=True, slots=True)
class _Dynamic:
    pattern: Pattern[str]
    methods: frozenset[str]
    result: str


class RouteTable:
    """Static paths by a dict, the others by their patterns in the order of declaration."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._static: dict[str, tuple[RouteMatch, set[str]]] = {}
        self._dynamic: dict[int, list[_Dynamic]] = {}
        self._deep: list[_Dynamic] = []
        self._unmatched = RouteMatch(UNMATCHED)
        for path, methods in _templates(routes, ""):
            self._add(path, methods)

    def resolve(self, path: str, method: str, root_path: str = "") -> RouteMatch:
        """The template of `path`, `unmatched` where no route has it whatever the method."""
        if root_path and path.startswith(root_path):
            path = path[len(root_path) :]
        other: RouteMatch | None = None
        static = self._static.get(path)
        if static is not None:
            other, methods = static
            if not methods or method in methods:
                return other
        for candidate in self._dynamic.get(path.count("/"), self._deep):
            match = candidate.pattern.match(path)
            if match is None:
                continue
            found = RouteMatch(candidate.result, match)
            if not candidate.methods or method in candidate.methods:
                return found
            other = other or found
        return other or self._unmatched

    def _add(self, path: str, methods: frozenset[str]) -> None:
        pattern, template, parameters = compile_path(path)
        if not parameters:
            known = self._static.get(template)
            if known is None:
                self._static[template] = (RouteMatch(template), set(methods))
            elif methods:
                known[1].update(methods)
            return
        dynamic = _Dynamic(pattern, methods, template)
        # A path parameter may hold slashes: such a route is tried at every depth.
        if any(convertor.regex == ".*" for convertor in parameters.values()):
            self._deep.append(dynamic)
            for candidates in self._dynamic.values():
                candidates.append(dynamic)
            return
        depth = template.count("/")
        self._dynamic.setdefault(depth, list(self._deep)).append(dynamic)


def _templates(routes: Iterable[BaseRoute], prefix: str) -> Iterator[tuple[str, frozenset[str]]]:
    for route in routes:
        unfold: Any = getattr(route, "effective_route_contexts", None)
        if unfold is not None:
            effective = [getattr(one, "starlette_route", None) or one for one in unfold()]
            yield from _templates(effective, prefix)
            continue
        path: Any = getattr(route, "path", None)
        if not isinstance(path, str):
            continue
        if isinstance(route, Mount):
            yield from _templates(route.routes, prefix + path)
            yield f"{prefix}{path}/{{path:path}}", frozenset()
            continue
        methods: Iterable[str] = getattr(route, "methods", None) or ()
        yield prefix + path, frozenset(methods)
