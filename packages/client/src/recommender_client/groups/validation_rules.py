"""The rules that records are checked by."""

from contracts.pages import DEFAULT_PAGE, Page
from contracts.validation_rules import RuleSet, RuleSetVersion
from recommender_client.calls import Call, fetch, nothing, write
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT

_version = RuleSetVersion.model_validate_json
_version_page = Page[RuleSetVersion].model_validate_json


class ValidationRules(Group[RunnerT]):
    """What you ask of your records beyond the shape that all records have."""

    @Operation
    def get(self) -> Call[RuleSetVersion]:
        """The rules in force; version 0 is the standard."""
        return fetch(_version, "validation-rules")

    @Operation
    def replace(self, rules: RuleSet) -> Call[RuleSetVersion]:
        """Make a new version, by which records are checked from now on.

        What `rules` does not set is as in the standard.
        """
        return write("PUT", _version, "validation-rules", body=rules)

    @Operation
    def reset(self) -> Call[None]:
        """Go back to the standard; the versions before stay listed."""
        return write("DELETE", nothing, "validation-rules")

    @Paged
    def versions(self, *, page_size: int = DEFAULT_PAGE) -> Pages[RuleSetVersion]:
        """Every version that was set, newest first."""
        return pages(_version_page, "validation-rules", "versions", page_size=page_size)
