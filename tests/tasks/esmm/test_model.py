"""The models equal their formulas written out, and train stacked as they train alone."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from sweeper_tasks.esmm.model import (
    Batch,
    EsmmOutput,
    Inputs,
    Mmoe,
    SideBySide,
    TwoTowers,
    build_model,
    unchanging,
)
from tests.tasks.esmm.tiny import MODELS, N_DENSE, VOCABULARIES, tiny_batch, tiny_config


def built(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_model(tiny_config(name).model, VOCABULARIES, N_DENSE).double()


def inputs_written_out(inputs: Inputs, batch: Batch) -> Tensor:
    """One `nn.Embedding` a field, concatenated with the dense features."""
    tables = torch.split(inputs.tables.weight, list(VOCABULARIES))
    fields = [table[ids.long()] for table, ids in zip(tables, batch.sparse.unbind(1), strict=True)]
    return torch.cat([*fields, batch.dense], dim=1)


def perceptron(net: SideBySide, member: int, x: Tensor) -> Tensor:
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        x = (x.relu() if layer else x) @ weight[member] + bias[member]
    return x


def mmoe_written_out(model: Mmoe, batch: Batch) -> EsmmOutput:
    """`tower_t(sum_e softmax(gate_t(x))_e expert_e(x))`, expert by expert."""
    x = inputs_written_out(model.inputs, batch)
    to_experts, to_gates = model.first(x).split(model.first_widths, dim=1)
    n = model.n_experts
    opinions = [perceptron(model.experts, e, h.relu()).relu() for e, h in enumerate(to_experts.chunk(n, 1))]
    logits = []
    for t, h in enumerate(to_gates.chunk(2, 1)):
        shares = perceptron(model.gates, t, h.relu() if len(model.gates.weights) else h).softmax(dim=1)
        mixed = sum(shares[:, e : e + 1] * opinion for e, opinion in enumerate(opinions))
        assert isinstance(mixed, Tensor)
        logits.append(perceptron(model.towers, t, mixed).squeeze(1))
    return EsmmOutput(*logits)


def some_loss(out: EsmmOutput) -> Tensor:
    return out.ctr_logits.square().mean() + out.cvr_logits.sin().mean()


@pytest.mark.parametrize("name", ["mmoe", "mmoe_deep_gates"])
def test_mmoe_is_its_formula(name: str) -> None:
    model, batch = built(name), tiny_batch(17, dtype=torch.float64)
    assert isinstance(model, Mmoe)
    torch.testing.assert_close(model(batch), mmoe_written_out(model, batch))


def test_plain_esmm_is_two_towers_on_the_same_tables() -> None:
    model, batch = built("esmm"), tiny_batch(17, dtype=torch.float64)
    assert isinstance(model, TwoTowers)
    x = inputs_written_out(model.inputs, batch)
    torch.testing.assert_close(model(batch), EsmmOutput(*(tower(x).squeeze(1) for tower in model.towers)))


def test_each_field_has_a_table_of_its_own() -> None:
    """The last id of a field and id 0 of the next are different rows: 7 + 5 + 3 rows in all."""
    tables = Inputs(VOCABULARIES, N_DENSE, dim=4).tables
    assert tables.weight.shape == (15, 4)
    embedded = tables(torch.tensor([[6, 0, 2]])).view(3, 4)
    torch.testing.assert_close(embedded, tables.weight[[6, 7, 14]])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_without_dense_features_works(name: str) -> None:
    model = build_model(tiny_config(name).model, VOCABULARIES, n_dense=0)
    batch = tiny_batch(5)._replace(dense=torch.empty(5, 0))
    assert model(batch).cvr_logits.shape == (5,)


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_takes_part(name: str) -> None:
    model, batch = built(name), tiny_batch(200, dtype=torch.float64)
    out = model(batch)
    (out.ctr_logits.square() + out.cvr_logits.square()).sum().backward()
    unused = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert unused == []


@pytest.mark.parametrize("name", MODELS)
def test_stacked_models_and_their_gradients_are_those_of_each_alone(name: str) -> None:
    models, batch = [built(name, seed) for seed in range(3)], tiny_batch(25, dtype=torch.float64)
    parameters, buffers = stack_module_state(models)

    def loss(p: dict[str, Tensor], b: dict[str, Tensor]) -> Tensor:
        return some_loss(functional_call(models[0], (p, b), (batch,)))

    losses, stacked = vmap(torch.func.grad_and_value(loss))(parameters, buffers)[::-1]
    for k, model in enumerate(models):
        alone = some_loss(model(batch))
        alone.backward()  # type: ignore[no-untyped-call]
        torch.testing.assert_close(losses[k], alone.detach())
        for key, parameter in model.named_parameters():
            torch.testing.assert_close(stacked[key][k], parameter.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", MODELS)
def test_while_weights_stay_the_same_answers_take_less_work(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, batch = built(name), tiny_batch(17, dtype=torch.float64)
    batch = batch._replace(sparse=batch.sparse.int())
    plain = model(batch)
    monkeypatch.setattr(Inputs, "forward", None)  # no example's inputs are put together
    with torch.no_grad(), unchanging(model, n_examples=17):
        torch.testing.assert_close(model(batch), plain)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    with torch.no_grad(), unchanging(model, n_examples=17):
        changed = model(batch)
    with monkeypatch.context() as patch, torch.no_grad(), unchanging(model, n_examples=17):
        patch.setattr(torch, "mm", None)  # the weights are those of before
        assert model(batch).cvr_logits.equal(changed.cvr_logits)
    monkeypatch.undo()
    torch.testing.assert_close(changed, model(batch))
    assert not torch.allclose(changed.ctr_logits, plain.ctr_logits)


@pytest.mark.parametrize("name", MODELS)
def test_where_it_is_no_less_work_or_no_room_inputs_are_put_together(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables have 15 rows: to map them for 3 examples, or beyond what a cache holds, is not worth it."""
    model, batch = built(name), tiny_batch(3, dtype=torch.float64)
    plain = model(batch)
    with torch.no_grad(), unchanging(model, n_examples=3):
        assert model(batch).cvr_logits.equal(plain.cvr_logits)
    monkeypatch.setattr("sweeper_tasks.esmm.model.MOST_BYTES", 15 * 8 * 8 - 1)
    with torch.no_grad(), unchanging(model, n_examples=10**6):
        assert model(batch).cvr_logits.equal(plain.cvr_logits)
