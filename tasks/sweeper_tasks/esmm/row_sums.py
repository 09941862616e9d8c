"""A linear layer over embedded fields as a sum of rows: less arithmetic where weights stay as they are.

Shapes: B batch, F sparse fields, D dense features, d width of an embedding, O width of the layer's output.

What the layer makes of `[e_1[id_1], ..., e_F[id_F], dense]` is `sum_f e_f[id_f] W_f + dense W_D + b`. All
`e_f W_f` are worked out once; an example then adds up one row a field.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag


class RowSums:
    """One layer, as long as its weights and those of the tables stay as they are; nothing has a gradient."""

    def __init__(self, layer: nn.Linear, vocabularies: Sequence[int]) -> None:
        self._layer, self._vocabularies = layer, list(vocabularies)
        self._rows = layer.weight.new_empty(sum(vocabularies), layer.out_features)
        self._of_dense = layer.weight.new_empty(0, layer.out_features)
        self._weights: list[Tensor] = []

    def refresh(self, tables: Tensor) -> None:
        """Take over the present weights: of the layer, and of the tables [rows of all, d], field by field.

        Nothing is worked out where they are still the same.
        """
        present = [weight.detach() for weight in (tables, self._layer.weight, self._layer.bias)]
        if self._weights and all(map(torch.equal, self._weights, present)):
            return
        self._weights = [weight.clone() for weight in present]
        tables, weight, bias = self._weights
        dim, sizes = tables.shape[1], self._vocabularies
        of_sparse, self._of_dense = weight.T.tensor_split([len(sizes) * dim])
        fields = torch.split(self._rows, sizes), torch.split(tables, sizes), torch.split(of_sparse, dim)
        for rows, table, of_field in zip(*fields, strict=True):
            torch.mm(table, of_field, out=rows)
        self._rows[: sizes[0]] += bias  # every example has one id of each field

    def __call__(self, rows: Tensor, dense: Tensor) -> Tensor:
        """The layer's output [B, O] for the tables' `rows` [B, F] and for `dense` [B, D]."""
        return embedding_bag(rows, self._rows, mode="sum").addmm_(dense, self._of_dense)
