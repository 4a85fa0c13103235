"""The three services, what they stand on and the stack that watches them: all to be broken."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import anyio
from tests.kafka_broker import KafkaBroker, KafkaUnavailable
from tests.postgres_server import PostgresServer
from tests.redis_server import RedisServer
from tests.stack import postgres_exporter
from tests.stack.postgres_exporter import PostgresExporter
from tests.system.processes import System, running_system, service_command, trained

from launcher.sample.simulator import SimulatorSettings, simulate
from recommender_client import Recommender
from recommender_client.models import Item, PlanSettings, RateLimit, RouteClass
from stack.programs import Pace, Ports, Sampling, Stack, running_stack
from stack.programs.processes import Program
from stack.programs.running import running

# The exporter of PostgreSQL tries for three seconds before it says that there is none.
SLOW_JOBS: Final = {"postgres-exporter": 5.0}
# A service on a busy machine may need more than a second for a scrape.
PACE: Final = Pace(interval=2, hold=2, window=16, group=0.5, mute_times=False, jobs=SLOW_JOBS)
TOPIC: Final = "recommender.events"
NARROW: Final = PlanSettings(
    limits={RouteClass.SERVING: RateLimit(per_second=1, burst=1)},
    price_per_1000_requests=Decimal(0),
    currency="EUR",
)


@dataclass(frozen=True, slots=True)
class World:
    """What runs, and the keys of three tenants: with a model, with a narrow limit, with no data."""

    folder: Path
    system: System
    stack: Stack
    redis: RedisServer
    redis_exporter: Program
    kafka: KafkaBroker | None
    postgres: PostgresServer | None
    shop: str
    narrow: str
    empty: str

    def shopping(self) -> Recommender:
        """A client of the tenant with a model."""
        return self.system.recommender(self.shop)


@contextmanager
def running_world(folder: Path) -> Generator[World]:
    """All of it, with a model trained and the first scrapes done."""
    with ExitStack() as cleanup:
        redis = RedisServer(folder)
        cleanup.callback(redis.kill)
        anyio.run(redis.start)
        kafka = _kafka(folder / "kafka", cleanup)
        postgres = _postgres(cleanup)
        ports = Ports.free()
        settings = {
            "REDIS_URL": redis.url,
            "OTLP_ENDPOINT": f"http://127.0.0.1:{ports.collector_otlp_http}",
            "ENVIRONMENT": "test",
            **({} if kafka is None else {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}),
        }
        system = cleanup.enter_context(running_system(folder, command=service_command, **settings))
        services = {name: [f"127.0.0.1:{port}"] for name, port in system.ports.items()}
        if postgres is not None:
            exporter = PostgresExporter(folder, postgres)
            cleanup.enter_context(running(exporter))
            services["postgres-exporter"] = [exporter.address]
        stack = cleanup.enter_context(
            running_stack(
                folder / "stack",
                services,
                ports=ports,
                pace=PACE,
                sampling=Sampling(decision_wait="1s"),
                redis_url=redis.url,
                environment="test",
            )
        )
        (redis_exporter,) = (one for one in stack.exporters if one.name == "redis-exporter")
        keys = _tenants(system)
        yield World(folder, system, stack, redis, redis_exporter, kafka, postgres, *keys)


def _tenants(system: System) -> tuple[str, str, str]:
    with system.operator() as operator:
        operator.plans.put("narrow", NARROW)
    shop = system.new_tenant("shop", plan_id="enterprise")
    narrow = system.new_tenant("narrow", plan_id="narrow")
    empty = system.new_tenant("empty", plan_id="enterprise")
    sample = simulate(SimulatorSettings(users=200, items=200, events=4_000))
    with system.recommender(shop) as client:
        client.items.send(sample.items)
        client.events.send(sample.events)
        trained(client)
        client.recommendations.for_user("u1")
    with system.recommender(narrow) as client:
        client.items.send([Item(item_id="i1", title="One")])
    return shop, narrow, empty


def _kafka(folder: Path, cleanup: ExitStack) -> KafkaBroker | None:
    folder.mkdir()
    try:
        broker = KafkaBroker(folder)
    except KafkaUnavailable:
        return None
    cleanup.callback(broker.stop)
    broker.start()
    broker.create_topic(TOPIC)
    return broker


def _postgres(cleanup: ExitStack) -> PostgresServer | None:
    if not postgres_exporter.is_here():
        return None
    server = PostgresServer()
    cleanup.callback(server.close)
    server.start()
    return server
