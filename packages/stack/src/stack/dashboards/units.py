"""The units that panels use, as Grafana spells them."""

from typing import Final

from grafana_foundation_sdk.models import units

SECONDS: Final = units.Seconds
RATIO: Final = units.PercentUnit
BYTES: Final = units.BytesIEC
BYTES_PER_SECOND: Final = units.BytesPerSecondIEC
COUNT: Final = units.Short
REQUESTS_PER_SECOND: Final = units.RequestsPerSecond
OPERATIONS_PER_SECOND: Final = units.OpsPerSecond
EVENTS_PER_SECOND: Final = units.CountsPerSecond
MESSAGES_PER_SECOND: Final = units.MessagesPerSecond
SINCE: Final = units.DateTimeFromNow
CORES: Final = "suffix: cores"
ITEMS_PER_SECOND: Final = "suffix: items/s"
SPANS_PER_SECOND: Final = "suffix: spans/s"
LINES_PER_SECOND: Final = "suffix: lines/s"
RECORDS_PER_SECOND: Final = "suffix: records/s"
MONEY: Final = "suffix: (currency)"
# A number that stands for a state, shown by its name through a mapping.
STATE: Final = units.NoUnit
# Normalised figures from 0 to 1 that nobody reads as a percentage, like NDCG.
SCORE: Final = "none"
