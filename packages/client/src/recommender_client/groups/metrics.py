"""What browsers measure."""

from contracts.public.web_vitals import WebVitals
from recommender_client.calls import Call, nothing, write
from recommender_client.operations import Group, Operation, RunnerT


class Metrics(Group[RunnerT]):
    """Reports of how the pages are on which recommendations stand."""

    @Operation
    def report(self, vitals: WebVitals) -> Call[None]:
        """Hand in the web vitals of one view of a page."""
        return write("POST", nothing, "metrics", "report", body=vitals)
