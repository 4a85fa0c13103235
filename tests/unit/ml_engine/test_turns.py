"""Whose training job is next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from contracts.training import JobStatus, ModelType, TrainingJob
from ml_engine.training.ports import OpenJob
from ml_engine.training.turns import next_job

START = datetime(2026, 1, 1, tzinfo=UTC)


def job(number: int, tenant_id: str, status: JobStatus = JobStatus.QUEUED) -> OpenJob:
    made = TrainingJob(
        job_id=f"{tenant_id}{number}",
        tenant_id=tenant_id,
        snapshot_id="0",
        model_type=ModelType.TWO_TOWER,
        seed=0,
        status=status,
        stage="",
        progress=0.0,
        created_at=START + timedelta(minutes=number),
    )
    return OpenJob(made)


def order(waiting: list[OpenJob]) -> list[str]:
    """One after another, each beginning a minute after the one before."""
    done: list[str] = []
    while (chosen := next_job(waiting)) is not None:
        done.append(chosen.job.job_id)
        now = START + timedelta(minutes=len(done))
        tenant_id = chosen.job.tenant_id
        waiting = [
            replace(one, last_turn=now if one.job.tenant_id == tenant_id else one.last_turn)
            for one in waiting
            if one is not chosen
        ]
    return done


def test_one_tenants_many_jobs_do_not_hold_up_the_others() -> None:
    waiting = [job(n, "a") for n in range(4)] + [job(8, "b"), job(9, "c"), job(10, "b")]
    assert order(waiting) == ["a0", "b8", "c9", "a1", "b10", "a2", "a3"]


def test_what_a_stop_interrupted_goes_first() -> None:
    waiting = [job(1, "a"), job(2, "b"), job(3, "a", JobStatus.RUNNING)]
    assert order(waiting) == ["a3", "b2", "a1"]


def test_nobody_is_next_where_nobody_waits() -> None:
    assert next_job([]) is None
