"""Erases a person from every place where data-pipeline keeps something."""

from collections.abc import Callable, Sequence

from backends.ports import FeatureReader
from contracts.users import ErasedPlace, UserErased
from data_pipeline.domain.import_ports import ErasedUsers
from data_pipeline.domain.ports import PersonStore
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.quarantine import QuarantinedRecords
from data_pipeline.services.snapshots import Snapshots


class Erasure:
    """Removes a person, the ids merged into it included, and counts again afterwards."""

    def __init__(
        self,
        people: PersonStore,
        quarantine: QuarantinedRecords,
        snapshots: Snapshots,
        marks: ErasedUsers,
        features: FeatureReader,
        projection: FeatureProjection,
        now_ms: Callable[[], int],
    ) -> None:
        self._people = people
        self._quarantine = quarantine
        self._snapshots = snapshots
        self._marks = marks
        self._features = features
        self._projection = projection
        self._now_ms = now_ms

    async def erase(self, tenant_id: str, user_id: str) -> UserErased:
        """Remove a person; of one who is not known nothing is removed.

        The snapshots go first, while all ids are known: so an erasure that was cut off is
        completed by asking again. What is sent of the user later is kept as anyone's.

        Raises:
            PortUnavailable: something may be left; ask again.
        """
        user_ids = await self._people.ids(tenant_id, user_id)
        await self._marks.mark(tenant_id, user_ids, self._now_ms())
        async with self._snapshots.standing_still():
            snapshots = await self._snapshots.remove_holding(tenant_id, user_ids)
            features = await self._in_features(tenant_id, user_ids)
            erased = await self._people.erase(tenant_id, user_ids)
            # Ids that were merged into the person meanwhile.
            late = sorted(set(erased.user_ids) - set(user_ids))
            if late:
                await self._marks.mark(tenant_id, late, self._now_ms())
                snapshots += await self._snapshots.remove_holding(tenant_id, late)
            quarantined = await self._quarantine.erase(tenant_id, erased.user_ids)
            await self._projection.settle(erased.correction)
            left = await self._people.verify_erased(tenant_id, erased.user_ids)
            held = await self._snapshots.count_holding(tenant_id, erased.user_ids)
        removed = erased.removed
        still = await self._in_features(tenant_id, erased.user_ids)
        waiting = len(await self._quarantine.of_users(tenant_id, erased.user_ids))
        places = {
            "event log": (removed.events, left.events),
            "user profiles": (removed.profiles, left.profiles),
            "merged ids": (removed.merged_ids, left.merged_ids),
            "quarantine": (quarantined, waiting),
            "feature store": (features, still),
            "training snapshots": (snapshots, held),
        }
        return UserErased(
            user_id=user_id,
            places=[
                ErasedPlace(place=place, removed=gone, remaining=remaining)
                for place, (gone, remaining) in places.items()
            ],
        )

    async def _in_features(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """How many events the histories of these users have, and how many attributes they."""
        found = [await self._features.user(tenant_id, user_id) for user_id in user_ids]
        return sum(len(user.events) + len(user.attributes) for user in found)
