"""What diagnosis adds to a report: metrics, gap and stability, reliability and precision-recall curves."""

from functools import partial
from statistics import pstdev

from sweeper.task import NOTHING, Arm, Comparison, Part, Plot, Table, mean_and_spread
from sweeper_tasks.diagnosis.metrics import N_BINS
from sweeper_tasks.diagnosis.report_plots import draw_precision, draw_reliability, is_drawable

TITLE = "Diagnosis"
LAST_EVALUATIONS = 5
METRICS = {
    "auprc": "AUPRC",
    "auroc": "AUROC",
    "sensitivity_at_95": "sensitivity at 95 % specificity",
    "macro_f1": "macro F1",
    "head_agreement": "agreement of the heads",
    "ce": "cross-entropy, nats",
    "ce_calibrated": "cross-entropy after temperature scaling",
    "brier": "Brier score",
    "brier_calibrated": "Brier score after temperature scaling",
    "ece": f"ECE, {N_BINS} bins of equal mass",
    "ece_calibrated": "ECE after temperature scaling",
    "temperature": "temperature, fitted on validation",
}


def report_parts(comparison: Comparison) -> tuple[Part, ...]:
    """Two tables, and two plots where records are left."""
    tables = (_metrics_table(comparison), _steadiness_table(comparison))
    if not any(is_drawable(arm) for arm in comparison.arms):
        return tables
    return (*tables, _reliability_plot(comparison), _precision_plot(comparison))


def _metrics_table(comparison: Comparison) -> Table:
    rows = [
        [label, _trivial(comparison, key), *_by_arm(comparison, key), _difference(comparison, key)]
        for key, label in METRICS.items()
        if comparison.baseline.per_seed(f"test/{key}")
    ]
    return Table(
        TITLE,
        ["on test", "trivial", *(arm.name for arm in comparison.arms), "difference"],
        rows,
        f"Mean and standard deviation over {comparison.seeds}{_what_differs(comparison)}. Trivial: the "
        "share of each class in training, for every patient.",
        left=["on test"],
    )


def _what_differs(comparison: Comparison) -> str:
    best = comparison.best
    return f"; the difference is {best.name} minus {comparison.baseline.name}, by seed" if best else ""


def _by_arm(comparison: Comparison, key: str) -> list[str]:
    return [mean_and_spread(list(arm.per_seed(f"test/{key}").values())) for arm in comparison.arms]


def _difference(comparison: Comparison, key: str) -> str:
    return mean_and_spread(comparison.differences(f"test/{key}"), signed=True)


def _trivial(comparison: Comparison, key: str) -> str:
    known = comparison.prepared.facts["trivial"]["test"] if comparison.prepared else {}
    return f"{known[key]:.4f}" if key in known else NOTHING


def _steadiness_table(comparison: Comparison) -> Table:
    """How much better a model is on what it learned from, and how much it wavers at the end."""
    gap = [mean_and_spread(gaps(arm), signed=True) for arm in comparison.arms]
    spread = [mean_and_spread(spreads(arm)) for arm in comparison.arms]
    head = ["overfitting and stability", *(arm.name for arm in comparison.arms)]
    rows = [
        ["AUPRC on train minus validation", *gap],
        [f"spread of the AUPRC on validation over the last {LAST_EVALUATIONS} evaluations", *spread],
    ]
    caption = (
        "Of the kept model, and of the run as it trained: the standard deviation of its last evaluations. "
        f"Mean and standard deviation over {comparison.seeds}."
    )
    return Table(TITLE, head, rows, caption, left=[head[0]])


def gaps(arm: Arm) -> list[float]:
    """Train minus validation AUPRC of the kept model, for each seed that has both."""
    train, val = (arm.per_seed(f"{split}/auprc") for split in ("train", "val"))
    return [value - val[seed] for seed, value in train.items() if seed in val]


def spreads(arm: Arm) -> list[float]:
    """Standard deviation of the last validation AUPRCs, for each seed with more than one evaluation."""
    curves = [found.get("val/auprc", ()) for found in arm.curves.values()]
    return [pstdev(values[-LAST_EVALUATIONS:]) for values in curves if len(values) > 1]


def _reliability_plot(comparison: Comparison) -> Plot:
    caption = (
        f"Share of patients with the diagnosis against its mean predicted probability, in {N_BINS} bins of "
        f"equal mass, over {comparison.seeds}; dashed: after temperature scaling. On the diagonal a "
        "probability means what it says. Both axes are square roots, so that small ones can be seen."
    )
    return Plot(TITLE, "reliability", caption, partial(draw_reliability, comparison), size=(6.0, 5.5))


def _precision_plot(comparison: Comparison) -> Plot:
    caption = (
        f"Precision at each recall on test: mean over {comparison.seeds}, band from the lowest to the "
        "highest seed; dotted: without any knowledge."
    )
    return Plot(TITLE, "precision-recall", caption, partial(draw_precision, comparison), size=(6.5, 5.0))
