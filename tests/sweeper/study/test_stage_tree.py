"""The tree of a staged plan: what each way costs."""

import io

from rich.console import Console

from sweeper.findings import Decision
from sweeper.schema import StudyPlan
from sweeper.search import stages_of
from sweeper.study.stage_tree import Cost, branches, drawn_tree

STAGES = stages_of(
    StudyPlan(
        name="test",
        stages={
            "focal": {
                "trials": ["lmsa_focal"],
                "then": [{"when": "best >= 0.73", "go": "stop"}, {"when": "best < 0.71", "go": "adjusted"}],
            },
            "hard": {"trials": ["lmsa_hard"], "then": [{"go": "stop"}]},
            "adjusted": {"adjust": {"change": {"optimizer.lr": "*0.6", "loss.focal_gamma": 1.5}}},
        },
    )
)
COSTS = {"focal": Cost(3, 60.0), "hard": Cost(3, 90.0), "adjusted": Cost(3, 60.0)}
AROUND = Cost(9, 120.0)


def printed(decisions: tuple[Decision, ...] = (), costs: dict[str, Cost] = COSTS) -> list[str]:
    console = Console(file=io.StringIO(), width=60, highlight=False)
    console.print(drawn_tree("test", branches(STAGES, costs, AROUND, decisions)))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_each_way_is_drawn_with_what_decides_and_what_it_costs_in_all() -> None:
    """The baseline and the confirmation, 9 runs in 2 minutes, are on every way."""
    assert printed() == [
        "stages of test",
        "└── focal (lmsa_focal), 3 runs, 1 min 00 s",
        "    ├── best >= 0.73: stop; in all 12 runs, 3 min 00 s",
        "    ├── best < 0.71: adjusted (the best with other lr,",
        "    │   focal_gamma), 3 runs, 1 min 00 s",
        "    │   └── then: stop; in all 15 runs, 4 min 00 s",
        "    └── else: hard (lmsa_hard), 3 runs, 1 min 30 s",
        "        └── then: stop; in all 15 runs, 4 min 30 s",
    ]


def test_of_a_stage_that_is_over_the_way_that_was_taken_is_drawn_with_its_reason() -> None:
    over = Decision(stage="focal", go="hard", because="best is 0.7200 (lmsa_focal)")
    assert printed((over, Decision(stage="hard")))[2:] == [
        "    └── best is 0.7200 (lmsa_focal): hard (lmsa_hard), 3",
        "        runs, 1 min 30 s",
        "        └── then: stop; in all 15 runs, 4 min 30 s",
    ]


def test_without_earlier_runs_the_time_is_not_said() -> None:
    unknown = {name: Cost(cost.n_runs, None) for name, cost in COSTS.items()}
    assert printed(costs=unknown)[1:3] == [
        "└── focal (lmsa_focal), 3 runs",
        "    ├── best >= 0.73: stop; in all 12 runs",
    ]
