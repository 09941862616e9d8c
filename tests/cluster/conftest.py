"""Clusters that all tests of a session share; each test finds them as at their beginning."""

from collections.abc import Iterator

import pytest

from tests.cluster.ray import Ray, running_ray, why_no_ray
from tests.cluster.slurm import Slurm, running_slurm, why_no_slurm


@pytest.fixture(scope="session")
def _slurm() -> Iterator[Slurm]:
    if problem := why_no_slurm():
        pytest.skip(f"SLURM: {problem}")
    with running_slurm() as running:
        yield running


@pytest.fixture(scope="session")
def _ray() -> Iterator[Ray]:
    if problem := why_no_ray():
        pytest.skip(f"Ray: {problem}")
    with running_ray() as running:
        yield running


@pytest.fixture
def slurm(_slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """Two idle nodes, which SLURM's commands of this process and its children talk to."""
    _slurm.heal()
    monkeypatch.setenv("SLURM_CONF", _slurm.environment["SLURM_CONF"])
    return _slurm


@pytest.fixture
def ray(_ray: Ray, monkeypatch: pytest.MonkeyPatch) -> Ray:
    """A head and two idle nodes; children of this process may use them."""
    _ray.heal()
    for name, value in _ray.environment.items():
        if name.startswith("RAY_"):
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return _ray
