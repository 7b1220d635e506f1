"""Which worker has which test: the groups of pytest-xdist, whose work for each test does not grow with the run."""

from __future__ import annotations

from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController


class ForgetfulScheduling(LoadGroupScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Forgets a group once it is done.

    After each test pytest-xdist counts what its worker has left, over all groups that this worker ever had: with
    thousands of tests, nearly all of them groups of their own, the process that hands them out is as busy as a worker.
    """

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Note that a worker has done a test, and hand it more where it has little left."""
        super().mark_test_complete(node, item_index, duration)
        group = self._split_scope(self.registered_collections[node][item_index])
        assigned = self.assigned_work[node]
        if all(assigned[group].values()):
            del assigned[group]
