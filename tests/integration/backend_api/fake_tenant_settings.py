"""What a tenant has set in data-pipeline, as backend-api meets it: event types and rules."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.integration.backend_api.internal_service import (
    MOMENT,
    Handler,
    InternalService,
    json_answer,
    not_found,
)

from contracts.events import EventTypeSettings, EventTypeWeight
from contracts.pages import Page
from contracts.validation_rules import RuleSet, RuleSetVersion
from web.problems import problem


class TenantSettings(InternalService):
    """Keeps the weights of event types, and all versions of the rules."""

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.rules: dict[str, list[RuleSetVersion]] = {}
        self.weights: dict[tuple[str, str], float] = {}

    def handlers(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "event-types", self._event_types),
            ("PUT", "event-types/{id}", self._set_event_type),
            ("DELETE", "event-types/{id}", self._delete_event_type),
            ("GET", "validation-rules", self._rules),
            ("PUT", "validation-rules", self._set_rules),
            ("DELETE", "validation-rules", self._delete_rules),
            ("GET", "validation-rules/versions", self._rules_versions),
        ]

    def _event_types(self, _: Request, tenant_id: str, __: bytes) -> Response:
        own = [name for tenant, name in self.weights if tenant == tenant_id]
        return JSONResponse([self._type(tenant_id, name).model_dump() for name in own])

    def _set_event_type(self, request: Request, tenant_id: str, body: bytes) -> Response:
        name = request.path_params["id"]
        self.weights[tenant_id, name] = EventTypeWeight.model_validate_json(body).weight
        return json_answer(self._type(tenant_id, name))

    def _delete_event_type(self, request: Request, tenant_id: str, _: bytes) -> Response:
        weight = self.weights.pop((tenant_id, request.path_params["id"]), None)
        return Response(status_code=204) if weight is not None else not_found("event_type")

    def _type(self, tenant_id: str, name: str) -> EventTypeSettings:
        return EventTypeSettings(
            event_type=name, weight=self.weights[tenant_id, name], standard=False
        )

    def _rules(self, _: Request, tenant_id: str, __: bytes) -> Response:
        standard = RuleSetVersion(version=0, created_at=None, rules=RuleSet())
        return json_answer(self.rules.get(tenant_id, [standard])[-1])

    def _set_rules(self, _: Request, tenant_id: str, body: bytes) -> Response:
        return json_answer(self._keep_rules(tenant_id, RuleSet.model_validate_json(body)))

    def _delete_rules(self, _: Request, tenant_id: str, __: bytes) -> Response:
        self._keep_rules(tenant_id, RuleSet())
        return Response(status_code=204)

    def _rules_versions(self, request: Request, tenant_id: str, _: bytes) -> Response:
        if request.query_params.get("cursor", "good") != "good":
            return problem(422, "invalid_cursor", "the cursor is not valid")
        rows, limit = self.rules.get(tenant_id, [])[::-1], int(request.query_params["limit"])
        cursor = "good" if len(rows) > limit else None
        return json_answer(Page[RuleSetVersion](data=rows[:limit], next_cursor=cursor))

    def _keep_rules(self, tenant_id: str, rules: RuleSet) -> RuleSetVersion:
        versions = self.rules.setdefault(tenant_id, [])
        added = RuleSetVersion(version=len(versions) + 1, created_at=MOMENT, rules=rules)
        versions.append(added)
        return added
