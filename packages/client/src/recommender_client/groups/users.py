"""Users, and what they may ask for: their data, and its erasure."""

from collections.abc import Iterable

from contracts.events import BatchResult, History
from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.privacy import ErasureReceipt, UserExport
from contracts.users import (
    StoredUser,
    UserBatch,
    UserChanges,
    UserMerge,
    UserMerged,
    UserProfile,
)
from recommender_client.calls import IF_NEW, Call, Plan, at_version, fetch, write
from recommender_client.groups.batches import Record, in_batches
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT

_user = StoredUser.model_validate_json
_user_page = Page[StoredUser].model_validate_json
_receipt = ErasureReceipt.model_validate_json
_receipt_page = Page[ErasureReceipt].model_validate_json


class Users(Group[RunnerT]):
    """The people who act, and anonymous sessions.

    `if_version` is the `version` that the record must still have, so that nobody's change is
    lost; where it has another one, `VersionConflict` is raised.
    """

    @Operation
    def send(self, users: Iterable[Record]) -> Plan[BatchResult]:
        """Create or replace users, in a request for each 10,000.

        Look at `rejected` for those that were not stored. A request of which all were rejected
        raises `InvalidRequest`.
        """
        return in_batches(users, lambda rows: UserBatch(users=rows), "users")

    @Operation
    def put(
        self, user_id: str, profile: UserProfile, *, if_version: int | None = None
    ) -> Call[StoredUser]:
        """Create or replace a user's profile."""
        condition = at_version(if_version)
        return write("PUT", _user, "users", user_id, body=profile, condition=condition)

    @Operation
    def create(self, user_id: str, profile: UserProfile) -> Call[StoredUser]:
        """Create a user's profile; `VersionConflict` where there is one of this id."""
        return write("PUT", _user, "users", user_id, body=profile, condition=IF_NEW)

    @Operation
    def patch(
        self, user_id: str, changes: UserChanges, *, if_version: int | None = None
    ) -> Call[StoredUser]:
        """Change what `changes` sets; an attribute of None is taken away."""
        condition = at_version(if_version)
        return write("PATCH", _user, "users", user_id, body=changes, condition=condition)

    @Operation
    def get(self, user_id: str) -> Call[StoredUser]:
        """One user's profile."""
        return fetch(_user, "users", user_id)

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[StoredUser]:
        """All users, by id."""
        return pages(_user_page, "users", page_size=page_size)

    @Operation
    def history(self, user_id: str) -> Call[History]:
        """A user's recent events, oldest first."""
        return fetch(History.model_validate_json, "users", user_id, "history")

    @Operation
    def merge(self, user_id: str, from_user_id: str) -> Call[UserMerged]:
        """An anonymous session turns out to be a user: its events become the user's."""
        body = UserMerge(from_user_id=from_user_id)
        return write("POST", UserMerged.model_validate_json, "users", user_id, "merge", body=body)

    @Operation
    def export(self, user_id: str) -> Call[UserExport]:
        """Everything that is stored of a user. Takes a key with the scope `admin`."""
        return fetch(UserExport.model_validate_json, "users", user_id, "export")

    @Operation
    def erase(self, user_id: str) -> Call[ErasureReceipt]:
        """Remove everything that is stored of a user. Takes a key with the scope `admin`."""
        return write("DELETE", _receipt, "users", user_id)


class Erasures(Group[RunnerT]):
    """Receipts of erasures. Take a key with the scope `admin`."""

    @Operation
    def get(self, erasure_id: str) -> Call[ErasureReceipt]:
        """One receipt."""
        return fetch(_receipt, "erasures", erasure_id)

    @Paged
    def list(self, *, page_size: int = DEFAULT_PAGE) -> Pages[ErasureReceipt]:
        """All receipts, newest first."""
        return pages(_receipt_page, "erasures", page_size=page_size)
