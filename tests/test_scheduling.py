"""Tests are handed out once each, and what is done is forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from tests.scheduling import ForgetfulScheduling

TESTS = [*(f"a.py::test_{number}" for number in range(40)), *(f"b.py::test_{number}@b" for number in range(10))]


@dataclass(eq=False)
class Worker:
    """A worker that notes what it is given."""

    name: str
    given: list[int] = field(default_factory=list)
    shutting_down: bool = False

    def __post_init__(self) -> None:
        self.gateway = SimpleNamespace(id=self.name)

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def scheduling(workers: list[Worker]) -> ForgetfulScheduling:
    """One that has handed out its first tests."""
    option = SimpleNamespace(loadscopereorder=False)
    config: Any = SimpleNamespace(option=option, getvalue=lambda _: ["popen"] * len(workers))
    made = ForgetfulScheduling(config)
    for worker in workers:
        made.add_node(cast("Any", worker))
        made.add_node_collection(cast("Any", worker), TESTS)
    made.schedule()
    return made


def test_each_test_is_handed_out_once_and_a_group_to_one_worker() -> None:
    """Whoever is ready has the next; nobody is left without an end, or with a group that is done."""
    workers = [Worker("gw0"), Worker("gw1")]
    made = scheduling(workers)
    done = [0, 0]
    while not all(worker.shutting_down for worker in workers):
        for number, worker in enumerate(workers):
            for index in worker.given[done[number] :][: number + 1]:  # the second is twice as fast
                made.mark_test_complete(cast("Any", worker), index)
                done[number] += 1
            assert len(made.assigned_work[cast("Any", worker)]) <= 3
    for number, worker in enumerate(workers):
        for index in worker.given[done[number] :]:
            made.mark_test_complete(cast("Any", worker), index)
    assert sorted(workers[0].given + workers[1].given) == list(range(len(TESTS)))
    grouped = set(range(40, 50))
    assert [grouped & set(worker.given) in (set(), grouped) for worker in workers] == [True, True]
    assert made.tests_finished
    assert not made.has_pending


def test_what_a_worker_that_died_had_left_another_one_does() -> None:
    """What it had done is not done again; the test that it died of is told."""
    workers = [Worker("gw0"), Worker("gw1")]
    made = scheduling(workers)
    first, fatal = workers[0].given[:2]
    made.mark_test_complete(cast("Any", workers[0]), first)
    left = set(workers[0].given) - {first}
    assert made.remove_node(cast("Any", workers[0])) == TESTS[fatal]
    done = 0
    while done < len(workers[1].given):
        made.mark_test_complete(cast("Any", workers[1]), workers[1].given[done])
        done += 1
    assert left <= set(workers[1].given)
    assert sorted([first, *workers[1].given]) == list(range(len(TESTS)))
