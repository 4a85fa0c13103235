"""A real Kafka for tests and benchmarks: one node in KRaft mode, a process of its own on loopback.

Its jars come from Maven Central once and stay in the user's cache folder; tests/kafka/pom.xml
says which.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tests.real_processes import free_ports

POM: Final = Path(__file__).with_name("kafka") / "pom.xml"
READY_SECONDS: Final = 60.0
# One thread's collector and the quick compiler: half the processor time of a start.
_JVM: Final = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOGGING: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


class KafkaUnavailable(Exception):
    """This machine cannot run Kafka; the message says what it lacks."""


class KafkaBroker:
    """One broker over one data folder, to be killed and started again on the same port.

    An acknowledged message is in the page cache, which outlives a killed process, so that no
    forced write to the disk is needed to keep it.

    Raises:
        KafkaUnavailable: there is no Java here, or neither the jars nor Maven to fetch them.
    """

    def __init__(self, folder: Path) -> None:
        self._java = _program("java", "Debian package openjdk-17-jre-headless")
        self._jars = _jars()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        port, self._controller_port = free_ports(2)
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """What the broker has written so far, over all its starts."""
        return self._log_file.read_text()

    def start(self) -> None:
        """Start the broker, on a formatted folder from the first time on, and wait for it."""
        if not self._properties.exists():
            self._format()
        self._process = self._launch("kafka.Kafka", str(self._properties))
        self._wait_until_ready(self._process)

    def kill(self) -> None:
        """End the broker at once, without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def hang(self) -> None:
        """Let the broker answer nothing, though it still accepts connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End the broker, by force where it does not go."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic."""
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1)
        # A client that nobody holds takes its unanswered requests with it.
        admin = self._admin()
        admin.create_topics([topic])[name].result(timeout=30)

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _log_file(self) -> Path:
        return self._folder / "kafka.log"

    def _admin(self) -> AdminClient:
        return AdminClient(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "reconnect.backoff.max.ms": 100,
                "log_level": 0,
            }
        )

    def _format(self) -> None:
        self._properties.write_text("".join(f"{k}={v}\n" for k, v in self._settings().items()))
        tool = "kafka.tools.StorageTool"
        options = ("-t", "tests-tests-tests-test", "-c", str(self._properties))
        assert self._launch(tool, "format", *options).wait(timeout=60) == 0, self.log()

    def _settings(self) -> dict[str, str | int]:
        return {
            "node.id": 1,
            "process.roles": "broker,controller",
            "listeners": f"PLAINTEXT://{self.bootstrap_servers},"
            f"CONTROLLER://127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "log.dirs": str(self._folder / "data"),
            # A killed broker is let in again only when its last session has run out.
            "broker.session.timeout.ms": 1000,
            "broker.heartbeat.interval.ms": 200,
            "auto.create.topics.enable": "false",
            # Simulated events may be years old by their own clock.
            "log.retention.ms": -1,
            "group.initial.rebalance.delay.ms": 0,
            # A short session, for a killed consumer to be missed within a test.
            "group.min.session.timeout.ms": 1000,
            "offsets.topic.num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
        }

    def _launch(self, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [self._java, *_JVM, _LOGGING, "-cp", f"{self._jars}/*", main, *arguments]
        with self._log_file.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        admin = self._admin()
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert process.poll() is None, self.log()
            try:
                if admin.list_topics(timeout=1).brokers:
                    return
            except KafkaException:
                time.sleep(0.05)
        raise AssertionError(f"Kafka is not ready:\n{self.log()}")


def offsets_of(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """The first and the next offset, once a broker that was killed has found its topics again."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return consumer.get_watermark_offsets(place, timeout=30)
        except KafkaException:
            assert time.monotonic() < deadline, place
            time.sleep(0.05)


def _program(name: str, source: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise KafkaUnavailable(f"needs {name} on PATH ({source})")
    return found


def _jars() -> Path:
    """The folder with the jars of the pom as it stands, fetched where it is absent."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "recommender-kafka"
    jars = cache / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    if jars.exists():
        return jars
    maven = _program("mvn", "Debian package maven")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.exists():
            _fetch(maven, jars)
    return jars


def _fetch(maven: str, jars: Path) -> None:
    partial = jars.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    options = ("-DincludeScope=runtime", f"-DoutputDirectory={partial}")
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"Maven could not fetch Kafka:\n{done.stdout}{done.stderr}"
    partial.rename(jars)
