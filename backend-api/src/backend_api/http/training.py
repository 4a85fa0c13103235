"""Routes: training jobs and the training schedule."""

from fastapi import APIRouter, Request, Response, status

from backend_api.domain.schedules import Schedule
from backend_api.http import examples
from backend_api.http.answers import json_answer
from backend_api.http.authentication import ReadingCaller, WritingCaller
from backend_api.http.bodies import read_json, read_optional_json
from backend_api.http.openapi import (
    answer,
    json_body,
    read_problems,
    write_body_problems,
    write_problems,
)
from backend_api.http.parameters import Limit, ModelJobId, PageCursor
from backend_api.http.product_state import Provided
from contracts.pages import DEFAULT_PAGE, Page
from contracts.public.training import ScheduledTraining, TrainingRequest, TrainingSchedule
from contracts.training import TrainingJob

router = APIRouter(prefix="/api/v1", tags=["training"])
_AWAY = "ml_engine_unavailable"


@router.post(
    "/training-jobs",
    response_model=TrainingJob,
    status_code=status.HTTP_202_ACCEPTED,
    responses={
        202: answer("The job is queued.", examples.JOB),
        **write_body_problems(
            "empty_snapshot", "too_many_training_jobs", "data_pipeline_unavailable", _AWAY
        ),
    },
    openapi_extra=json_body(TrainingRequest, examples.TRAINING, required=False),
    summary="Train a model",
)
async def start_training(request: Request, caller: WritingCaller, product: Provided) -> Response:
    """Train a model from everything that was sent so far; as soon as it is trained, it serves.

    Unless it is no better than popularity or worse than the model that serves: then it is kept, the
    job's `not_promoted` says why, and it can be activated. Without a body the defaults are trained.
    """
    wanted = await read_optional_json(request, TrainingRequest)
    job = await product.training.start(caller.tenant_id, wanted)
    return json_answer(job, status.HTTP_202_ACCEPTED)


@router.get(
    "/training-jobs",
    responses={
        200: answer("One page of jobs.", examples.page(examples.JOB)),
        **read_problems("invalid_cursor", _AWAY),
    },
    summary="List training jobs",
)
async def list_training_jobs(
    caller: ReadingCaller,
    product: Provided,
    limit: Limit = DEFAULT_PAGE,
    cursor: PageCursor = None,
) -> Page[TrainingJob]:
    """Training jobs, newest first."""
    return await product.ml_engine.training_jobs(caller.tenant_id, limit=limit, cursor=cursor)


@router.get(
    "/training-jobs/{job_id}",
    responses={
        200: answer("The job.", examples.JOB),
        **read_problems("training_job_not_found", _AWAY),
    },
    summary="Get a training job",
)
async def get_training_job(
    job_id: ModelJobId, caller: ReadingCaller, product: Provided
) -> TrainingJob:
    """How a training job stands: its stage, its progress, the model that it made."""
    return await product.ml_engine.training_job(caller.tenant_id, job_id)


@router.post(
    "/training-jobs/{job_id}/cancel",
    responses={
        200: answer("The job as it stands.", examples.JOB),
        **write_problems("training_job_not_found", "training_job_ended", _AWAY),
    },
    summary="Cancel a training job",
)
async def cancel_training_job(
    job_id: ModelJobId, caller: WritingCaller, product: Provided
) -> TrainingJob:
    """End a training job that has not ended; the model that serves stays."""
    return await product.ml_engine.cancel_training(caller.tenant_id, job_id)


@router.get(
    "/training-schedule",
    response_model=ScheduledTraining,
    responses={
        200: answer("The schedule.", examples.SCHEDULED),
        **read_problems("schedule_not_found"),
    },
    summary="Get the training schedule",
)
async def get_schedule(caller: ReadingCaller, product: Provided) -> Response:
    """When a model is trained next, and how the last run ended."""
    return json_answer(_shown(await product.schedules.get(caller.tenant_id)))


@router.put(
    "/training-schedule",
    response_model=ScheduledTraining,
    responses={
        200: answer("The schedule as it is now.", examples.SCHEDULED),
        **write_body_problems(),
    },
    openapi_extra=json_body(TrainingSchedule, examples.SCHEDULE),
    summary="Put the training schedule",
)
async def put_schedule(request: Request, caller: WritingCaller, product: Provided) -> Response:
    """Train again every so many hours, or when so many events are new: whichever comes first.

    `every_hours` runs first that many hours from now. `min_new_events` runs once that many events
    came since the last training snapshot; this is looked at every minute, and after a run again in
    ten. `next_run_at` is absent without `every_hours`.

    A run that makes no job is kept as `last_error`. It is tried again in ten minutes with
    `min_new_events`, else at the next time.
    """
    wanted = await read_json(request, TrainingSchedule)
    return json_answer(_shown(await product.schedules.put(caller.tenant_id, wanted)))


@router.delete(
    "/training-schedule",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=write_problems("schedule_not_found"),
    summary="Delete the training schedule",
)
async def delete_schedule(caller: WritingCaller, product: Provided) -> None:
    """Train no more by itself; a job that runs goes on."""
    await product.schedules.delete(caller.tenant_id)


def _shown(schedule: Schedule) -> ScheduledTraining:
    return ScheduledTraining(
        **schedule.parameters.model_dump(),
        every_hours=schedule.every_hours,
        min_new_events=schedule.min_new_events,
        next_run_at=schedule.next_run_at,
        last_job_id=schedule.last_job_id,
        last_error=schedule.last_error,
    )
