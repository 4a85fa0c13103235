"""Whose training job is next."""

from datetime import UTC, datetime, timedelta

from contracts.training import JobStatus, ModelType, TrainingJob
from ml_engine.training.turns import Turns


def job(number: int, tenant_id: str, status: JobStatus = JobStatus.QUEUED) -> TrainingJob:
    return TrainingJob(
        job_id=f"{tenant_id}{number}",
        tenant_id=tenant_id,
        snapshot_id="0",
        model_type=ModelType.TWO_TOWER,
        seed=0,
        status=status,
        stage="",
        progress=0.0,
        created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
    )


def order(waiting: list[TrainingJob]) -> list[str]:
    turns, done = Turns(), []
    while (chosen := turns.next(waiting)) is not None:
        turns.taken(chosen, waiting)
        waiting = [one for one in waiting if one is not chosen]
        done.append(chosen.job_id)
    return done


def test_one_tenants_many_jobs_do_not_hold_up_the_others() -> None:
    waiting = [job(n, "a") for n in range(4)] + [job(8, "b"), job(9, "c"), job(10, "b")]
    assert order(waiting) == ["a0", "b8", "c9", "a1", "b10", "a2", "a3"]


def test_what_a_stop_interrupted_goes_first() -> None:
    waiting = [job(1, "a"), job(2, "b"), job(3, "a", JobStatus.RUNNING)]
    assert order(waiting) == ["a3", "b2", "a1"]


def test_nobody_is_next_where_nobody_waits() -> None:
    assert Turns().next([]) is None
