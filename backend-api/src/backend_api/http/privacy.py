"""Routes: erasure and export of a user's data."""

from fastapi import APIRouter

from backend_api.domain.cursors import from_cursor, to_cursor
from backend_api.domain.erasures import Erasure
from backend_api.http import examples
from backend_api.http.authentication import AdminCaller
from backend_api.http.openapi import answer, read_problems, write_problems
from backend_api.http.parameters import Limit, PageCursor, UserId
from backend_api.http.product_state import Provided
from backend_api.services.erasures import NEWEST
from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.privacy import ErasureReceipt, UserExport
from instrumentation.context import identify

router = APIRouter(prefix="/api/v1", tags=["privacy"])
_AWAY = "data_pipeline_unavailable"


@router.get(
    "/users/{user_id:path}/export",
    responses={
        200: answer("Everything that is stored.", examples.EXPORT),
        **read_problems("user_not_found", _AWAY),
    },
    summary="Export a user's data",
)
async def export_user(user_id: UserId, caller: AdminCaller, product: Provided) -> UserExport:
    """Everything that is stored of a user: profile, events, merged ids, recommendations given."""
    identify(user_id=user_id)
    return await product.exports.export(caller.tenant_id, user_id)


@router.delete(
    "/users/{user_id:path}",
    responses={
        200: answer("The receipt.", examples.RECEIPT),
        **write_problems(_AWAY),
    },
    summary="Erase a user",
)
async def erase_user(user_id: UserId, caller: AdminCaller, product: Provided) -> ErasureReceipt:
    """Remove everything that is stored of a user, and answer a dated receipt.

    The receipt names each place, what was removed there, and what a count found afterwards. It
    is kept, and so names the user by a keyed hash only. Asking again is safe: it completes what
    was cut off, and otherwise answers a new receipt. An unknown user has nothing to remove.
    """
    identify(user_id=user_id)
    return _receipt(await product.erasures.erase(caller.tenant_id, user_id))


@router.get(
    "/erasures",
    responses={
        200: answer("One page of receipts.", examples.page(examples.RECEIPT)),
        **read_problems("invalid_cursor"),
    },
    summary="List erasures",
)
async def list_erasures(
    caller: AdminCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Page[ErasureReceipt]:
    """Receipts, newest first."""
    before = NEWEST if cursor is None else str(from_cursor(cursor, str)[0])
    rows = await product.erasures.list_before(caller.tenant_id, before, limit + 1)
    more = len(rows) > limit
    return Page[ErasureReceipt](
        data=[_receipt(row) for row in rows[:limit]],
        next_cursor=to_cursor(rows[limit - 1].erasure_id) if more else None,
    )


@router.get(
    "/erasures/{erasure_id}",
    responses={
        200: answer("The receipt.", examples.RECEIPT),
        **read_problems("erasure_not_found"),
    },
    summary="Get an erasure",
)
async def get_erasure(erasure_id: str, caller: AdminCaller, product: Provided) -> ErasureReceipt:
    """One receipt as it was answered."""
    return _receipt(await product.erasures.get(caller.tenant_id, erasure_id))


def _receipt(erasure: Erasure) -> ErasureReceipt:
    return ErasureReceipt(
        erasure_id=erasure.erasure_id,
        user_id_hash=erasure.user_id_hash,
        requested_at=erasure.requested_at,
        completed_at=erasure.ended_at,
        places=list(erasure.places),
        complete=all(place.remaining == 0 for place in erasure.places),
    )
