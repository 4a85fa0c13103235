"""Metrics of ml-engine."""

from typing import Final

from instrumentation.catalogue.family import (
    FINE_LATENCY,
    ML_ENGINE,
    RETRIEVAL_STAGE,
    TRAINING_DURATION,
    Metric,
)


def _quality(measure: str, words: str) -> Metric:
    return Metric(
        f"model_quality_{measure}_at_10", "gauge", f"{words} at 10 of a model version, held out.",
        ("tenant_id", "model_version"), "ratio", ML_ENGINE,
        note="full ranking on a temporal split",
    )  # fmt: skip


METRICS: Final = (
    Metric(
        "training_job_total", "counter", "Training jobs started.",
        ("tenant_id", "model_type"), "jobs", ML_ENGINE,
    ),
    Metric(
        "training_job_status", "gauge",
        "State of a job: 0 queued, 1 running, 2 completed, 3 failed, 4 cancelled.",
        ("job_id", "tenant_id"), "state", ML_ENGINE,
        note="remove the series of old jobs with `Metrics.forget`, else they grow for ever",
    ),
    Metric(
        "training_job_completed_total", "counter", "Training jobs that completed.",
        ("tenant_id",), "jobs", ML_ENGINE,
    ),
    Metric(
        "training_job_failures_total", "counter", "Training jobs that failed.",
        ("tenant_id", "error_type"), "jobs", ML_ENGINE,
    ),
    Metric(
        "training_job_takeovers_total", "counter",
        "Training jobs begun again after the replica that ran them stopped or fell silent.",
        ("tenant_id",), "jobs", ML_ENGINE,
    ),
    Metric(
        "model_promotions_refused_total", "counter",
        "New models that were kept but do not serve, because they did not pass the gate.",
        ("tenant_id", "reason"), "models", ML_ENGINE,
        note="reason is no_better_than_popularity or worse_than_serving",
    ),
    Metric(
        "models_removed_total", "counter",
        "Models that were removed because a tenant has as many newer ones as are kept.",
        ("tenant_id",), "models", ML_ENGINE,
        note="MODELS_KEPT says how many; what serves, served just before or is pinned stays",
    ),
    Metric(
        "training_job_duration_seconds", "histogram", "Time of one training job.",
        ("tenant_id", "model_type"), "seconds", ML_ENGINE, TRAINING_DURATION,
    ),
    _quality("ndcg", "Normalised discounted cumulative gain"),
    _quality("map", "Mean average precision"),
    _quality("precision", "Precision"),
    _quality("recall", "Recall"),
    Metric(
        "ml_model_inference_duration_seconds", "histogram", "Time of one stage of retrieval.",
        ("operation", "model_version"), "seconds", ML_ENGINE, RETRIEVAL_STAGE,
        note="operation is embedding_lookup, ann_search or reranking; carries exemplars",
    ),
    Metric(
        "embedding_generation_duration_seconds", "histogram",
        "Time to compute the embeddings of one request.",
        ("model_name",), "seconds", ML_ENGINE, FINE_LATENCY,
    ),
    Metric(
        "embedding_operations_total", "counter", "Embedding operations by outcome.",
        ("operation_type", "status"), "operations", ML_ENGINE,
    ),
    Metric(
        "faiss_search_duration_seconds", "histogram", "Time of one FAISS search.",
        ("index_type",), "seconds", ML_ENGINE, FINE_LATENCY,
        note="index_type scan is no FAISS: boosts and diversity score every item",
    ),
    Metric(
        "model_version_deployed", "gauge", "When the model that serves was made, in Unix seconds.",
        ("tenant_id", "model_name"), "version", ML_ENGINE,
    ),
    Metric(
        "ml_recommendation_quality", "gauge",
        "What the report of the model that serves a tenant measures, held out.",
        ("tenant_id", "metric"), "value", ML_ENGINE,
        note="metric is a measure at 10 of the report: ndcg, map, precision, recall, hit_rate, "
        "mrr, coverage and diversity are ratios, novelty is in bits, miscalibration in nats, "
        "popularity_bias 0.5 for the average item",
    ),
    Metric(
        "answer_cache_hits_total", "counter",
        "Recommendations made before by the same model, catalogue, history and options.",
        (), "answers", ML_ENGINE,
    ),
    Metric(
        "answer_cache_misses_total", "counter",
        "Recommendations that were made anew; those of batches are in neither.",
        (), "answers", ML_ENGINE,
    ),
    Metric(
        "embedding_cache_hits_total", "counter",
        "Items of histories whose vector was at hand to encode a user.",
        (), "items", ML_ENGINE,
    ),
    Metric(
        "embedding_cache_misses_total", "counter",
        "Items of histories that no vector in memory stood for, and that so told nothing.",
        (), "items", ML_ENGINE,
        note="items that the catalogue never named, and all of a tenant without a model",
    ),
    Metric(
        "embedding_cache_age_seconds", "gauge",
        "How long ago the vectors in memory were last known to be the newest.",
        (), "seconds", ML_ENGINE,
        note="of the tenant that is worst off; the newest are those of the version that the "
        "registry names, with the whole catalogue; looked at once a minute; 0 without a model",
    ),
    Metric(
        "ann_recall", "gauge",
        "Share of the 10 items of an exact search that the index found, mean of 100 searches.",
        ("tenant_id",), "ratio", ML_ENGINE,
        note="live searches, one a second at most; an exact index has 1",
    ),
    Metric(
        "ann_recall_when_built", "gauge",
        "Share of the 10 items of an exact search that the serving index found when it was built.",
        ("tenant_id", "index_type"), "ratio", ML_ENGINE,
        note="index_type is flat (exact, 1), ivf or hnsw, whichever was chosen by measuring",
    ),
)  # fmt: skip
