"""Models of clicks and conversions: tables for sparse fields, two towers, experts between them or not.

Shapes: B batch, F sparse fields, D dense features, d width of an embedding, I = F d + D inputs, E experts,
O width of an expert's output, T = 2 heads.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate, pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sweeper_tasks.esmm.config import EsmmModel, MmoeModel
from sweeper_tasks.esmm.row_sums import RowSums

N_HEADS = 2
EMBEDDING_STD = 0.05
ROWS_AN_EXAMPLE = 4
"""So many rows of the tables an example, and no more, are mapped for what adding up its own saves it."""
MOST_BYTES = 64 * 2**20
"""Of what layers make of whole tables: they are kept beside the model."""


class Batch(NamedTuple):
    """Impressions, in rows of four tensors: sparse ids [B, F], dense [B, D], click [B], conversion [B]."""

    sparse: Tensor
    dense: Tensor
    click: Tensor
    conversion: Tensor


class EsmmOutput(NamedTuple):
    """Logits [B] of P(click | impression) and P(conversion | click)."""

    ctr_logits: Tensor
    cvr_logits: Tensor


class Tables(nn.Module):
    """One embedding table a sparse field, kept one under the other in a single weight.

    A single `index_select` then serves all fields; forward and backward take about a third of the time of one
    `nn.Embedding` a field.
    """

    offsets: Tensor

    def __init__(self, vocabularies: Sequence[int], dim: int) -> None:
        super().__init__()
        self.vocabularies = tuple(vocabularies)
        *starts, n_rows = accumulate(vocabularies, initial=0)
        self.register_buffer("offsets", torch.tensor(starts, dtype=torch.int64), persistent=False)
        self.weight = nn.Parameter(torch.randn(n_rows, dim) * EMBEDDING_STD)

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings [B, F d] of `ids` [B, F]."""
        rows = (ids + self.offsets).flatten()
        return self.weight.index_select(0, rows).view(ids.shape[0], -1)


class Inputs(nn.Module):
    """Embedded sparse fields beside the dense features: [B, I]."""

    def __init__(self, vocabularies: Sequence[int], n_dense: int, dim: int) -> None:
        super().__init__()
        self.tables = Tables(vocabularies, dim)
        self.width = len(vocabularies) * dim + n_dense
        self._row_sums: dict[nn.Linear, RowSums] = {}
        self._adds_rows = False

    def forward(self, batch: Batch) -> Tensor:
        """What the network sees of `batch`."""
        return torch.cat([self.tables(batch.sparse), batch.dense], dim=1)

    def through(self, layers: Sequence[nn.Linear], batch: Batch) -> list[Tensor]:
        """What each of `layers` makes of the inputs: [B, its width]."""
        if not self._adds_rows or not self._has_room(layers):
            x = self(batch)
            return [layer(x) for layer in layers]
        rows = batch.sparse.int() + self.tables.offsets.int()  # half the bytes, and faster to look up
        return [self._sums_of(layer)(rows, batch.dense) for layer in layers]

    @contextmanager
    def adding_rows(self, n_examples: int) -> Iterator[None]:
        """Within, so many examples go `through` layers with less work, where it is less: see `row_sums`."""
        weight = self.tables.weight
        self._adds_rows = weight.is_cpu and len(weight) <= n_examples * ROWS_AN_EXAMPLE
        if self._adds_rows:
            for sums in self._row_sums.values():
                sums.refresh(weight)
        try:
            yield
        finally:
            self._adds_rows = False

    def _has_room(self, layers: Sequence[nn.Linear]) -> bool:
        weight, width = self.tables.weight, sum(layer.out_features for layer in layers)
        return len(weight) * width * weight.element_size() <= MOST_BYTES

    def _sums_of(self, layer: nn.Linear) -> RowSums:
        if layer not in self._row_sums:
            self._row_sums[layer] = RowSums(layer, self.tables.vocabularies)
            self._row_sums[layer].refresh(self.tables.weight)
        return self._row_sums[layer]


class SideBySide(nn.Module):
    """n perceptrons of one shape, each on an input of its own; a layer is one matrix product for all of them.

    ReLU between layers, none at the end; a single size has no layer.
    """

    def __init__(self, n: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(_uniform(i, n, i, o) for i, o in pairwise(sizes))
        self.biases = nn.ParameterList(_uniform(i, n, 1, o) for i, o in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [n, B, sizes[-1]] of `x` [n, B, sizes[0]]."""
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x.relu() if layer else x, weight)
        return x


class Mmoe(nn.Module):
    """Each head's tower sees its own mixture of the experts, weighted by its own gate.

    The first layers of all experts and gates are one product over the wide input, the bulk of the arithmetic.
    """

    def __init__(self, config: MmoeModel, vocabularies: Sequence[int], n_dense: int) -> None:
        super().__init__()
        self.n_experts, gate_sizes = config.n_experts, (*config.gate_sizes, config.n_experts)
        self.inputs = Inputs(vocabularies, n_dense, config.embedding_dim)
        self.first_widths = [config.n_experts * config.expert_sizes[0], N_HEADS * gate_sizes[0]]
        self.first = nn.Linear(self.inputs.width, sum(self.first_widths))
        self.experts = SideBySide(config.n_experts, config.expert_sizes)
        self.gates = SideBySide(N_HEADS, gate_sizes)
        self.towers = SideBySide(N_HEADS, (config.expert_sizes[-1], *config.tower_sizes, 1))
        self.gate_relu = nn.ReLU() if config.gate_sizes else nn.Identity()

    def forward(self, batch: Batch) -> EsmmOutput:
        """Logits of both heads."""
        (first,) = self.inputs.through([self.first], batch)
        to_experts, to_gates = torch.split(first, self.first_widths, dim=1)
        opinions = self.experts(_unfold(to_experts, self.n_experts).relu()).relu()  # [E, B, O]
        scores = self.gates(self.gate_relu(_unfold(to_gates, N_HEADS)))  # [T, B, E]
        # With the short expert axis at the end, softmax and mixture would take three times as long.
        shares = scores.transpose(1, 2).contiguous().softmax(dim=1)  # [T, E, B]
        mixed = (shares.unsqueeze(-1) * opinions).sum(dim=1)  # [T, B, O]
        return EsmmOutput(*self.towers(mixed).squeeze(-1))


class TwoTowers(nn.Module):
    """The plain model of the ESMM paper: nothing but the tables is shared."""

    def __init__(self, config: EsmmModel, vocabularies: Sequence[int], n_dense: int) -> None:
        super().__init__()
        self.inputs = Inputs(vocabularies, n_dense, config.embedding_dim)
        self.towers = nn.ModuleList(mlp(self.inputs.width, config.tower_sizes, 1) for _ in range(N_HEADS))

    def forward(self, batch: Batch) -> EsmmOutput:
        """Logits of both heads."""
        towers = [cast("nn.Sequential", tower) for tower in self.towers]
        firsts = self.inputs.through([cast("nn.Linear", tower[0]) for tower in towers], batch)
        return EsmmOutput(*(tower[1:](x).squeeze(-1) for tower, x in zip(towers, firsts, strict=True)))


def build_model(config: MmoeModel | EsmmModel, vocabularies: Sequence[int], n_dense: int) -> nn.Module:
    """The configured model, freshly initialised from torch's global generator, on the CPU."""
    match config:
        case MmoeModel():
            return Mmoe(config, vocabularies, n_dense)
        case EsmmModel():
            return TwoTowers(config, vocabularies, n_dense)


@contextmanager
def unchanging(model: nn.Module, n_examples: int) -> Iterator[None]:
    """Within, `model` answers so many examples with the same weights and without gradients.

    Where that takes less work so, what it answers are sums in another order: equal but for rounding.
    """
    with ExitStack() as stack:
        for part in model.modules():
            if isinstance(part, Inputs):
                stack.enter_context(part.adding_rows(n_examples))
        yield


def _unfold(wide: Tensor, n: int) -> Tensor:
    """[n, B, width] out of [B, n width]."""
    return wide.view(len(wide), n, -1).transpose(0, 1)


def _uniform(fan_in: int, *shape: int) -> nn.Parameter:
    """Drawn as `nn.Linear` draws its weight and bias."""
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def mlp(n_inputs: int, hidden: Sequence[int], n_outputs: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    sizes = [n_inputs, *hidden, n_outputs]
    layers = [part for n_in, n_out in pairwise(sizes) for part in (nn.Linear(n_in, n_out), nn.ReLU())]
    return nn.Sequential(*layers[:-1])
