"""Which claims are over, by one replica's own clock."""

from dataclasses import dataclass

from tests.unit.ml_engine.test_turns import job

from backends.leases import LEASE_SECONDS, LONGEST_GAP_SECONDS, Leases
from ml_engine.training.ports import OpenJob


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def held(renewals: int) -> OpenJob:
    return OpenJob(job(1, "a").job, "another replica", renewals)


def looks(leases: Leases, clock: Clock, seconds: float, renewals: int) -> bool:
    """Look each second for so long; whether the job is free at the end."""
    free = bool(leases.free([held(renewals)]))
    for _ in range(int(seconds)):
        clock.now += 1
        free = bool(leases.free([held(renewals)]))
    return free


def test_what_nobody_holds_is_free_at_once() -> None:
    assert Leases(Clock()).free([job(1, "a")]) == [job(1, "a")]


def test_a_holder_that_is_silent_for_the_whole_lease_has_lost_it() -> None:
    clock = Clock()
    leases = Leases(clock)
    assert not looks(leases, clock, LEASE_SECONDS - 1, 3)
    assert looks(leases, clock, 1, 3)


def test_each_renewal_begins_the_lease_anew() -> None:
    clock = Clock()
    leases = Leases(clock)
    for renewals in range(5):
        assert not looks(leases, clock, LEASE_SECONDS - 1, renewals)


def test_a_time_in_which_nobody_looked_hardly_counts() -> None:
    clock = Clock()
    leases = Leases(clock)
    leases.free([held(3)])
    clock.now += 100 * LEASE_SECONDS
    assert not leases.free([held(3)])
    assert not looks(leases, clock, LEASE_SECONDS - LONGEST_GAP_SECONDS - 1, 3)
    assert looks(leases, clock, 1, 3)
