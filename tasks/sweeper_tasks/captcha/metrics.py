"""How well texts are read. No torch here.

Shapes: n images, L positions, K = 63 outputs a position (62 characters and the padding).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp

from sweeper_tasks.captcha.alphabet import ANY_CASE, CHARACTERS, N_CLASSES, PADDING, Codes, ended
from sweeper_tasks.captcha.names import OUTPUT_METRICS

Floats = NDArray[np.float64]


class Confusion(NamedTuple):
    """How often one character was read as another at the same position; "" stands for the end of the text."""

    true: str
    read: str
    n: int


def reading_metrics(read: Codes, true: Codes) -> dict[str, float]:
    """Of texts as codes [n, L]: `full_match` and `full_match_any_case` over images, `character_accuracy`.

    An accuracy over characters is the share of the true texts' characters that were read at their position.
    """
    hits = (ended(read) == true) & (true != PADDING)
    return {
        "full_match": float(is_match(read, true).mean()),
        "full_match_any_case": float(is_match(ANY_CASE[read], ANY_CASE[true]).mean()),
        "character_accuracy": float(hits.sum() / max((true != PADDING).sum(), 1)),
    }


def is_match(read: Codes, true: Codes) -> NDArray[np.bool_]:
    """[n] whether the whole text is right."""
    matches: NDArray[np.bool_] = (ended(read) == ended(true)).all(axis=1)
    return matches


def output_metrics(logits: Floats, true: Codes) -> dict[str, float]:
    """Of all n L K outputs as yes-or-no answers, from their logits [n, L, K] and the true codes [n, L].

    `bce` is their plain cross-entropy, a mean over all, nats. `precision` and `recall` are of the answers
    above one half; where none is, both are 0.
    """
    labels = one_hot(true)
    yes = logits > 0
    n_right = int((yes & labels).sum())
    bce = float(np.mean(np.logaddexp(0, logits) - labels * logits))
    values = (bce, n_right / int(labels.sum()), n_right / max(int(yes.sum()), 1))
    return dict(zip(OUTPUT_METRICS, values, strict=True))


def cross_entropies(logits: Floats, true: Codes) -> Floats:
    """[n] of each image, the mean over its positions of `-log softmax(z)` at the true code, nats.

    For outputs that are sigmoids of z this is the probability of the true code given that exactly one output
    of the position is a yes.
    """
    log_p = np.take_along_axis(log_softmax(logits, axis=-1), true[..., None].astype(np.int64), axis=-1)
    losses: Floats = -log_p[..., 0].mean(axis=1)
    return losses


def one_against_rest(logits: Floats) -> Floats:
    """[n, L, K] the logit of each softmax probability, `log p - log(1 - p)`, from softmax logits z [n, L, K].

    Equals `z_k - logsumexp` over all others. Numerics: for the largest z, whose p may round to 1, the others
    are summed; for the rest p is at most 1/2, and log(1 - p) is safe.
    """
    largest = logits.argmax(axis=-1)[..., None] == np.arange(logits.shape[-1])
    others = logsumexp(np.where(largest, -np.inf, logits), axis=-1, keepdims=True)
    whole = logsumexp(logits, axis=-1, keepdims=True)
    p = np.exp(np.where(largest, -np.inf, logits - whole))
    against: Floats = logits - np.where(largest, others, whole + np.log1p(-p))
    return against


def one_hot(codes: Codes) -> NDArray[np.bool_]:
    """[n, L, K] where the code is k."""
    labels: NDArray[np.bool_] = codes[..., None] == np.arange(N_CLASSES)
    return labels


def confusions(read: Codes, true: Codes, n: int = 20) -> list[Confusion]:
    """The n commonest pairs of a true character and what was read instead, from codes [n, L]."""
    counts = np.zeros((N_CLASSES, N_CLASSES), dtype=np.int64)
    np.add.at(counts, (ended(true).ravel(), ended(read).ravel()), 1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:n]
    pairs = zip(*np.unravel_index(order, counts.shape), counts.ravel()[order], strict=True)
    return [Confusion(_character(t), _character(r), int(count)) for t, r, count in pairs if count]


def _character(code: Any) -> str:
    return "" if code == PADDING else CHARACTERS[code]
