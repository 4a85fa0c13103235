"""Faults of what the services stand on: stores, the host, and the stack that watches them."""

import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio
from tests.real_processes import wait_for
from tests.stack.faulty_world import World
from tests.stack.sender import Sender

Calls = Callable[[], object]
DISK_BYTES: Final = 32 * 1024 * 1024
LONG_AGO_NS: Final = 400 * 24 * 3600 * 10**9


@contextmanager
def redis_killed(world: World) -> Generator[Calls]:
    """The Redis of the rate limits is killed."""
    world.redis.kill()
    try:
        yield _nothing
    finally:
        anyio.run(world.redis.start)


@contextmanager
def postgres_killed(world: World) -> Generator[Calls]:
    """PostgreSQL ends at once."""
    assert world.postgres is not None
    world.postgres.kill()
    try:
        yield _nothing
    finally:
        world.postgres.start()


@contextmanager
def disk_filled(world: World) -> Generator[Calls]:
    """A file system of this host has next to nothing left."""
    image, folder = world.folder / "disk.img", world.folder / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    try:
        (folder / "ballast").write_bytes(bytes(DISK_BYTES * 7 // 10))
        yield _nothing
        (folder / "ballast").unlink()
        _until_there_is_space(world, folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def processors_busy(world: World) -> Generator[Calls]:
    """Whatever processor time is left is used up, at the lowest priority."""
    context = multiprocessing.get_context("spawn")
    eaters = [context.Process(target=_eat, daemon=True) for _ in range(os.cpu_count() or 1)]
    for one in eaters:
        one.start()
    try:
        yield _nothing
    finally:
        for one in eaters:
            one.kill()
            one.join()


@contextmanager
def exporter_killed(world: World) -> Generator[Calls]:
    """The exporter of Redis is killed."""
    world.redis_exporter.kill()
    try:
        yield _nothing
    finally:
        world.redis_exporter.start()


@contextmanager
def jaeger_killed(world: World) -> Generator[Calls]:
    """Jaeger is killed."""
    world.stack.jaeger.kill()
    try:
        yield _nothing
    finally:
        world.stack.jaeger.start()


@contextmanager
def alertmanager_killed(world: World) -> Generator[Calls]:
    """Alertmanager was away until Prometheus noticed: it had nobody to tell meanwhile."""
    world.stack.alertmanager.kill()
    try:
        wait_for(lambda: world.stack.prometheus.firing("PrometheusNotificationsFailing"), bool)
    finally:
        world.stack.alertmanager.start()
    yield _nothing


@contextmanager
def configuration_broken(world: World) -> Generator[Calls]:
    """Prometheus is to read a configuration that is none."""
    prometheus = world.stack.prometheus
    sound = prometheus.config.read_text()
    prometheus.config.write_text("scrape_configs: what")
    assert prometheus.client.post("/-/reload").is_server_error
    try:
        yield _nothing
    finally:
        prometheus.config.write_text(sound)
        prometheus.client.post("/-/reload").raise_for_status()


@contextmanager
def secrets_let_slip(world: World) -> Generator[Calls]:
    """A service writes a password into a span."""
    sender = Sender(world.stack.collector.otlp_url)

    def call() -> None:
        sender.span("in a value", {"note": "got password=hunter2 here"})
        sender.flush()
        time.sleep(0.5)

    try:
        yield call
    finally:
        sender.close()


@contextmanager
def old_log_lines(world: World) -> Generator[Calls]:
    """Lines come that are older than Loki takes them."""

    def call() -> None:
        moment = str(time.time_ns() - LONG_AGO_NS)
        stream = {"stream": {"service": "test"}, "values": [[moment, "late"]]}
        answer = world.stack.loki.client.post("/loki/api/v1/push", json={"streams": [stream]})
        assert answer.is_client_error
        time.sleep(0.5)

    yield call


def _until_there_is_space(world: World, folder: Path) -> None:
    """Wait until Prometheus knows: with the file system its series would end."""
    place = f'{{mountpoint="{folder}"}}'
    share = f"node_filesystem_avail_bytes{place} / node_filesystem_size_bytes{place}"
    wait_for(lambda: world.stack.prometheus.value(share) or 0, lambda found: found > 0.5)


def _eat() -> None:
    os.nice(19)
    while True:
        pass


def _nothing() -> None:
    time.sleep(0.1)
