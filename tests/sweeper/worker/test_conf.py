"""The trainer's and the optimizers' YAML, and what their models refuse."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from sweeper.schema import AdamW, Optimizer, Sgd, Trainer

CONF = Path(__file__).parents[3] / "conf"
OPTIMIZER: TypeAdapter[AdamW | Sgd] = TypeAdapter(Optimizer)


def section(path: str, **changes: Any) -> dict[str, Any]:
    """The YAML with its references to a data preset replaced by 10."""
    loaded = yaml.safe_load((CONF / path).read_text())
    plain = {key: 10 if str(value).startswith("${") else value for key, value in loaded.items()}
    return {**plain, **changes}


def test_the_default_trainer_is_complete_and_plain() -> None:
    """Nothing is on that a user did not ask for: float32, constant rate, no clipping, no early end."""
    trainer = Trainer.model_validate(section("trainer/default.yaml"))
    assert (trainer.precision, trainer.schedule.name, trainer.schedule.lr_warmup_steps) == (
        "fp32",
        "constant",
        0,
    )
    assert (trainer.grad_clip_norm, trainer.patience, trainer.max_seconds) == (None, None, None)


def test_every_key_of_trainer_and_optimizers_has_a_comment() -> None:
    for path in (CONF / "trainer" / "default.yaml", *sorted((CONF / "optimizer").glob("*.yaml"))):
        keys = [line for line in path.read_text().splitlines() if ":" in line and not line.startswith("#")]
        assert [line for line in keys if "#" not in line and not line.startswith("name:")] == []


@pytest.mark.parametrize(("name", "kind"), [("adamw", AdamW), ("sgd", Sgd)])
def test_an_optimizer_s_defaults_fit_its_model(name: str, kind: type[AdamW | Sgd]) -> None:
    assert isinstance(OPTIMIZER.validate_python(section(f"optimizer/{name}.yaml")), kind)


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("adamw", {"betas": [0.9, 1.0]}, "less than 1"),
        ("adamw", {"lr": 0.0}, "greater than 0"),
        ("sgd", {"nesterov": True, "momentum": 0.0}, "optimizer.nesterov needs a momentum > 0"),
    ],
)
def test_what_torch_would_refuse_is_refused_before_any_job(
    name: str, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        OPTIMIZER.validate_python(section(f"optimizer/{name}.yaml", **changes))


@pytest.mark.parametrize(("max_steps", "epochs"), [(None, None), (10, 3)])
def test_a_trainer_has_exactly_one_length(max_steps: int | None, epochs: int | None) -> None:
    with pytest.raises(ValidationError, match=r"exactly one of trainer\.max_steps and trainer\.epochs"):
        Trainer.model_validate(section("trainer/default.yaml", max_steps=max_steps, epochs=epochs))
