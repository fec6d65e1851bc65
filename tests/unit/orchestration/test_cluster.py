"""Tests of fitting trials on the machines of a cluster, without starting one."""

from __future__ import annotations

import pytest

from harness.errors import EnvironmentMismatchError
from harness.orchestration.cluster import Node, fit
from harness.study import Resources

LAPTOP = Node(cpus=2, gpus=0)
WORKSTATION = Node(cpus=16, gpus=2)


@pytest.mark.parametrize(
    ("resources", "nodes", "gpus", "slots"),
    [
        (Resources(), [LAPTOP], 0, 2),
        (Resources(cpus=2), [LAPTOP], 0, 1),
        (Resources(), [LAPTOP, LAPTOP], 0, 4),
        (Resources(), [WORKSTATION], 0.25, 8),
        (Resources(gpus=0.4), [WORKSTATION], 0.4, 4),
        (Resources(gpus=0.4), [Node(cpus=16, gpus=4)], 0.4, 8),
        (Resources(gpus=2), [WORKSTATION], 2, 1),
        (Resources(cpus=8), [WORKSTATION], 0.25, 2),
        (Resources(gpus=0), [WORKSTATION, LAPTOP], 0, 18),
        (Resources(), [WORKSTATION, LAPTOP], 0.25, 8),
    ],
)
def test_slots_are_the_trials_that_fit_at_the_same_time(resources, nodes, gpus, slots) -> None:
    """A trial needs one machine, and a fraction of a GPU needs one device."""
    cluster = fit({"mlp": resources}, nodes)
    assert (cluster.shares["mlp"].gpus, cluster.slots) == (gpus, slots)


def test_architectures_can_have_different_resources() -> None:
    """One architecture trains several seeds together on a GPU, and another one seed on a CPU."""
    cluster = fit({"advanced_cnn": Resources(gpus=1, cpus=4), "mlp": Resources(gpus=0)}, [WORKSTATION, LAPTOP])
    assert [(share.device, share.cpus) for share in cluster.shares.values()] == [("cuda", 4), ("cpu", 1)]
    assert cluster.shares["advanced_cnn"].together > cluster.shares["mlp"].together == 1
    assert cluster.slots == 18


@pytest.mark.parametrize(
    ("resources", "nodes", "said"),
    [
        (
            Resources(gpus=1),
            [LAPTOP],
            "resources.gpus: a trial of mlp needs 1, but the largest machine of the cluster has 0",
        ),
        (Resources(gpus=3), [WORKSTATION], "needs 3, but the largest machine of the cluster has 2"),
        (Resources(cpus=4), [LAPTOP, LAPTOP], "resources.cpus: a trial of mlp needs 4, but the largest machine"),
        (Resources(cpus=16, gpus=1), [Node(16, 0), Node(4, 1)], "no machine of the cluster has both"),
    ],
)
def test_a_trial_that_fits_on_no_machine_is_refused(resources, nodes, said) -> None:
    """A request that would wait forever is an error of one sentence."""
    with pytest.raises(EnvironmentMismatchError) as caught:
        fit({"mlp": resources}, nodes)
    assert said in str(caught.value)


def test_workers_of_one_trial_have_a_whole_gpu_each() -> None:
    """Shares of a GPU are rounded up, because NCCL refuses two workers on one GPU."""
    cluster = fit({"mlp": Resources()}, [WORKSTATION], workers=2)
    share = cluster.shares["mlp"]
    assert (share.gpus, share.whole.gpus, share.whole.cpus) == (0.25, 1.0, share.cpus)
    assert fit({"mlp": Resources(gpus=0)}, [WORKSTATION], workers=16).shares["mlp"].whole.gpus == 0
    with pytest.raises(EnvironmentMismatchError) as caught:
        fit({"mlp": Resources()}, [WORKSTATION], workers=3)
    assert "a trial of mlp needs 3 workers, but the cluster can run only 2 at the same time" in str(caught.value)
