"""When a program has done nothing for too long, on a clock that the test moves."""

import os
from dataclasses import dataclass

import pytest

from sweeper.worker.silence import Silence, cpu_seconds


@dataclass
class Program:
    """What can be seen of one."""

    now: float = 0.0
    n_bytes: int = 0
    cpu_s: float | None = 0.0
    n_looks: int = 0

    def look(self) -> float | None:
        self.n_looks += 1
        return self.cpu_s

    def silence(self, limit_s: float) -> Silence:
        return Silence(limit_s, lambda: self.n_bytes, self.look, lambda: self.now)


def survives(program: Program, silence: Silence, *, prints: int = 0, computes: float = 0.0) -> bool:
    """Through 300 seconds, of each of which it prints so many bytes and computes so many seconds."""
    for _ in range(300):
        program.now += 1
        program.n_bytes += prints
        if program.cpu_s is not None:
            program.cpu_s += computes
        if silence.is_too_long():
            return False
    return True


@pytest.mark.parametrize(
    ("prints", "computes", "expected"),
    [(1, 0.0, True), (0, 1.0, True), (0, 0.05, True), (0, 0.001, False), (0, 0.0, False)],
)
def test_who_prints_or_computes_is_not_silent(prints: int, computes: float, expected: bool) -> None:
    """A thread that only looks whether there is work takes a thousandth of a core."""
    program = Program()
    assert survives(program, program.silence(100), prints=prints, computes=computes) == expected


def test_a_report_is_a_sign_of_life() -> None:
    program = Program()
    silence = program.silence(100)
    for _ in range(10):
        program.now += 90
        silence.heard()
        assert not silence.is_too_long()


def test_processes_are_looked_at_now_and_then_and_not_while_it_prints() -> None:
    program = Program()
    survives(program, program.silence(100), prints=1)
    assert program.n_looks == 0
    survives(program, program.silence(100), computes=1)
    assert program.n_looks <= 300 / 5


def test_where_nobody_knows_what_is_computed_nothing_is_silent() -> None:
    program = Program(cpu_s=None)
    assert survives(program, program.silence(100))


def test_no_limit_is_never_reached() -> None:
    program = Program()
    assert survives(program, program.silence(float("inf")))


def test_the_time_of_all_processes_below_counts() -> None:
    before = cpu_seconds(os.getppid())
    sum(range(3_000_000))
    after = cpu_seconds(os.getppid())
    assert before is not None
    assert after is not None
    assert after > before
