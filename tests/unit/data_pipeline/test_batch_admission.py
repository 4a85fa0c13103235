"""What is in work at once is bounded, for all and for each tenant."""

from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from data_pipeline.domain.errors import TooManyBatches
from data_pipeline.services.batch_admission import BatchAdmission

pytestmark = pytest.mark.anyio


async def parts(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


def test_so_many_batches_are_in_work_and_half_of_them_of_one_tenant() -> None:
    admission = BatchAdmission(4, 1_000)
    with ExitStack() as work:
        for tenant in ("a", "a", "b"):
            work.enter_context(admission.admitted(tenant))
        with pytest.raises(TooManyBatches), admission.admitted("a"):
            pass
        with admission.admitted("c"), pytest.raises(TooManyBatches), admission.admitted("d"):
            pass
        work.enter_context(admission.admitted("d"))
    with admission.admitted("a"), admission.admitted("a"):
        pass


async def test_bytes_count_as_they_are_read_and_go_with_their_batch() -> None:
    admission = BatchAdmission(10, 100)
    with admission.admitted("a") as first:
        assert await first.read(parts(30, 20)) == b"x" * 50
        with admission.admitted("a") as second, pytest.raises(TooManyBatches):
            await second.read(parts(1))
        with admission.admitted("b") as second:
            await second.read(parts(50))
            with admission.admitted("c") as third, pytest.raises(TooManyBatches):
                await third.read(parts(1))
        with admission.admitted("c") as third:
            assert len(await third.read(parts(25, 25))) == 50
    with admission.admitted("a") as first, admission.admitted("b") as second:
        await first.read(parts(50))
        await second.read(parts(50))


async def test_a_batch_that_is_alone_is_let_in_however_large() -> None:
    admission = BatchAdmission(10, 100)
    with admission.admitted("a") as alone:
        assert len(await alone.read(parts(500, 500))) == 1_000


async def test_a_batch_that_fails_leaves_nothing_behind() -> None:
    admission = BatchAdmission(2, 100)

    async def fail() -> None:
        with admission.admitted("a") as batch:
            await batch.read(parts(90))
            raise ZeroDivisionError

    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            await fail()
    with admission.admitted("a"), admission.admitted("b"):
        pass
