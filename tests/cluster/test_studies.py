"""Whole studies on clusters: whatever dies, no run is lost or trained twice, and every bit is as it was."""

from pathlib import Path

import pytest

from tests.cluster.engines import Engine, OnRay, OnSlurm
from tests.cluster.faults import FAULTS, LONG, OWN_FAULTS, STUDY, scene
from tests.faults.harness import FaultStudy

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> FaultStudy:
    """Undisturbed, on slots of this machine."""
    study = FaultStudy(tmp_path_factory.mktemp("reference"), STUDY)
    study.run()
    return study


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    """Idle."""
    cluster = request.getfixturevalue(request.param)
    return OnSlurm(cluster) if request.param == "slurm" else OnRay(cluster)


OWN = [
    pytest.param(engine, fault, id=f"{engine}-{fault}", marks=[pytest.mark.slow] * (fault in LONG))
    for engine, faults in OWN_FAULTS.items()
    for fault in faults
]


@pytest.mark.parametrize(("engine", "fault"), OWN, indirect=["engine"])
def test_no_fault_of_an_engine_s_own_costs_a_bit(
    engine: Engine, fault: str, tmp_path: Path, reference: FaultStudy
) -> None:
    own = OWN_FAULTS[engine.name][fault]
    with scene(engine, tmp_path, reference, *own.words) as played:
        outcome = own.play(played)
    assert (outcome.lost, outcome.doubled, outcome.orphans) == (0, 0, 0), outcome


QUICK = {("slurm", "node killed"), ("slurm", "parent killed"), ("ray", "node killed")}
EACH = [
    pytest.param(
        engine, fault, id=f"{engine}-{fault}", marks=[pytest.mark.slow] * ((engine, fault) not in QUICK)
    )
    for engine in ("slurm", "ray")
    for fault in FAULTS
]


@pytest.mark.parametrize(("engine", "fault"), EACH, indirect=["engine"])
def test_no_fault_costs_a_bit(engine: Engine, fault: str, tmp_path: Path, reference: FaultStudy) -> None:
    with scene(engine, tmp_path, reference) as played:
        outcome = FAULTS[fault](played)
    assert (outcome.lost, outcome.doubled, outcome.orphans) == (0, 0, 0), outcome
