"""Who sees what in the synthetic data: users, items, contexts, their attributes, and what clicks depend on.

The fields have the shape of Ali-CCP's: a user's id, profile and history (the category, shop, brand and
intention that they favour), an item's id, category, shop, brand and intention, whether history and item
match, the context.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweeper_tasks.esmm.columns import Array

PROFILE = dict(
    zip(
        ("user_group", "user_cluster", "gender", "age", "spending", "depth", "job", "city"),
        (97, 14, 3, 8, 4, 4, 5, 5),
        strict=True,
    )
)
KIND = {"category": 400, "shop": 1500, "brand": 1000, "intention": 300}
CONTEXT = {"position": 10, "hour": 24, "weekday": 7, "device": 4}
DENSE = ("user_activity", "item_price", "item_age", "days_since_visit")
RANK = 4
"""Width of the low-rank interaction between a user and an item."""


def sparse_fields(n_users: int, n_items: int) -> dict[str, int]:
    """Each sparse field with its vocabulary; id 0 is kept for "unknown", as in data that were observed."""
    return {
        "user_id": n_users + 1,
        **{name: size + 1 for name, size in PROFILE.items()},
        **{f"history_{name}": size + 1 for name, size in KIND.items()},
        "item_id": n_items + 1,
        **{name: size + 1 for name, size in KIND.items()},
        **{f"match_{name}": size + 1 for name, size in KIND.items()},
        **{name: size + 1 for name, size in CONTEXT.items()},
    }


@dataclass(frozen=True)
class Population:
    """Tables of users and items, attributes counted from 1; who and what is drawn follows Zipf's law."""

    user_share: Array  # [U] cumulated
    item_share: Array  # [I] cumulated
    profile: Array  # [U, 8]
    history: Array  # [U, 4]
    kind: Array  # [I, 4]
    activity: Array  # [U]
    price: Array  # [I]
    age: Array  # [I]


@dataclass(frozen=True)
class Impressions:
    """Users, items and contexts of n impressions: rows of the population's tables."""

    users: Array  # [n]
    items: Array  # [n]
    context: Array  # [n, 4], counted from 1
    days: Array  # [n]


@dataclass(frozen=True)
class Taste:
    """What makes an impression liked; an effect's column 0 is additive, the rest is a latent vector."""

    user: Array  # [U, 1 + RANK]
    item: Array  # [I, 1 + RANK]
    match: Array  # [4]
    context: tuple[Array, ...]
    dense: Array  # [4]


def populate(rng: np.random.Generator, n_users: int, n_items: int) -> Population:
    """A population; a user's history is the kind of one item that they favour, so it follows supply."""
    kind = _attributes(rng, n_items, tuple(KIND.values()))
    item_share = _zipf(n_items)
    favourite = np.searchsorted(item_share, rng.random(n_users))
    return Population(
        user_share=_zipf(n_users),
        item_share=item_share,
        profile=_attributes(rng, n_users, tuple(PROFILE.values())),
        history=kind[favourite],
        kind=kind,
        activity=rng.normal(size=n_users).astype(np.float32),
        price=rng.normal(size=n_items).astype(np.float32),
        age=rng.exponential(size=n_items).astype(np.float32),
    )


_AFTER_LAST = np.array(tuple(CONTEXT.values())) + 1


def draw_impressions(population: Population, rng: np.random.Generator, n: int) -> Impressions:
    """`n` impressions: users and items independent of one another, the context uniform."""
    return Impressions(
        users=np.searchsorted(population.user_share, rng.random(n)),
        items=np.searchsorted(population.item_share, rng.random(n)),
        context=rng.integers(1, _AFTER_LAST, size=(n, len(CONTEXT)), dtype=np.int32),
        days=rng.exponential(size=n).astype(np.float32),
    )


def matches(population: Population, shown: Impressions) -> Array:
    """[n, 4] whether the item is of a kind that the user favours."""
    found: Array = population.history[shown.users] == population.kind[shown.items]
    return found


def sparse_of(population: Population, shown: Impressions) -> Array:
    """[n, F] int32 in the order of `sparse_fields`; a match field holds what matched, or 0."""
    kind = population.kind[shown.items]
    return np.concatenate(
        [
            shown.users[:, None].astype(np.int32) + 1,
            population.profile[shown.users],
            population.history[shown.users],
            shown.items[:, None].astype(np.int32) + 1,
            kind,
            kind * matches(population, shown),
            shown.context,
        ],
        axis=1,
    )


def dense_of(population: Population, shown: Impressions) -> Array:
    """[n, 4] float32 in the order of `DENSE`, prices on their usual scale."""
    activity, age = population.activity[shown.users], population.age[shown.items]
    return np.stack([activity, np.exp(population.price[shown.items]), age, shown.days], axis=1)


def draw_taste(rng: np.random.Generator, population: Population, id_share: float) -> Taste:
    """A taste: additive effects of all fields, and a low-rank affinity between users and items.

    `id_share` of the effects' variance belongs to a user or item alone: only its own embedding can learn it.
    """
    users = np.concatenate([population.profile, population.history], axis=1)
    return Taste(
        user=_effects(rng, users, id_share),
        item=_effects(rng, population.kind, id_share),
        match=rng.uniform(0.5, 1.5, size=len(KIND)).astype(np.float32),
        context=tuple(rng.normal(size=n + 1).astype(np.float32) for n in CONTEXT.values()),
        dense=rng.normal(size=len(DENSE)).astype(np.float32),
    )


def score(taste: Taste, population: Population, shown: Impressions) -> Array:
    """[n] how much this taste likes each impression, on no particular scale."""
    user, item = taste.user[shown.users], taste.item[shown.items]
    affinity = np.einsum("nr,nr->n", user[:, 1:], item[:, 1:]) / np.sqrt(RANK)
    context = sum(table[shown.context[:, i]] for i, table in enumerate(taste.context))
    total: Array = user[:, 0] + item[:, 0] + affinity + 0.5 * context
    total += 0.3 * _dense_effect(taste, population, shown)
    total += matches(population, shown) @ taste.match
    return total


def _dense_effect(taste: Taste, population: Population, shown: Impressions) -> Array:
    """[n] linear in the logarithm of the price, not in the price that a model sees."""
    activity, price, age, days = taste.dense
    of_item = price * population.price + age * population.age
    effect: Array = activity * population.activity[shown.users] + of_item[shown.items] + days * shown.days
    return effect


def _zipf(n: int) -> Array:
    """[n] cumulated shares of ranks 1..n: the share of rank k falls like 1 / (k + 5)."""
    cumulated = np.cumsum(1 / (np.arange(n) + 6.0))
    shares: Array = cumulated / cumulated[-1]
    return shares


def _attributes(rng: np.random.Generator, n: int, sizes: Sequence[int]) -> Array:
    """[n, len(sizes)] int32 attributes from 1 to each size, by Zipf's law."""
    drawn = [np.searchsorted(_zipf(size), rng.random(n)) + 1 for size in sizes]
    return np.stack(drawn, axis=1).astype(np.int32)


def _effects(rng: np.random.Generator, attributes: Array, id_share: float) -> Array:
    """[n, 1 + RANK] of variance 1: the mean effect of the attributes' levels, and a part of one's own."""
    n, n_attributes = attributes.shape
    levels = rng.normal(size=(n_attributes, int(attributes.max()) + 1, 1 + RANK))
    shared = sum(levels[i, attributes[:, i]] for i in range(n_attributes)) / np.sqrt(n_attributes)
    own = rng.normal(size=(n, 1 + RANK))
    mixed: Array = np.sqrt(1 - id_share) * shared + np.sqrt(id_share) * own
    return mixed.astype(np.float32)
