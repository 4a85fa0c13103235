"""Scenarios: named presets of how an answer shall look."""

from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.recommendations import Scenario, ScenarioSettings
from contracts.recommendations import RankingOptions
from recommender_client.calls import Call, fetch, nothing, write
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT

_scenario = Scenario.model_validate_json
_scenario_page = Page[Scenario].model_validate_json


class Scenarios(Group[RunnerT]):
    """Presets such as home, product page and cart, for requests to name."""

    @Operation
    def put(self, name: str, options: RankingOptions) -> Call[Scenario]:
        """Create or replace a preset: what `options` sets applies where a request does not."""
        body = ScenarioSettings(options=options)
        return write("PUT", _scenario, "scenarios", name, body=body)

    @Operation
    def get(self, name: str) -> Call[Scenario]:
        """One preset."""
        return fetch(_scenario, "scenarios", name)

    @Operation
    def delete(self, name: str) -> Call[None]:
        """Remove a preset."""
        return write("DELETE", nothing, "scenarios", name)

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[Scenario]:
        """All presets, by name."""
        return pages(_scenario_page, "scenarios", page_size=page_size)
