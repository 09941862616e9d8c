"""`data=esmm/synthetic`: impressions from a known model, so that the best reachable AUC is known.

    p_ctr = sigmoid(b_ctr + ctr_signal * z_ctr)         click ~ Bernoulli(p_ctr)
    p_cvr = sigmoid(b_cvr + cvr_signal * z_cvr)         conversion ~ Bernoulli(p_cvr), after a click only

z are standard scores: additive effects of all fields, a low-rank affinity of user and item, and matches
between history and item (`population.score`), one taste for clicks and one mixed in for conversions, such
that z_ctr and z_cvr have the wanted `correlation`. b are solved such that the rates are `click_rate` and
`conversion_rate` (of clicks). Rows are drawn in blocks of fixed size, each from its own stream: a row depends
on the parameters, its split and its position only, so a larger split begins with the rows of a smaller one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from sweeper_tasks.esmm import population as pop
from sweeper_tasks.esmm.columns import SPLITS, Array, SplitWriter, chunks, facts_of, normalise
from sweeper_tasks.esmm.data_config import SyntheticData
from sweeper_tasks.esmm.streamed_auc import StreamedAuc

BLOCK = 1 << 16
_N_REFERENCE = 1 << 18
_POPULATION, _TASTES, _REFERENCE, _FIRST_SPLIT = range(4)


@dataclass(frozen=True)
class World:
    """The population and the true logits of ctr and cvr, both linear in the scores of two tastes."""

    people: pop.Population
    tastes: tuple[pop.Taste, pop.Taste]
    intercepts: Array  # [2]
    weights: Array  # [2 logits, 2 tastes]

    def p(self, shown: pop.Impressions) -> Array:
        """[2, n] float32: the true p_ctr and p_cvr of each impression."""
        logits = self.intercepts[:, None] + self.weights @ self.scores(shown)
        p: Array = expit(logits.astype(np.float32))
        return p

    def scores(self, shown: pop.Impressions) -> Array:
        """[2, n] float64."""
        return np.stack([pop.score(taste, self.people, shown) for taste in self.tastes]).astype(np.float64)


def make_world(config: SyntheticData) -> World:
    """The world of `config`, its logits fitted on a sample that belongs to no split."""
    people = pop.populate(_rng(config, _POPULATION), config.n_users, config.n_items)
    rng = _rng(config, _TASTES)
    tastes = pop.draw_taste(rng, people, config.id_share), pop.draw_taste(rng, people, config.id_share)
    unfitted = World(people, tastes, np.zeros(2), np.eye(2))
    scores = unfitted.scores(pop.draw_impressions(people, _rng(config, _REFERENCE), _N_REFERENCE))
    weights = _mixed(config) @ np.linalg.inv(np.linalg.cholesky(np.cov(scores)))
    return replace(unfitted, intercepts=_intercepts(config, weights @ scores), weights=weights)


def _mixed(config: SyntheticData) -> Array:
    """[2, 2] of two independent standard scores, logits with the wanted deviations and correlation."""
    shared, own = config.correlation, np.sqrt(1 - config.correlation**2)
    return np.array([[config.ctr_signal, 0], [config.cvr_signal * shared, config.cvr_signal * own]])


def _intercepts(config: SyntheticData, logits: Array) -> Array:
    """[2] such that the mean p_ctr, and the mean p_cvr of what is clicked, are the wanted rates."""
    ctr = _solve(logits[0], config.click_rate, np.ones(logits.shape[1]))
    cvr = _solve(logits[1], config.conversion_rate, expit(ctr + logits[0]))
    return np.array([ctr, cvr])


def _solve(logit: Array, rate: float, weight: Array) -> float:
    """The b for which the weighted mean of sigmoid(b + logit) is `rate`."""
    return float(brentq(lambda b: np.average(expit(b + logit), weights=weight) - rate, -200.0, 200.0))


def build(config: SyntheticData, folder: Path) -> Mapping[str, Any]:
    """Write all splits into `folder`; `<split>_p_ctr` and `<split>_p_cvr` hold the truth."""
    world, sizes = make_world(config), (config.n_train, config.n_val, config.n_test)
    best_auc = {
        split: _write_split(config, world, folder, split, n) for split, n in zip(SPLITS, sizes, strict=True)
    }
    normalise(folder)
    fields = pop.sparse_fields(config.n_users, config.n_items)
    advice = "Use larger splits (data.n_val, ...) or a larger data.click_rate or data.conversion_rate"
    facts = facts_of(folder, fields, pop.DENSE, advice) | {"best_auc": best_auc}
    return {"n_train": config.n_train, "real": False, "facts": facts}


def blocks(config: SyntheticData, world: World, split: str, n: int) -> Iterator[dict[str, Array]]:
    """The split's columns, block by block."""
    for number, rows in enumerate(chunks(n, BLOCK)):
        columns = _draw(world, _rng(config, _FIRST_SPLIT + SPLITS.index(split), number))
        yield {name: column[: rows.stop - rows.start] for name, column in columns.items()}


def _write_split(config: SyntheticData, world: World, folder: Path, split: str, n: int) -> dict[str, float]:
    """Write one split, and return the AUCs that the true probabilities reach on it."""
    n_fields = len(pop.sparse_fields(config.n_users, config.n_items))
    writer = SplitWriter(folder, split, n, n_fields, len(pop.DENSE), more=("p_ctr", "p_cvr"))
    auc = {head: StreamedAuc() for head in ("ctcvr", "ctr", "cvr")}
    for columns in blocks(config, world, split, n):
        writer.append(**columns)
        p_ctr, p_cvr, click, conversion = (columns[c] for c in ("p_ctr", "p_cvr", "click", "conversion"))
        auc["ctcvr"].add(p_ctr * p_cvr, conversion)
        auc["ctr"].add(p_ctr, click)
        auc["cvr"].add(p_cvr[click == 1], conversion[click == 1])
    return {head: total.value() for head, total in auc.items()}


def _draw(world: World, rng: np.random.Generator) -> dict[str, Array]:
    """One block of impressions with its truth and its labels."""
    shown = pop.draw_impressions(world.people, rng, BLOCK)
    p_ctr, p_cvr = world.p(shown)
    click = rng.random(BLOCK) < p_ctr
    return {
        "sparse": pop.sparse_of(world.people, shown),
        "dense": pop.dense_of(world.people, shown),
        "click": click,
        "conversion": click & (rng.random(BLOCK) < p_cvr),
        "p_ctr": p_ctr,
        "p_cvr": p_cvr,
    }


def _rng(config: SyntheticData, *stream: int) -> np.random.Generator:
    return np.random.default_rng((config.generator_seed, *stream))
