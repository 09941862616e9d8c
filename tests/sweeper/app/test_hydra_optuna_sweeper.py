"""Each row of `docs/reference/hydra_optuna_sweeper.md` holds: what that plugin's users write, read here."""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hydra.core.config_loader import ConfigLoader
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import OmegaConf

from hydra_plugins.optuna_study.other_sweeper import CLASS, OURS, explain_the_other
from hydra_plugins.optuna_study.sweeper import OptunaStudySweeper
from sweeper.app.hydra_app import HydraApp
from sweeper.app.launch import Launch
from sweeper.app.reading import AppSweep, read_app
from sweeper.client.hydra_callback import returned
from sweeper.config import loader_of
from sweeper.errors import UserError
from sweeper.layout import RunFolder, StudyFolder
from sweeper.program_spec import figures_of
from sweeper.search.samplers import custom_search_space, distributions, sampler_of, suggest_custom

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "hydra_optuna_sweeper.md"
HERE = "tests.sweeper.app.test_hydra_optuna_sweeper"
APP = (
    "defaults: [{model: small}, _self_]\nseed: 0\nlr: 0.1\nwidth: 8\nname: a\nopt: {lr: 0.1}\nat: ${opt.lr}\n"
)
O = "hydra.sweeper."
S = f"{O}sampler."
CHOSEN = "hydra/sweeper/sampler="
SWEPT = ("lr=1,2",)
SAMPLED = ("lr=interval(0,1)", f"{O}n_trials=10")
TWO = (f"{O}direction=[maximize,minimize]", f"{O}app.metric=[acc,ms]")
ALIAS = ("hydra/sweeper=optuna", "name=a,b")
"""Command lines that several rows share, since each takes Hydra a quarter of a second."""
SETTINGS = (
    *(f"{O}direction=Maximize", f"{O}storage='sqlite:///mine.db'", f"{O}study_name=mine", f"{S}seed=7"),
    *(f"{O}n_jobs=4", f"{O}max_failure_rate=0.2", f"{O}n_trials=10"),
    *(f"{O}params={{opt.lr: 0.5, width: 'int(interval(1,8))', lr: 'interval(0,1)'}}", "~name"),
    *("+more=tag(log,interval(1e-4,1e-2))", "hydra.sweep.dir=there", "hydra.sweep.subdir=a"),
)
FINITE = (
    *("name=a,1,true,null", "width=range(1,7,3)", "lr=range(0.1,0.4,0.1)", "opt.lr=sort(3,1,2)"),
    *("at=shuffle(1,2,3)", "model=glob(*)", "+lists=[a],{b: 1}", "+more=1,2", "seed=1,2,3"),
    *(f"{O}n_jobs=-1", f"{O}n_trials=10"),
)
OLD = (
    f"{O}search_space={{lr: {{type: float, low: 0.1, high: 1, log: true}}, "
    "width: {type: int, low: 1, high: 3}, opt.lr: {type: float, low: 0, high: 0.5, step: 0.25}, "
    "at: {type: int, low: 1, high: 6, step: 2}, name: {type: categorical, choices: [a, b]}}",
    f"{O}n_trials=10",
)


@dataclass(frozen=True)
class Kept:
    """The words of a command line, and what the study that they describe has."""

    words: tuple[str, ...]
    has: Callable[[AppSweep], Any]
    expected: Any
    warning: str = ""


@dataclass(frozen=True)
class Refused:
    """The words of a command line, and what the line that refuses them says."""

    words: tuple[str, ...]
    line: str


def points(sweep: AppSweep) -> list[str]:
    """What is tried, in order."""
    return [" ".join(point.overrides) for point in sweep.points or ()]


def sampler(sweep: AppSweep) -> str:
    """The class of the sampler, which is built."""
    study = sweep.settings.study
    built = sampler_of(sweep.settings.sampler, sweep.settings.sampler.seed, len(study.metrics or ("",)))
    return type(built).__name__


def setting(path: str) -> Callable[[AppSweep], Any]:
    """What the settings of the study have at this path."""

    def has(sweep: AppSweep) -> Any:
        found: Any = sweep.settings
        for name in path.split("."):
            found = getattr(found, name)
        return found

    return has


def values(key: str) -> Callable[[AppSweep], Any]:
    """All values of a swept key, in order."""

    def has(sweep: AppSweep) -> Any:
        (swept,) = [one for one in sweep.space.swept if one.key == key]
        return swept.values(seed=0)

    return has


def drawn(key: str) -> Callable[[AppSweep], Any]:
    """The ends of what is drawn, whether numbers are whole, and whether by their logarithm."""

    def has(sweep: AppSweep) -> Any:
        one = distributions(sweep.space)[key]
        assert isinstance(one, optuna.distributions.IntDistribution | optuna.distributions.FloatDistribution)
        return one.low, one.high, isinstance(one, optuna.distributions.IntDistribution), one.log

    return has


class Mine(optuna.samplers.RandomSampler):
    """A sampler of a user's."""


SAMPLERS = {
    "tpe": ("TPESampler", ("n_startup_trials=5", "multivariate=true", "constant_liar=true")),
    "random": ("RandomSampler", ()),
    "cmaes": ("CmaEsSampler", ("popsize=4", "lr_adapt=true", "warn_independent_sampling=false")),
    "gp": ("GPSampler", ("deterministic_objective=true", "warn_independent_sampling=false")),
    "qmc": ("QMCSampler", ("qmc_type=halton", "scramble=true")),
    "nsgaii": ("NSGAIISampler", ("population_size=4", "crossover_prob=0.5")),
    "nsgaiii": ("NSGAIIISampler", ("reference_points=[[0.0,1.0],[1.0,0.0]]",)),
}
ROWS: dict[str, list[Kept | Refused]] = {
    "`hydra/sweeper=optuna`": [
        Kept(ALIAS, setting("study.n_trials"), 20),
        Kept(ALIAS, setting("executor.max_jobs"), 2),
        Kept(ALIAS, setting("study.max_failure_rate"), 0.0),
    ],
    "a key that it does not have": [Refused((f"+{O}optuna_config=1", *SWEPT), "unknown to this sweeper")],
    "`direction`": [
        Kept(SWEPT, setting("task.direction"), "minimize"),
        Kept(SETTINGS, setting("task.direction"), "maximize"),
        Refused((f"{O}direction=up", *SWEPT), "got 'up'; expected minimize or maximize"),
    ],
    "`direction`, a list": [
        Kept((f"{CHOSEN}motpe", *TWO, *SAMPLED), setting("study.metrics"), ("acc:maximize", "ms:minimize")),
        Refused((TWO[0], *SWEPT), "got 2 directions for 1 metric (objective); expected one for each"),
    ],
    "`storage`": [
        Kept(SETTINGS, setting("study.storage"), "sqlite:///mine.db"),
        Kept(SWEPT, setting("study.storage"), "sqlite:///results/studies.db"),
    ],
    "`storage`, a node with `_target_`": [
        Refused((f"{O}storage={{_target_: optuna.storages.InMemoryStorage}}", *SWEPT), "expected text")
    ],
    "`study_name`": [
        Kept(SETTINGS, setting("study.name"), "mine"),
        Kept(SWEPT, setting("study.name"), None),
    ],
    "`n_trials`": [
        Kept(SETTINGS, setting("study.n_trials"), 10),
        Kept(SWEPT, points, ["lr=1", "lr=2"]),
    ],
    "`n_jobs`": [
        Kept(SETTINGS, setting("executor.max_jobs"), 4),
        Kept(FINITE, setting("executor.max_jobs"), None),
        Kept(SWEPT, setting("executor.max_jobs"), None),
    ],
    "`max_failure_rate`": [
        Kept(SETTINGS, setting("study.max_failure_rate"), 0.2),
        Kept(SWEPT, setting("study.max_failure_rate"), 0.5),
        Refused((f"{O}max_failure_rate=2", *SWEPT), "max_failure_rate: got 2; expected a number <= 1"),
    ],
    "`sampler=tpe`, `random`, `cmaes`, `gp`, `qmc`, `nsgaii`, `nsgaiii`": [
        Kept((f"{CHOSEN}{name}", *(f"{S}{one}" for one in given), *SAMPLED), sampler, expected)
        for name, (expected, given) in SAMPLERS.items()
    ],
    "`sampler=grid`": [
        Kept((f"{CHOSEN}grid", f"{O}n_trials=2", "lr=1,2,3"), points, ["lr=1", "lr=2"]),
        Refused((f"{CHOSEN}grid", *SAMPLED), "which sampler=grid cannot enumerate"),
    ],
    "`sampler=motpe`": [Kept((f"{CHOSEN}motpe", *TWO, *SAMPLED), sampler, "TPESampler")],
    "`sampler.seed`": [
        Kept(SETTINGS, setting("sampler.seed"), 7),
        Kept(SWEPT, setting("sampler.seed"), 0),
    ],
    "`sampler._target_`": [
        Kept(
            (
                *(f"{S}_target_=optuna.samplers.QMCSampler", *SAMPLED),
                f"+{S}independent_sampler={{_target_: optuna.samplers.RandomSampler}}",
            ),
            sampler,
            "QMCSampler",
        ),
        Kept((f"{S}_target_={HERE}.Mine", *SAMPLED), sampler, "Mine"),
    ],
    "an option that it does not have": [
        Refused((f"+{S}multivariat=true", *SAMPLED), "no such option of the sampler; did you mean")
    ],
    "`sampler=cmaes` with several directions": [
        Refused((f"{CHOSEN}cmaes", *TWO, *SAMPLED), "cmaes cannot optimise 2 metrics")
    ],
    "`params`": [Kept(SETTINGS, lambda sweep: sweep.space.keys, ("width", "lr", "more"))],
    "`params`, a value that is not swept": [
        Kept(SETTINGS, lambda sweep: sweep.config["opt"], {"lr": 0.5}),
    ],
    "`params` and the command line": [
        Kept(
            (f"{O}params={{width: 'choice(1,2)', lr: 'choice(3,4)'}}", "width=3", *SWEPT),
            points,
            ["lr=1", "lr=2"],
            warning="hydra.sweeper.params: width is not swept, since the command line fixes it",
        ),
    ],
    "`search_space`, the form of 1.1": [
        Kept(OLD, values("width"), [1, 2, 3]),
        Kept(OLD, values("at"), [1, 3, 5]),
        Kept(OLD, values("opt.lr"), [0.0, 0.25, 0.5]),
        Kept(OLD, values("name"), ["a", "b"]),
        Kept(OLD, drawn("lr"), (0.1, 1.0, False, True)),
    ],
    "`choice(a,b)`, `a,b`": [
        Kept(FINITE, values("name"), ["a", 1, True, None]),
        Kept(FINITE, values("lists"), [["a"], {"b": 1}]),
    ],
    "`range(1,10,2)`": [
        Kept(FINITE, values("width"), [1, 4]),
        Kept(FINITE, values("lr"), [0.1, 0.2, 0.3]),
        Kept(FINITE, drawn("width"), (1, 4, True, False)),
    ],
    "`shuffle(...)`, `sort(...)`": [
        Kept(FINITE, values("opt.lr"), [1, 2, 3]),
        Kept(FINITE, lambda sweep: sorted(values("at")(sweep)), [1, 2, 3]),
    ],
    "`interval(0,1)`": [
        Kept(SETTINGS, drawn("lr"), (0.0, 1.0, False, False)),
        Refused(("lr=interval(0,1)",), "hydra.sweeper.n_trials: missing; the interval of lr has no end"),
    ],
    "`int(interval(1,8))`": [Kept(SETTINGS, drawn("width"), (1, 8, True, False))],
    "`tag(log,interval(1e-4,1e-2))`": [Kept(SETTINGS, drawn("more"), (1e-4, 1e-2, False, True))],
    "an empty range, an interval from high to low": [
        Refused(("width=range(5,1)",), "width: the range is empty (from override 'width=range(5,1)')"),
        Refused(("lr=interval(1,0)", f"{O}n_trials=2"), "expected the smaller number first"),
    ],
    "`glob(*)`": [Kept(FINITE, values("model"), ["large", "small"])],
    "`model=small,large`": [Kept(("model=small,large",), points, ["model=small", "model=large"])],
    "`+key=1,2`, `~key`": [
        Kept(FINITE, values("more"), [1, 2]),
        Kept(SETTINGS, lambda sweep: "name" in sweep.config, False),
    ],
    "`seed=1,2,3`": [
        Kept(FINITE, setting("study.seeds"), (1, 2, 3)),
        Kept(FINITE, lambda sweep: "seed" in sweep.space.keys, False),
        Kept(("seed=1,2", f"{O}app.seed_key=null"), points, ["seed=1", "seed=2"], "plain repetitions"),
    ],
    "`hydra.sweep.dir`, `hydra.sweep.subdir`": [
        Kept(SETTINGS, setting("study.results_dir"), "results", f"hydra.sweep.{key}: has no effect")
        for key in ("dir", "subdir")
    ],
}
TESTED_BELOW = {
    "`_target_` of its class",
    "`optimization_results.yaml`",
    "`custom_search_space`",
    "`custom_search_space` that suggests a fixed key",
    "a number that is returned",
    "several numbers that are returned",
    'a text that is returned, as `"0.5"`',
    "an exception, NaN",
    "`hydra/launcher`",
    "`hydra.job.num`",
    "`hydra.job.name`, `chdir`, logging, callbacks",
}
"""Rows that are about more than what a command line means."""


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfigLoader]:
    """What reads the configuration of a small app."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "config.yaml").write_text(APP)
    (folder / "model").mkdir()
    for name in ("small", "large"):
        (folder / "model" / f"{name}.yaml").write_text("n: 1\n")
    with loader_of(folder, None) as found:
        yield found


@cache
def composed(loader: ConfigLoader, *options: str) -> Any:
    """What Hydra composes of an app that is started with these options of its own and `-m`."""
    chosen = () if ALIAS[0] in options else ("hydra/sweeper=optuna_study",)
    config = loader.load_configuration("config", [*chosen, *options], RunMode.MULTIRUN)
    config.hydra.job.name = "app"
    return config


@cache
def read(loader: ConfigLoader, *words: str) -> AppSweep:
    """The study that the words describe."""
    options = [word for word in words if re.match(r"\+?hydra[./]", word)]
    hydra = composed(loader, *options).hydra
    return read_app(loader, "config", hydra, [word for word in words if word not in options])


def cases(kind: type) -> list[Any]:
    """The cases of one kind, each called by its row."""
    return [pytest.param(one, id=row) for row, found in ROWS.items() for one in found if type(one) is kind]


@pytest.mark.parametrize("case", cases(Kept))
def test_what_is_written_means_what_the_row_says(case: Kept, loader: ConfigLoader) -> None:
    sweep = read(loader, *case.words)
    assert case.has(sweep) == case.expected
    assert case.warning in "\n".join(sweep.warnings)


@pytest.mark.parametrize("case", cases(Refused))
def test_what_is_refused_is_refused_in_one_line(case: Refused, loader: ConfigLoader) -> None:
    with pytest.raises(UserError, match=re.escape(case.line)) as caught:
        read(loader, *case.words)
    assert len(caught.value.faults) == 1


def test_every_row_of_the_page_is_tested_and_quotes_what_is_said() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    rows = dict(line.strip("| ").split(" | ", 1) for line in lines if line != "| written | here |")
    assert rows.keys() == ROWS.keys() | TESTED_BELOW
    for name, found in ROWS.items():
        quoted = [phrase for phrase in re.findall(r"\*([^*]+)\*", rows[name].replace("**", "")) if phrase]
        said = [one.line for one in found if isinstance(one, Refused)]
        assert [phrase for phrase in quoted if not any(phrase in line for line in said)] == []


def test_its_class_is_answered_with_what_to_write(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "lr=1,2"])
    explain_the_other()
    classes: dict[str, Any] = Plugins.instance().class_name_to_class
    with pytest.raises(SystemExit, match="2"):
        classes[CLASS](n_trials=1)
    line = capsys.readouterr().err
    assert "Start it with 'sweeper run train.py lr=1,2'" in line
    assert f"hydra.sweeper._target_={OURS}\n" in line
    assert len(line.splitlines()) == 1


def test_the_result_is_in_the_folder_of_the_study(tmp_path: Path) -> None:
    assert StudyFolder(tmp_path / "mine").best_yaml == tmp_path / "mine" / "best.yaml"


def configure(cfg: Any, trial: optuna.Trial) -> None:
    """A `custom_search_space` as users of that plugin write it."""
    assert "hydra" not in cfg
    if trial.user_attrs["width"] == "3":
        trial.suggest_float("opt.lr", cfg.at, 1.0)


def suggests_fixed(cfg: Any, trial: optuna.Trial) -> None:
    trial.suggest_int("width", 1, 9)


def suggested(sweep: AppSweep) -> dict[str, Any]:
    """The values of a trial that the study's own function adds to."""
    function = sweep.settings.study.custom_search_space
    assert function is not None
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    return suggest_custom(custom_search_space(function), sweep.config, trial, sweep.space)


def test_a_custom_search_space_gets_the_configuration_and_what_is_fixed(loader: ConfigLoader) -> None:
    found = suggested(read(loader, f"{O}custom_search_space={HERE}.configure", "width=3", *SAMPLED))
    assert found.keys() == {"lr", "opt.lr"}
    assert 0.1 <= found["opt.lr"] <= 1.0


def test_a_custom_search_space_may_not_suggest_what_is_fixed(loader: ConfigLoader) -> None:
    sweep = read(loader, f"{O}custom_search_space={HERE}.suggests_fixed", "width=3", *SAMPLED)
    with pytest.raises(UserError, match=r"width: suggested .* but fixed on the command line"):
        suggested(sweep)


@pytest.mark.parametrize(
    ("value", "objectives", "figures"),
    [
        (0.5, ["objective"], {"val/objective": 0.5}),
        (np.float32(0.5), ["objective"], {"val/objective": 0.5}),
        ((0.5, 2), ["acc", "ms"], {"val/acc": 0.5, "val/ms": 2.0}),
        ({"val/acc": 0.5, "ms": 2}, ["acc", "ms"], {"val/acc": 0.5, "val/ms": 2.0}),
    ],
)
def test_what_an_app_returns_are_the_studys_figures(
    value: Any, objectives: list[str], figures: dict[str, float]
) -> None:
    assert figures_of(returned(value)["value"], objectives) == figures


def test_a_text_that_an_app_returns_is_no_number() -> None:
    assert "returned '0.5'; expected a number" in returned("0.5")["problem"]


def test_another_launcher_has_no_effect_and_that_is_said(
    loader: ConfigLoader, caplog: pytest.LogCaptureFixture
) -> None:
    config = composed(loader).copy()
    OmegaConf.set_struct(config, False)
    config.hydra.launcher._target_ = "hydra_plugins.hydra_joblib_launcher.JoblibLauncher"
    context: Any = HydraContext(config_loader=loader, callbacks=None)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        OptunaStudySweeper().setup(hydra_context=context, task_function=lambda _: None, config=config)
    assert "JoblibLauncher, which has no effect; the section executor says where jobs run" in caplog.text


def test_a_run_has_the_number_of_its_trial_and_keeps_what_hydra_is_told(
    loader: ConfigLoader, tmp_path: Path
) -> None:
    sweep = read(loader, "hydra.job.chdir=true", *SWEPT)
    launch = Launch(("python", "train.py"), (), ("hydra.job.chdir=true",), tmp_path)
    words = HydraApp(sweep, launch).run(["lr=1"], seed=5, number=3, folder=RunFolder(tmp_path / "run")).argv
    assert words[:6] == ("python", "train.py", "hydra.job.chdir=true", "lr=1", "seed=5", "hydra.mode=RUN")
    assert "hydra.job.num=3" in words
    assert f'hydra.run.dir="{tmp_path}/run/app"' in words
