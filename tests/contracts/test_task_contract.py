"""What every task owes to whoever trains it. A task inherits the suite by giving a fixture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.utils._pytree import tree_map

from sweeper.task.base import Task
from sweeper.task.config import TaskConfig
from sweeper.task.prepared import Prepared
from sweeper_tasks.esmm.config import EsmmConfig
from sweeper_tasks.esmm.task import EsmmTask
from tests.tasks.esmm.tiny import MODELS, tiny_config, tiny_prepared, tiny_task

SPLITS = ("train", "val", "test")
STEP = torch.tensor(12)
Parts = tuple[TaskConfig, Prepared]


class TaskContract:
    """Subclasses give `parts`, with stackable features on at step 12, the class, its `objective` metric."""

    objective: str
    task_class: type[Task]

    @pytest.fixture
    def parts(self) -> Parts:
        """The configuration of a small task, and its data."""
        raise NotImplementedError

    @pytest.fixture
    def task(self, parts: Parts) -> Task:
        """The task on the CPU."""
        return self.task_class(*parts, torch.device("cpu"))

    def test_the_same_seed_builds_the_same_model(self, task: Task) -> None:
        one, same, other = (seeded(task, seed).state_dict() for seed in (0, 0, 1))
        assert all(torch.equal(one[key], same[key]) for key in one)
        assert any(not torch.equal(one[key], other[key]) for key in one)

    def test_a_batch_is_its_rows_in_the_order_asked_for(self, task: Task) -> None:
        rows = torch.tensor([3, 0, task.n_train - 1])
        together = task.train_batch(rows)
        alone = [task.train_batch(row[None]) for row in rows]
        for column, *parts in zip(leaves(together), *map(leaves, alone), strict=True):
            assert torch.equal(column, torch.cat(parts))

    def test_coefficients_are_0d_floats_by_dotted_path(self, task: Task) -> None:
        for path, value in task.coefficients().items():
            assert "." in path
            assert value.shape == ()
            assert value.is_floating_point()

    def test_the_loss_is_a_finite_scalar_with_a_gradient_and_detached_components(self, task: Task) -> None:
        model, batch = seeded(task), task.train_batch(torch.arange(16))
        loss, components = task.loss(model(batch), batch, task.coefficients(), STEP)
        loss.backward()  # type: ignore[no-untyped-call]
        assert loss.shape == ()
        assert loss.isfinite()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        assert all(value.shape == () and not value.requires_grad for value in components.values())

    def test_the_loss_is_a_pure_function(self, task: Task) -> None:
        model, batch = seeded(task), task.train_batch(torch.arange(16))
        outputs, coefficients = model(batch), task.coefficients()
        before = [leaf.clone() for leaf in leaves((batch, coefficients))]
        first, again = (task.loss(outputs, batch, coefficients, STEP)[0] for _ in range(2))
        assert torch.equal(first, again)
        assert all(
            torch.equal(old, new) for old, new in zip(before, leaves((batch, coefficients)), strict=True)
        )

    def test_siblings_train_stacked_as_they_train_alone(self, task: Task) -> None:
        """Three members with other weights and coefficients: same loss and gradients in float64."""
        models = [seeded(task, seed).double() for seed in range(3)]
        batch = as_float64(task.train_batch(torch.arange(16)))
        own = {path: value.double() for path, value in task.coefficients().items()}
        members = {path: torch.stack([value, 0.5 * value, 0.9 * value]) for path, value in own.items()}

        def loss(parameters: Any, buffers: Any, coefficients: dict[str, Tensor]) -> Tensor:
            outputs = functional_call(models[0], (parameters, buffers), (batch,))
            return task.loss(outputs, batch, coefficients, STEP)[0]

        stacked = vmap(grad_and_value(loss), randomness="same")
        gradients, losses = stacked(*stack_module_state(models), members)
        for k, model in enumerate(models):
            mine = {path: values[k] for path, values in members.items()}
            alone = task.loss(model(batch), batch, mine, STEP)[0]
            alone.backward()  # type: ignore[no-untyped-call]
            torch.testing.assert_close(losses[k], alone.detach())
            for key, parameter in model.named_parameters():
                torch.testing.assert_close(gradients[key][k], parameter.grad, rtol=1e-9, atol=1e-13)

    @pytest.mark.parametrize("split", SPLITS)
    def test_evaluation_is_repeatable_and_disturbs_nothing(self, task: Task, split: str) -> None:
        model = seeded(task)
        weights = {key: value.clone() for key, value in model.state_dict().items()}
        random_state = torch.get_rng_state()
        one, again = (task.evaluate(model, split, task.coefficients(), STEP) for _ in range(2))
        assert not model.training
        assert torch.equal(torch.get_rng_state(), random_state)
        assert all(torch.equal(weights[key], value) for key, value in model.state_dict().items())
        assert one.metrics == again.metrics
        assert all(np.array_equal(one.records[key], again.records[key]) for key in one.records)

    @pytest.mark.parametrize("split", SPLITS)
    def test_metrics_are_finite_floats_with_the_objective_among_them(self, task: Task, split: str) -> None:
        metrics = task.evaluate(seeded(task), split, task.coefficients(), STEP).metrics
        assert self.objective in metrics
        assert all(type(value) is float and np.isfinite(value) for value in metrics.values())

    @pytest.mark.parametrize("split", ["val", "test"])
    def test_the_configuration_knows_the_names_of_all_metrics(
        self, task: Task, parts: Parts, split: str
    ) -> None:
        config, prepared = parts
        names = config.metric_names(prepared.facts, split)
        assert names is not None
        assert names == metric_names(task, split)
        before = {key: value for key, value in prepared.facts.items() if key != "trivial"}
        assert config.metric_names(before, split) is None  # prepared by an earlier version

    def test_there_is_one_record_a_test_example_with_influences_of_mean_0(self, task: Task) -> None:
        """Those of other splits nobody keeps: they need not be worked out."""
        records = task.evaluate(seeded(task), "test", task.coefficients(), STEP).records
        assert task.evaluate(seeded(task), "train", task.coefficients(), STEP).records == {}
        assert len({len(column) for column in records.values()}) == 1
        assert f"influence_{self.objective}" in records
        for influence in (
            x.astype(np.float64) for name, x in records.items() if name.startswith("influence_")
        ):
            assert abs(influence.mean()) < 1e-5 * influence.std()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("detach", [True, False])
class TestEsmm(TaskContract):
    """All models, with every term of the loss at work."""

    objective = "ctcvr_auc"

    task_class = EsmmTask

    @pytest.fixture
    def parts(self, tmp_path: Path, model: str, detach: bool) -> Parts:
        aux = {"use_alpha": True, "gamma": 1.5, "detach_p_for_weight": detach}
        return tiny_config(model, aux_focal=aux, w_cvr_aux=0.3), tiny_prepared(tmp_path)


@pytest.mark.parametrize(
    "config", [tiny_config(absent=True), tiny_config(aux_focal={"log_components": False})]
)
@pytest.mark.parametrize("all_convert", [False, True])
@pytest.mark.parametrize("split", ["val", "test"])
def test_esmm_knows_its_metrics_without_the_parts_of_its_loss_and_where_cvr_has_no_auc(
    tmp_path: Path, config: EsmmConfig, all_convert: bool, split: str
) -> None:
    clicked = {f"test_{name}": np.arange(90) % 3 == 0 for name in ("click", "conversion")}
    prepared = tiny_prepared(tmp_path, **(clicked if all_convert else {}))
    names = config.metric_names(prepared.facts, split)
    assert names is not None
    assert names == metric_names(tiny_task(prepared, config), split)
    assert ("cvr_auc" in names) == (not all_convert or split == "val")


def metric_names(task: Task, split: str) -> frozenset[str]:
    """What a model that has learned nothing is measured by."""
    return frozenset(task.evaluate(seeded(task), split, task.coefficients(), STEP).metrics)


def seeded(task: Task, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return task.build_model()


def leaves(tree: Any) -> list[Tensor]:
    found: list[Tensor] = []
    tree_map(found.append, tree)
    return found


def as_float64(batch: Any) -> Any:
    return tree_map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, batch)
