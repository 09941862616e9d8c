"""What an app's command line means, and each thing that may be wrong with it."""

import pytest

from tests.sweeper.app.apps import App, points

TWO = "lr=1,2"
ADD_ONE = "Add a new one with +key=value."
NOTHING = "Sweep a key, as in optimizer.lr=1e-4,1e-3"


def test_a_swept_key_is_enumerated_on_seeds_from_the_app_s_own_on(app: App) -> None:
    sweep = app.read(TWO)
    assert points(sweep) == [("lr=1", {"lr": 1}), ("lr=2", {"lr": 2})]
    assert (sweep.seed_key, sweep.seeds, sweep.warnings) == ("seed", (7, 8, 9), ())


def test_swept_keys_and_groups_make_a_grid(app: App) -> None:
    assert points(app.read(TWO, "model=glob(*)")) == [
        ("lr=1 model=big", {"lr": 1, "model": "big"}),
        ("lr=1 model=small", {"lr": 1, "model": "small"}),
        ("lr=2 model=big", {"lr": 2, "model": "big"}),
        ("lr=2 model=small", {"lr": 2, "model": "small"}),
    ]


def test_named_trials_are_enumerated_with_what_is_swept(app: App) -> None:
    named = "hydra.sweeper.study.trials={slow: ['lr=1'], quick: ['lr=2']}"
    assert [name for name, _ in points(app.read(named))] == ["slow", "quick"]
    names = [name for name, _ in points(app.read(named, "model=small,big"))]
    assert names == [f"{name} model={model}" for name in ("slow", "quick") for model in ("small", "big")]


def test_params_of_a_file_with_the_other_plugin_s_words_are_swept_in_their_order(app: App) -> None:
    sweep = app.read("+hparams=tpe")
    assert sweep.points is None
    assert sweep.space.keys == ("lr", "model")
    task, study = sweep.settings.task, sweep.settings.study
    assert (task.metric, task.direction, study.n_trials) == ("acc", "maximize", 4)
    assert sweep.settings.sampler.seed == 1
    assert app.read("+hparams=tpe", "lr=3,4").space.keys == ("lr", "model")


def test_what_the_command_line_fixes_is_not_swept_and_that_is_said(app: App) -> None:
    sweep = app.read("+hparams=tpe", "lr=3")
    assert sweep.space.keys == ("model",)
    said = "hydra.sweeper.params: lr is not swept, since the command line fixes it"
    assert said in sweep.warnings
    assert app.faults("hydra.sweeper.params={lr: 'choice(1,2)'}", "lr=3") == [
        f"command line: nothing is swept; {said}. {NOTHING}"
    ]


@pytest.mark.parametrize(
    ("words", "key", "seeds"),
    [
        (["seed=1,2,3"], "seed", (1, 2, 3)),
        (["seed=range(2)"], "seed", (0, 1)),
        (["seed=4", "hydra.sweeper.study.n_seeds=2"], "seed", (4, 5)),
        (["seed=null"], "seed", (0, 1, 2)),
        (["hydra.sweeper.study.seeds=[5,6]"], "seed", (5, 6)),
        (["hydra.sweeper.app.seed_key=model.width"], "model.width", (4, 5, 6)),
        (["hydra.sweeper.app.seed_key=model.width", "model.width=2,3"], "model.width", (2, 3)),
        (["hydra.sweeper.app.seed_key=random", "+random=8,9"], "random", (8, 9)),
        (["hydra.sweeper.app.seed_key=random", "+random=8"], "random", (8, 9, 10)),
    ],
)
def test_seeds_come_from_the_key_that_the_app_has_for_them(
    words: list[str], key: str, seeds: tuple[int, ...], app: App
) -> None:
    sweep = app.read(TWO, *words)
    assert (sweep.seed_key, sweep.seeds) == (key, seeds)
    assert not sweep.warnings


@pytest.mark.parametrize("key", ["null", "random_state"])
def test_without_a_seed_runs_are_plain_repetitions_and_that_is_said(key: str, app: App) -> None:
    sweep = app.read(TWO, f"hydra.sweeper.app.seed_key={key}")
    assert sweep.seed_key is None
    (said,) = sweep.warnings
    assert "plain repetitions" in said


def test_an_interval_is_adaptive(app: App) -> None:
    assert app.read("lr=interval(0,1)", "hydra.sweeper.n_trials=3").points is None


def test_a_required_group_may_be_swept_where_the_baseline_chooses(app: App) -> None:
    chosen = "hydra.sweeper.study.baseline=['need=a']"
    assert [name for name, _ in points(app.read("need=a,b", chosen, name="required"))] == ["need=a", "need=b"]


def test_options_of_the_sweeper_may_stand_in_any_file_of_the_app(app: App) -> None:
    """Composed without the choice of a sweeper on the command line, Hydra refuses them."""
    assert app.read("+exp=trials", "lr=interval(0,1)").settings.study.n_trials == 5


NO_OPTION = "no option is chosen; expected one of a, b."
CHOOSE = "The swept ones are the candidates'. Write \"hydra.sweeper.study.baseline=['need=a']\"."
N_TRIALS, SEEDS = "hydra.sweeper.n_trials", "hydra.sweeper.study.seeds"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("lr=3", [f"command line: nothing is swept. {NOTHING}"]),
        ("seed=1,2", [f"command line: nothing is swept. {NOTHING}"]),
        ("lrr=1,2", ["lrr: no such parameter (from override 'lrr=1,2'); did you mean 'lr'?"]),
        ("x=1,2", [f"x: no such parameter (from override 'x=1,2'). {ADD_ONE}"]),
        (
            "model=small,bigg",
            ["model: no such option 'bigg' (from override 'model=small,bigg'); did you mean 'big'?"],
        ),
        (
            "lr=1,2 lr=3",
            [
                "lr: got 'lr=3' after 'lr=1,2', which is swept. Keep one of them. "
                "One value is swept by lr=choice(3)."
            ],
        ),
        (
            "lr=tag(log,interval(0,1)) hydra.sweeper.n_trials=2",
            [
                "lr: got a lower end of 0.0; expected a number > 0 for tag(log, ...) "
                "(from override 'lr=tag(log,interval(0,1))')"
            ],
        ),
        (
            "lr=interval(0,1)",
            [f"{N_TRIALS}: missing; the interval of lr has no end. Say how many trials: {N_TRIALS}=40."],
        ),
        (
            "model=small,big model.depth=1,2",
            [
                "model.depth: model=small has no such parameter (from override 'model.depth=1,2'); only "
                "model=big has it. Name the candidates, each with its own keys: "
                "\"hydra.sweeper.study.trials={small:['model=small'],"
                "big_1:['model=big','model.depth=1'],big_2:['model=big','model.depth=2']}\""
            ],
        ),
        (
            "+exp=two,trials",
            [
                f"{N_TRIALS}: the options of exp differ in this key (from override '+exp=two,trials'); "
                "it holds for a whole study, so a trial cannot change it. Start a study for each option, or "
                f"write {N_TRIALS} on the command line, without sweeping it."
            ],
        ),
        (
            "lr=1,2 seed=1,2 hydra.sweeper.study.seeds=[5]",
            [f"{SEEDS}: got seeds twice (from here and from the swept key 'seed'). Keep one."],
        ),
        (
            "lr=1,2 hydra.sweeper.app.seed_key=rs rs=1,2",
            [
                "rs: no such parameter (from the swept key 'rs'). "
                "Name the key that the app takes its seed from: app.seed_key=..."
            ],
        ),
        (
            "lr=1,2 hydra.sweeper.study.baseline=['lrr=1']",
            ["baseline: lrr: no such parameter (from override 'lrr=1'); did you mean 'lr'?"],
        ),
        (
            "lr=1,2 hydra.sweeper.study.trials={a:['lrr=1']}",
            ["lrr: no such parameter (from override 'lrr=1'); did you mean 'lr'?"],
        ),
    ],
)
def test_a_fault_of_the_command_line_is_a_line_with_the_key_as_the_user_writes_it(
    words: str, expected: list[str], app: App
) -> None:
    assert app.faults(*words.split()) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("lr=1,2", [f"need: {NO_OPTION} Choose it: need=<option>"]),
        ("need=a,b", [f"baseline: need: {NO_OPTION} {CHOOSE}"]),
        (
            "need=a,c",
            [
                "need: no such option 'c' (from override 'need=a,c'). It has a, b.",
                f"baseline: need: {NO_OPTION} {CHOOSE}",
            ],
        ),
    ],
)
def test_a_required_group_has_to_be_chosen(words: str, expected: list[str], app: App) -> None:
    fresh = App(app.loader)  # what has been swept once is known to be required
    assert fresh.faults(*words.split(), name="required") == expected


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_value_that_is_no_number_is_refused(value: str, app: App) -> None:
    [line] = app.faults(f"lr=1.0,{value}")
    assert line.startswith(f"override 'lr=1.0,{value}': got {value}; expected a finite number")


def test_a_range_of_very_many_is_not_gone_through(app: App) -> None:
    assert app.read("lr=range(0,1000000000)", "hydra.sweeper.n_trials=2").space.keys == ("lr",)


def test_all_faults_come_at_once(app: App) -> None:
    words = ("model=small,bigg", "lrr=3,4", f"{N_TRIALS}=-3", "hydra.sweeper.study.n_seeds=0")
    assert app.faults(*words) == [
        "model: no such option 'bigg' (from override 'model=small,bigg'); did you mean 'big'?",
        "lrr: no such parameter (from override 'lrr=3,4'); did you mean 'lr'?",
        f"{N_TRIALS}: got -3; expected a number > 0",
        "hydra.sweeper.study.n_seeds: got 0; expected a number > 0",
    ]
