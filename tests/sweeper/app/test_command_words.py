"""The words of `sweeper run --cmd`."""

import pytest

from sweeper.app import run_command
from sweeper.app.command_words import CommandWords, as_typed, filled, name_of, places_in, read_words
from sweeper.errors import Fault, UserError

TEMPLATE = "python train.py --gamma {gamma} --seed {seed} --out {out}"
BASELINE, METRIC = "baseline.gamma=0", "metric=val/acc:max"
NO_SEED = "hydra.sweeper.app.seed_key=null"


def faults(template: str, *words: str) -> list[str]:
    with pytest.raises(UserError, match=r".") as caught:
        read_words(template, words)
    return str(caught.value).split("\n")


def test_places_are_swept_fixed_or_each_run_s_own() -> None:
    read = read_words(TEMPLATE, ["gamma=0,1,2", BASELINE, METRIC])
    assert read == CommandWords(
        template=("python", "train.py", "--gamma", "{gamma}", "--seed", "{seed}", "--out", "{out}"),
        arguments=("+gamma=0,1,2", "+seed=0"),
        options=(
            'hydra.sweeper.study.baseline=["+gamma=0"]',
            'hydra.sweeper.app.metric=["val/acc"]',
            "hydra.sweeper.direction=maximize",
        ),
        written={"gamma": ("0", "1", "2"), "seed": ("0",)},
        baseline={"gamma": ("0",)},
    )


def test_without_a_place_for_the_seed_runs_are_repetitions() -> None:
    assert NO_SEED in read_words("train {gamma}", ["gamma=1,2", BASELINE, METRIC]).options
    assert NO_SEED not in read_words("train {gamma} {seed}", ["gamma=1,2", BASELINE, METRIC]).options


def test_everything_else_is_a_setting_of_the_study() -> None:
    words = ["gamma=1,2", BASELINE, METRIC, "study.n_seeds=2", "pruner=asha", "n_trials=5"]
    *_, seeds, pruner, n_trials = read_words(TEMPLATE, words).options
    assert seeds == "hydra.sweeper.study.n_seeds=2"
    assert (pruner, n_trials) == ("hydra/sweeper/pruner=asha", "hydra.sweeper.n_trials=5")


def test_a_setting_may_be_written_as_on_the_command_line_of_an_app() -> None:
    """As advice has it that is given to both: `hydra.sweeper.app.code=false goes on whatever the code`."""
    words = ("gamma=1,2", BASELINE, METRIC)
    ours = read_words("train {gamma}", [*words, "app.code=false", "sampler=tpe"])
    of_an_app = ("hydra.sweeper.app.code=false", "hydra/sweeper/sampler=tpe")
    assert ours == read_words("train {gamma}", [*words, *of_an_app])


def test_names_of_settings_in_messages_may_be_typed() -> None:
    read = read_words("train {gamma}", ["gamma=1,2", BASELINE, "study.metrics=[acc:maximize, loss:minimize]"])
    assert 'hydra.sweeper.app.metric=["acc", "loss"]' in read.options
    read = read_words("train {gamma}", ["gamma=1,2", BASELINE, METRIC, "study.max_failure_rate=0.9"])
    assert "hydra.sweeper.max_failure_rate=0.9" in read.options


def test_what_is_fixed_and_not_the_baseline_s_is_a_choice_of_one_beside_a_sweep() -> None:
    words = ["gamma=0.5", "lr=1,2", "baseline.gamma=0", "baseline.lr=1", METRIC]
    assert read_words("train {gamma} {lr}", words).arguments[:2] == ("+gamma=choice(0.5)", "+lr=1,2")


def test_a_fault_names_parameters_as_they_are_typed() -> None:
    own = Fault("override '+gamma=1,~/h'", "cannot be read: a value", "Write \"+gamma=1,'~/h'\".")
    (typed,) = as_typed([own], "train {gamma}", ["gamma=1,~/h", BASELINE, METRIC]).faults
    assert (typed.where, typed.advice) == ("override 'gamma=1,~/h'", "Write \"gamma=1,'~/h'\".")


@pytest.mark.parametrize(
    ("word", "of_an_app", "here"),
    [
        ("study.name=mine", "hydra.sweeper.study_name: got 'mine'", "study.name: got 'mine'"),
        ("study_name=mine", "hydra.sweeper.study_name: got 'mine'", "study_name: got 'mine'"),
        ("hydra.sweeper.n_trials=a", "hydra.sweeper.n_trials", "n_trials"),
        ("x=1", "such as hydra.sweeper.n_trials=40.", "such as study.n_trials=40."),
        ("x=1", "hydra.sweeper.app.metric", "metric"),
        ("x=1", "hydra.sweeper.study.retry and hydra/sweeper/pruner", "study.retry and pruner"),
        ("x=1", "hydra.sweeper.study.baseline.x: 0 -> 1", "baseline.x: 0 -> 1"),
    ],
)
def test_a_fault_names_settings_as_they_are_typed(word: str, of_an_app: str, here: str) -> None:
    (fault,) = as_typed([Fault(of_an_app, of_an_app, of_an_app)], "train {x}", [word]).faults
    assert (fault.where, fault.problem, fault.advice) == (here, here, here)


def test_all_messages_about_a_command_are_in_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["gamma=interval(0,1)", BASELINE, METRIC, "study.name=mine", "study.retry=no"]
    assert run_command("train {gamma}", words) == 2
    told = capsys.readouterr().err
    assert told.startswith("study.retry: got 'no'")
    assert "hydra" not in told


def test_one_value_that_is_not_the_baseline_s_is_a_grid_of_one() -> None:
    read = read_words(TEMPLATE, ["gamma=2", BASELINE, METRIC])
    assert read.arguments == ("+gamma=choice(2)", "+seed=0")
    read = read_words(TEMPLATE, ["gamma=0", BASELINE, METRIC])
    assert read.arguments == ("+gamma=choice(0)", "+seed=0")  # the baseline sets it once more


def test_named_trials_change_the_baseline_s_values() -> None:
    """They were refused with "no value for this place", and with that value as twice the same key."""
    trials = 'study.trials={a: ["gamma=1"], b: ["gamma=2"]}'
    for words in ([BASELINE], [BASELINE, "gamma=0"], ["gamma=0"]):
        read = read_words(TEMPLATE, [trials, *words, METRIC])
        assert read.arguments == ("+gamma=0", "+seed=0")
        assert "hydra.sweeper.study.baseline=[]" in read.options


def test_a_study_may_be_named_as_one_of_a_task_is() -> None:
    options = read_words(TEMPLATE, ["gamma=1,2", BASELINE, METRIC, "study.name=mine"]).options
    assert options[-1] == "hydra.sweeper.study_name=mine"


@pytest.mark.parametrize("template", ["cd there && python train.py {gamma}", "train {gamma} | tail -1"])
def test_what_a_shell_would_act_on_is_refused(template: str) -> None:
    [line] = faults(template, "gamma=1,2", BASELINE, METRIC)
    assert "which only a shell understands, and no shell reads the command" in line
    read = read_words(f'bash -c "{template}"', ["gamma=1,2", BASELINE, METRIC])
    assert read.template[2] == template


@pytest.mark.parametrize(
    "template", ["train --sep ';' {gamma}", 'train "<" {gamma}', "train --drive cd {gamma}"]
)
def test_what_is_quoted_or_no_first_word_is_an_argument(template: str) -> None:
    assert read_words(template, ["gamma=1,2", BASELINE, METRIC]).template[0] == "train"


def test_several_metrics_and_patterns() -> None:
    words = ["gamma=1,2", BASELINE, METRIC, "metric=loss:min", r"pattern.acc=acc=([\d.]+)"]
    read = read_words(TEMPLATE, words)
    assert 'hydra.sweeper.app.metric=["val/acc", "loss"]' in read.options
    assert 'hydra.sweeper.direction=["maximize", "minimize"]' in read.options
    assert read.patterns == {"acc": r"acc=([\d.]+)"}


def test_of_two_patterns_of_a_figure_the_last_counts_by_the_name_that_was_typed() -> None:
    words = ["gamma=1,2", BASELINE, METRIC, "pattern.val/acc=a(.)", "pattern.eval_acc=b(.)"]
    assert read_words(TEMPLATE, words).patterns == {"eval_acc": "b(.)"}


@pytest.mark.parametrize(
    ("template", "words", "expected"),
    [
        (
            "train 'x",
            [],
            '--cmd: got "train \'x", which cannot be split into words: No closing quotation. Close the quote',
        ),
        ("", [], "--cmd: got nothing; expected a command. sweeper run --cmd 'python train.py"),
        (
            "train {gamma}",
            [BASELINE, METRIC],
            "gamma: no value for this place in the command. Give one: gamma=...",
        ),
        (
            "train {gamma}",
            ["gamma=1,2", METRIC],
            "baseline.gamma: missing; a command has no values of its own that a baseline could have. "
            "Say what the reference is: baseline.gamma=...",
        ),
        (
            "train {gamma}",
            ["gamma=1", "baseline.gama=1", METRIC],
            "baseline.gama: no such place in the command; did you mean 'gamma'? It has {gamma}",
        ),
        (
            "train {gamma}",
            ["gamma=1", METRIC, "gama=2"],
            "gama: no such place in the command, and no setting (from 'gama=2'); did you mean 'gamma'? "
            "The command has {gamma}",
        ),
        (
            "train {gamma}",
            ["gamma=1", METRIC, "lr"],
            "command line: got 'lr'; expected key=value. sweeper run",
        ),
        (
            "train",
            [],
            "metric: missing; what is the command judged by? For example metric=val/acc:max",
        ),
        (
            "train",
            ["metric=acc"],
            "metric: got 'acc'; expected a name and a direction. For example metric=val/acc:max",
        ),
        (
            "train",
            ["metric=[acc:max, loss:min]"],
            "metric: got '[acc:max, loss:min]'; expected one name and a direction. Several objectives are "
            "typed instead of metric= as 'study.metrics=[acc:max,loss:min]'",
        ),
        (
            "train",
            ["metric=acc:max,loss:min"],
            "metric: got 'acc:max,loss:min'; expected one name and a direction. Several",
        ),
        (
            "train {seed}",
            [METRIC, "n_seeds=2"],
            "n_seeds: no such place in the command, and no setting (from 'n_seeds=2'); "
            "did you mean 'study.n_seeds'?",
        ),
        (
            "train {gamma}",
            ["gamma=,--fast", BASELINE, METRIC],
            "gamma: got ',--fast', in which a comma has no value beside it. "
            "Write gamma=--fast; or, where one value is no text, \"gamma='',--fast\"",
        ),
        (
            "train {opt.lr}",
            [METRIC, "opt.lr=2"],
            "--cmd: got {opt.lr}; names in braces have no dots. Write {opt_lr}, and opt_lr=... for",
        ),
        (
            "train",
            [METRIC, "pattern.acc=("],
            "pattern.acc: got '(', which is no regular expression: missing ), unterminated subpattern",
        ),
        (
            "train",
            [METRIC, "pattern.acc=acc"],
            "pattern.acc: got 'acc', which has 0 groups; expected one, which holds the number. For example",
        ),
        ("train {out}", [METRIC, "out=here"], "out: no such place in the command, and no setting"),
    ],
)
def test_a_word_that_is_wrong_is_a_line(template: str, words: list[str], expected: str) -> None:
    (told,) = faults(template, *words)
    assert told.startswith(expected)


def test_all_that_is_wrong_comes_at_once() -> None:
    assert len(faults("train {gamma} {beta}", "beta=1,2", "metric=acc", "lr", "pattern.x=(")) == 5


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["python", "src/train.py", "--lr", "{lr}"], "train"),
        (["/usr/bin/python3.11", "-u", "train.py"], "train"),
        (["./train.sh", "{lr}"], "train"),
        (["uv", "run", "train.py"], "run"),
        (["{program}"], "command"),
    ],
)
def test_a_study_is_called_by_its_script(parts: list[str], name: str) -> None:
    assert name_of(parts) == name


def test_braces_that_are_doubled_are_braces() -> None:
    part = '{{"lr": {lr}, "seed": {seed}}}'
    assert places_in([part]) == ["lr", "seed"]
    assert filled(part, {"lr": "0.1", "seed": "3"}) == '{"lr": 0.1, "seed": 3}'
    assert read_words("train {{opt.lr}}", [METRIC]).template == ("train", "{{opt.lr}}")


def test_what_is_filled_in_is_not_filled_again() -> None:
    assert filled("{a}{b}", {"a": "{b}", "b": "}}"}) == "{b}}}"
