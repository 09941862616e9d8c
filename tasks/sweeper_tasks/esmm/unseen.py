"""Ids on validation and test that training never saw: the model knows nothing of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Counted = dict[str, dict[str, dict[str, int]]]


def unseen_values(names: Sequence[str], frames: Mapping[str, pd.DataFrame]) -> Counted:
    """By feature and split, the rows with a value that training lacks, and how many such values there are."""
    found: Counted = {}
    for name in names:
        known = _text(frames["train"][name]).unique()
        for split in ("val", "test"):
            column = frames[split][name]
            new = column[np.asarray(column.notna()) & ~_are_in(column, known)]
            if len(new):
                found.setdefault(name, {})[split] = {"rows": len(new), "values": int(new.nunique())}
    return found


def _text(column: "pd.Series[Any]") -> Any:
    return pa.chunked_array([pa.array(column, pa.string())])


def _are_in(column: "pd.Series[Any]", known: Any) -> NDArray[np.bool_]:
    return np.asarray(pc.is_in(_text(column), value_set=known))
