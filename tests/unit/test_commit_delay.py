"""When a commit waits for others to share it, and when it does not."""

from __future__ import annotations

import pytest

from receiver.commit_delay import BUSY_SHARE, COMPANY, RECENT, WAIT_S_MAX, CommitDelay


def after(commits: int, *, every_s: float, each: int, share: float) -> tuple[CommitDelay, float, float]:
    """A writer's past: so many commits of ``each`` callbacks, by a process that computed a share of the time."""
    delay = CommitDelay(0.0, 0.0)
    for number in range(1, commits + 1):
        delay.began(each, number * every_s, number * every_s * share)
    return delay, commits * every_s, commits * every_s * share


@pytest.mark.parametrize("per_s", [10, 1000, 4000, 16_000])
def test_a_process_with_time_to_spare_never_waits(per_s: int) -> None:
    """However fast callbacks come."""
    delay, now_s, cpu_s = after(50, every_s=1 / per_s, each=1, share=BUSY_SHARE * 0.9)
    assert delay.wait_s(1, now_s, cpu_s) == 0


@pytest.mark.parametrize("per_s", [3000, 4000, 15_000, 40_000])
def test_a_busy_process_waits_as_long_as_company_takes_to_come(per_s: int) -> None:
    """On a fast machine and on a slow one."""
    delay, now_s, cpu_s = after(50, every_s=2 / per_s, each=2, share=1.0)
    assert delay.wait_s(1, now_s, cpu_s) == pytest.approx(COMPANY / per_s, rel=0.01)


def test_the_wait_is_bounded_where_few_come() -> None:
    """A machine that computes for something else delays nobody for long."""
    delay, now_s, cpu_s = after(50, every_s=0.5, each=1, share=1.0)
    assert delay.wait_s(1, now_s, cpu_s) == WAIT_S_MAX


def test_company_that_is_there_already_is_not_waited_for() -> None:
    """Nor is there any wait before the first commit."""
    delay, now_s, cpu_s = after(50, every_s=0.001, each=2, share=1.0)
    assert delay.wait_s(COMPANY, now_s, cpu_s) == 0
    assert CommitDelay(0.0, 0.0).wait_s(1, 1.0, 1.0) == 0


def test_after_a_busy_time_a_lone_callback_waits_for_nobody() -> None:
    """What counts is the time since a few commits ago, and it has been idle since."""
    delay, now_s, cpu_s = after(50, every_s=0.001, each=2, share=1.0)
    busy_s = RECENT * 0.001
    assert delay.wait_s(1, now_s, cpu_s) > 0
    assert delay.wait_s(1, now_s + 2 * busy_s, cpu_s) == 0


def test_only_the_last_commits_count() -> None:
    """A process that was idle for an hour and is busy now waits."""
    delay, now_s, cpu_s = after(50, every_s=60.0, each=1, share=0.0)
    for number in range(1, RECENT + 1):
        delay.began(2, now_s + number * 0.001, cpu_s + number * 0.001)
    at_s = RECENT * 0.001
    assert delay.wait_s(1, now_s + at_s, cpu_s + at_s) == pytest.approx(COMPANY / 2000, abs=WAIT_S_MAX / 3)
