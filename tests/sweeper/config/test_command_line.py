from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.schema import Local
from tests.sweeper.toy_app import faults, read, values


def test_choices_without_a_number_of_trials_are_enumerated() -> None:
    sweep = read("loss.weight=0.1,0.2", "model=toy/narrow,toy/wide")
    assert values(sweep) == [
        (0.1, "toy/narrow"),
        (0.1, "toy/wide"),
        (0.2, "toy/narrow"),
        (0.2, "toy/wide"),
    ]
    assert not sweep.is_adaptive


def test_a_number_of_trials_makes_a_study_adaptive_but_not_for_a_grid() -> None:
    assert read("loss.weight=0.1,0.2", "study.n_trials=5").is_adaptive
    grid = read("loss.weight=0.1,0.2,0.3", "study.n_trials=2", "sampler=grid")
    assert values(grid) == [(0.1,), (0.2,)]
    assert grid.warnings == ("study.n_trials: the first 2 of 3 points are tried",)


def test_an_interval_is_adaptive_and_needs_an_end() -> None:
    assert read("loss.weight=interval(0,1)", "study.n_trials=2").points is None
    assert faults("loss.weight=interval(0,1)") == [
        "study.n_trials: missing; the interval of loss.weight has no end. "
        "Say how many trials: study.n_trials=40."
    ]
    assert faults("loss.weight=interval(0,1)", "sampler=grid") == [
        "loss.weight: got an interval (from override 'loss.weight=interval(0,1)'), which sampler=grid cannot "
        "enumerate. Name the values, or use range(...) with a step."
    ]


def test_with_nothing_swept_the_documented_grid_runs() -> None:
    """`heavy` chooses a group; `light` refers to the preset, each trial to its own."""
    sweep = read("data=toy/large")
    assert sweep.points is not None
    assert [point.name for point in sweep.points] == ["light", "heavy"]
    assert sweep.points[0].params == {"loss.weight": 0.1, "trainer.eval_every": 10}
    assert sweep.points[0].overrides[1] == "trainer.eval_every=${data.preset.warmup_steps_short}"
    assert sweep.points[1].params == {"loss.weight": 0.9, "model": "toy/wide"}
    with pytest.raises(UserError, match="nothing is swept"):
        read("task.default_sweep=null")


def test_named_trials_are_enumerated_with_the_swept_keys() -> None:
    sweep = read("sweep=toy_grid", "optimizer.lr=0.1,0.2")
    assert sweep.points is not None
    assert [point.name for point in sweep.points][:2] == ["light lr=0.1", "light lr=0.2"]
    assert faults("sweep=toy_grid", "optimizer.lr=interval(0.1,1)", "study.n_trials=3") == [
        "optimizer.lr: got an interval (from override 'optimizer.lr=interval(0.1,1)'), which named trials "
        "(study.trials) cannot enumerate. Name the values, or use range(...) with a step."
    ]


def test_seeds_on_the_command_line_are_replicates() -> None:
    assert read("seed=4,5", "loss.weight=1,2").seeds == (4, 5)
    assert read("loss.weight=1,2", "seed=7", "study.n_seeds=2").seeds == (7, 8)
    assert faults("seed=1,2", "study.seeds=[3]", "loss.weight=1,2") == [
        "study.seeds: got seeds twice (from override 'study.seeds=[3]' and from the swept key 'seed'). "
        "Keep one."
    ]


def test_one_run_is_the_fixed_configuration() -> None:
    sweep = read("loss.weight=0.25", multirun=False)
    assert sweep.points is not None
    assert [point.overrides for point in sweep.points] == [()]
    assert sweep.config["loss"]["weight"] == 0.25


def test_all_faults_of_a_command_line_come_at_once_a_line_each() -> None:
    assert faults(
        "a b",
        "loss.wieght=1",
        "loss.kind=focl",
        "optimizer.lr=-1,0.1",
        "data=toy/lagre",
        "trainer.max_steps=0",
        "trainer.batch_size=1.5",
        "loss.weight=nan",
        "+surplus=1",
        "loss.is_on=yes",
        "modle.width=1,2",
    ) == [
        "override 'a b': cannot be read: it has no '='; expected key=value. "
        "Write key=value; quote what is to stay as it is: 'key=\"a b\"'.",
        "data: no such option 'toy/lagre' (from override 'data=toy/lagre'); did you mean 'toy/large'?",
        "loss.wieght: no such parameter (from override 'loss.wieght=1'); did you mean 'loss.weight'?",
        "modle.width: no such parameter (from override 'modle.width=1,2'); did you mean 'model.width'?",
        "optimizer.lr: got -1 (from override 'optimizer.lr=-1,0.1'); expected a number > 0",
        "trainer.batch_size: got 1.5 (from override 'trainer.batch_size=1.5'); expected a whole number",
        "trainer.max_steps: got 0 (from override 'trainer.max_steps=0'); expected a number > 0",
        "loss.weight: got nan (from override 'loss.weight=nan'); expected a finite number",
        "loss.kind: got 'focl' (from override 'loss.kind=focl'); expected plain or focal; "
        "did you mean 'focal'?",
        "loss.is_on: got 'yes' (from override 'loss.is_on=yes'); expected true or false",
        "surplus: no such parameter (from override '+surplus=1'). Remove it, or correct its name.",
    ]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            ["trainer.epochs=2"],
            "trainer: exactly one of trainer.max_steps and trainer.epochs must be set; write the other as "
            "null (trainer.max_steps=null trainer.epochs=3) OVERRIDE",
        ),
        (["loss.weight=???"], "loss.weight: missing OVERRIDE. Give it a value: loss.weight=..."),
        (
            ["data.path='${nowhere}'"],
            "data.path: got ${nowhere} OVERRIDE, which leads nowhere: Interpolation key 'nowhere' not found",
        ),
        (["loss.words=3"], "loss.words: got 3 OVERRIDE; expected a list"),
        (["trainer.schedule=3"], "trainer.schedule: got 3 OVERRIDE; expected a section of keys"),
        (["optimizer.betas=[0.9,2]"], "optimizer.betas.1: got 2 OVERRIDE; expected a number < 1"),
        (["~loss.kind"], "loss.kind: missing OVERRIDE. Give it a value: loss.kind=..."),
        (
            ["model.name=toy/wdie"],
            "model.name: got 'toy/wdie' OVERRIDE; expected one of toy/narrow, toy/wide; "
            "did you mean 'toy/wide'?",
        ),
        (
            ["study.confirm_seeds=x"],
            "study.confirm_seeds: got 'x' OVERRIDE; expected a whole number or a list or auto",
        ),
        (["+extra=1"], "extra: no such option '1' OVERRIDE. It has one, two."),
        (["data=null"], "data: got null OVERRIDE; expected an option. Use ~data to leave the group out."),
        (["task=toi"], "task: no such option 'toi' OVERRIDE; did you mean 'toy'?"),
        (
            ["task.target=null"],
            "task.name: got 'toy'; there is no such task. A task of your own needs task.target=module:Class.",
        ),
        (
            ["task.config_target='nowhere:X'"],
            "task.config_target: got 'nowhere:X', which cannot be loaded: No module named 'nowhere'; "
            "expected module:name. Is the package installed, and the name public?",
        ),
        (
            ["task.prepare_target=null"],
            "task.prepare_target: missing; a task with a target of its own needs it. Write module:name.",
        ),
        (
            ["hydra.sweeper.n_trails=3"],
            "hydra.sweeper.n_trails: no such parameter OVERRIDE; did you mean 'hydra.sweeper.n_trials'?",
        ),
        (
            ["+loss.weight=3"],
            "loss.weight: Could not append to config. An item is already at 'loss.weight' OVERRIDE",
        ),
        (
            ["study.trials={one:['loss.wait=3']}"],
            "loss.wait: no such parameter (from 'loss.wait=3' of study.trials.one); "
            "did you mean 'loss.weight'?",
        ),
        (
            ["study.baseline=['loss.wait=3']"],
            "baseline: loss.wait: no such parameter (from 'loss.wait=3' of study.baseline); "
            "did you mean 'loss.weight'?",
        ),
    ],
)
def test_a_fault_says_where_what_and_what_to_do(overrides: list[str], expected: str) -> None:
    """`OVERRIDE` stands for the words that name the override."""
    named = f"(from override '{overrides[0]}')"
    assert faults(*overrides, "optimizer.lr=0.1,0.2") == [expected.replace("OVERRIDE", named)]


def test_an_option_that_a_sampler_lacks_is_told_with_those_that_it_has() -> None:
    """They are Optuna's own, and more with each of its versions."""
    [fault] = faults("sampler=cmaes", "++sampler.options.sigma=1", "study.n_trials=2", "optimizer.lr=0.1,0.2")
    assert fault.startswith(
        "sampler.options.sigma: no such option of the sampler; did you mean 'sigma0'? It has x0, sigma0, "
    )


def test_a_sweep_without_multirun_is_a_fault_that_says_how() -> None:
    assert faults("optimizer.lr=1,2", multirun=False) == [
        "optimizer.lr: got several values (from override 'optimizer.lr=1,2') for one run. "
        "Add -m (--multirun) to sweep over it; write [a,b] for a list, or quote it for a string."
    ]


def test_a_fault_of_one_combination_is_found_before_anything_runs() -> None:
    """Only the wide model has a depth; the narrow one refuses it."""
    [fault] = faults("model=toy/wide,toy/narrow", "++model.depth=1,2", "study.baseline=['model=toy/wide']")
    assert fault.startswith(
        "model.depth: model=toy/narrow has no such parameter (from override '++model.depth=1,2'); "
        "only model=toy/wide has it. Name the candidates, each with its own keys: "
    )


def test_swept_keys_may_complete_what_is_fixed() -> None:
    """The trainer has no length without them; the baseline brings its own."""
    base = ("trainer.max_steps=null", "study.baseline=['trainer.epochs=1']")
    assert values(read(*base, "trainer.epochs=1,2")) == [(1,), (2,)]


def test_a_deleted_section_leaves_the_baseline() -> None:
    sweep = read("+loss.table.part={on:true}", "study.baseline=['loss.weight=0.5']", "optimizer.lr=1,2")
    assert sweep.settings.study.baseline == ("loss.weight=0.5",)
    sweep = read("task=esmm", "~aux_focal", "optimizer.lr=1,2")
    assert sweep.settings.study.baseline == ()
    assert sweep.warnings == (
        "study.baseline: 'aux_focal.enabled=false' has no effect, its section is deleted",
    )


def test_configurations_of_hydra_optuna_sweeper_are_understood() -> None:
    sweep = read(
        "hydra.sweeper.n_trials=7",
        "hydra.sweeper.study_name=mine",
        "hydra.sweeper.direction=minimize",
        "hydra.sweeper.max_failure_rate=0.5",
        "hydra.sweeper.sampler={_target_:optuna.samplers.TPESampler,seed:123,n_startup_trials:3}",
        "hydra.sweeper.params={optimizer.lr:'tag(log,interval(1e-3,1e-1))',loss.weight:'choice(1,2)'}",
        "loss.weight=3,4",
    )
    study, sampler = sweep.settings.study, sweep.settings.sampler
    assert (study.n_trials, study.name, study.max_failure_rate) == (7, "mine", 0.5)
    assert sweep.settings.task.direction == "minimize"
    assert (sampler.name, sampler.seed, sampler.options) == ("tpe", 123, {"n_startup_trials": 3})
    assert sweep.swept_keys == ("optimizer.lr", "loss.weight")
    assert sweep.space.swept[1].values(0) == [3, 4]


@pytest.mark.parametrize(
    ("overrides", "cap"),
    [
        ([], None),
        (["hydra.sweeper.n_jobs=4"], 4),
        (["hydra.sweeper.n_jobs=-1"], None),
        (["hydra.sweeper.n_jobs=null"], None),
        (["executor.max_jobs=3"], 3),
        (["hydra.sweeper.n_jobs=null", "executor.max_jobs=3"], 3),
    ],
)
def test_n_jobs_is_another_name_for_the_cap_on_slots(overrides: list[str], cap: int | None) -> None:
    sweep = read(*overrides, "loss.weight=1,2")
    assert isinstance(sweep.settings.executor, Local)
    assert sweep.settings.executor.max_jobs == cap
    assert sweep.warnings == ()


def test_n_jobs_must_be_a_number_of_jobs() -> None:
    assert faults("hydra.sweeper.n_jobs=0", "loss.weight=1,2") == [
        "executor.max_jobs: got 0 (from hydra.sweeper.n_jobs); expected a number > 0"
    ]


@pytest.mark.parametrize("n_jobs", ["1", "-1", "null"])
def test_inline_runs_one_job_at_a_time_and_says_so_to_who_wants_more(n_jobs: str) -> None:
    inline = ("executor=inline", "loss.weight=1,2")
    assert read(*inline, f"hydra.sweeper.n_jobs={n_jobs}").warnings == ()
    assert read(*inline, "hydra.sweeper.n_jobs=4").warnings == (
        "hydra.sweeper.n_jobs: has no effect, this executor runs one job at a time",
    )


def test_devices_are_auto_cpu_or_each_gpu_once() -> None:
    executor = read("executor.devices=1", "loss.weight=1,2").settings.executor
    assert isinstance(executor, Local)
    assert executor.devices == (1,)
    [twice] = faults("executor.devices=[0,1,0]", "loss.weight=1,2")
    assert "a list with each GPU once (for several jobs on one: executor.jobs_per_device=2)" in twice
    [unknown] = faults("executor.devices=gpus", "loss.weight=1,2")
    assert unknown.startswith(
        "executor.devices: got 'gpus' (from override 'executor.devices=gpus'); expected auto"
    )


def test_a_sampler_of_another_library_is_taken_by_its_path() -> None:
    node = "{_target_:optuna.samplers.PartialFixedSampler,fixed_params:{}}"
    [fault] = faults(f"hydra.sweeper.sampler={node}", "optimizer.lr=1,2", "study.n_trials=2")
    assert "base_sampler" in fault
    sampler = read("hydra/sweeper/sampler=nsgaii", "optimizer.lr=1,2", "study.n_trials=2").settings.sampler
    assert (sampler.name, sampler.seed) == ("nsgaii", 0)


def test_directions_of_several_metrics_join_their_names() -> None:
    two = "hydra.sweeper.direction=[maximize,minimize]"
    sweep = read(two, "study.metrics=[auc,bce]", "loss.weight=1,2")
    assert sweep.settings.study.metrics == ("auc:maximize", "bce:minimize")
    [fault] = faults(two, "loss.weight=1,2")
    assert fault.startswith("hydra.sweeper.direction: got 2 directions; expected one for each of")


def test_choices_drawn_by_a_numeric_sampler_are_a_warning() -> None:
    sweep = read("sampler=cmaes", "loss.weight=1,2", "study.n_trials=2")
    assert sweep.warnings == ("sampler.name: cmaes draws the choices of loss.weight at random",)


def test_reading_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read("optimizer.lr=0.1,0.2")
    assert list(tmp_path.iterdir()) == []


def test_one_value_where_a_sweep_was_meant_says_what_to_write() -> None:
    """The documented grid sets the weight itself; it leaves the learning rate alone."""
    [fault] = faults("loss.weight=0.3")
    assert fault.startswith("loss.weight: got 'loss.weight=0.3', one value where several are tried")
    assert "One value is swept by loss.weight=choice(0.3)." in fault
    assert faults("loss.weight=1,2", "loss.weight=0.3") == [
        "loss.weight: got 'loss.weight=0.3' after 'loss.weight=1,2', which is swept. Keep one of them. "
        "One value is swept by loss.weight=choice(0.3)."
    ]
    [fault] = faults("hydra.sweeper.params={loss.weight:'1,2'}", "loss.weight=0.3")
    assert "which fixes what hydra.sweeper.params sweeps" in fault
    assert faults("optimizer.lr=0.3") == []


def test_a_sweep_of_the_command_line_takes_its_place_in_params() -> None:
    params = "hydra.sweeper.params={optimizer.lr:'1,2',loss.weight:'1,2',model.width:'1,2'}"
    assert read(params, "loss.weight=3,4").swept_keys == ("optimizer.lr", "loss.weight", "model.width")
    fixed = read(params, "loss.weight=3")
    assert fixed.swept_keys == ("optimizer.lr", "model.width")
    assert fixed.warnings == (
        "hydra.sweeper.params: loss.weight is not swept, since the command line fixes it",
    )


@pytest.mark.parametrize(
    "word",
    [
        "hydra.sweeper.params={optimizer:{lr:'0.1,0.2'}}",
        "+hydra.sweeper.params.optimizer.lr='choice(0.1,0.2)'",
    ],
)
def test_params_may_be_sections(word: str) -> None:
    assert [point.name for point in read(word).points or ()] == ["lr=0.1", "lr=0.2"]


def test_the_sweeper_may_be_called_as_the_plugin_is() -> None:
    sweep = read("hydra/sweeper=optuna", "hydra.sweeper.n_trials=4", "optimizer.lr=0.1,0.2")
    assert sweep.settings.study.n_trials == 4


def test_what_only_a_run_of_hydra_knows_says_what_to_write() -> None:
    [fault] = faults("data.path='${hydra:runtime.cwd}/x'", "loss.weight=1,2")
    assert fault.startswith("data.path: got ${hydra:runtime.cwd}/x")
    assert fault.endswith("it is ${oc.env:PWD}, too.")


def test_params_swept_themselves_say_what_is_to_be_swept() -> None:
    [fault] = faults("+hydra.sweeper.params.optimizer.lr=choice(0.1,0.2)")
    assert fault.endswith("Sweep the key itself: optimizer.lr=choice(0.1,0.2).")
    [other] = faults("study.n_seeds=2,3", "loss.weight=1,2")
    assert other.endswith("Start a study for each value.")


def test_a_key_of_one_option_of_a_swept_group_is_told_with_what_to_write() -> None:
    [fault] = faults("optimizer=adamw,sgd", "optimizer.momentum=0.5")
    assert fault == (
        "optimizer.momentum: optimizer=adamw has no such parameter (from override 'optimizer.momentum=0.5'); "
        "only optimizer=sgd has it. Name the candidates, each with its own keys: "
        "\"study.trials={adamw:['optimizer=adamw'],sgd:['optimizer=sgd','optimizer.momentum=0.5']}\""
    )
    assert read(fault.split('"')[1]).points is not None
    [alone] = faults("optimizer=adamw", "optimizer.momentum=0.5", multirun=False)
    assert alone.endswith("; only optimizer=sgd has it")
    assert values(read("model=choice(toy/wide)", "model.depth=1,2", "study.baseline=['model=toy/wide']"))


@pytest.mark.parametrize(
    ("words", "corrected"),
    [
        (["loss.weight", "=", "0.1,0.2"], "loss.weight=0.1,0.2"),
        (["loss.weight=0.1,", "0.2"], "loss.weight=0.1,0.2"),
        (["study.name=my", "study"], "\"study.name='my study'\""),
        (["loss.weight=[0.1,0.2"], "'loss.weight=[0.1,0.2]'"),
        (["loss.weight=choice(0.1,0.2))"], "'loss.weight=choice(0.1,0.2)'"),
        (["loss.weight==0.1"], "loss.weight=0.1"),
        (["loss.weight:0.1"], "loss.weight=0.1"),
        (["loss.label=a=b"], "\"loss.label='a=b'\""),
        (["loss.label=/tmp/x,./y,~/h"], "\"loss.label=/tmp/x,./y,'~/h'\""),
        (["loss.weight=1e\u20133"], "loss.weight=1e-3"),
        (["loss.label=\u201cx\u201d"], "'loss.label=\"x\"'"),
        (["loss.label=/a b/c(1).csv"], "\"loss.label='/a b/c(1).csv'\""),
        (["data.path=my file, a=b (1).csv"], "\"data.path='my file, a=b (1).csv'\""),
        (["study.trials={a:[model=toy/wide]}"], "\"study.trials={a:['model=toy/wide']}\""),
    ],
)
def test_an_override_that_cannot_be_read_is_shown_corrected(words: list[str], corrected: str) -> None:
    [fault] = faults(*words, "optimizer.lr=1,2")
    assert fault.startswith(f"override '{' '.join(words)}': cannot be read: ")
    assert fault.endswith(f"Write {corrected}.")


def test_options_of_samplers_need_no_plus_and_may_be_objects() -> None:
    options = ("hydra.sweeper.sampler.n_startup_trials=5", "sampler.multivariate=true", "sampler.seed=3")
    sampler = read(*options, "optimizer.lr=interval(1,2)", "study.n_trials=2").settings.sampler
    assert (sampler.seed, sampler.options) == (3, {"n_startup_trials": 5, "multivariate": True})
    node = "{_target_:optuna.samplers.NSGAIISampler,crossover:{_target_:optuna.samplers.nsgaii.%s}}"
    space = ("optimizer.lr=1,2", "study.n_trials=2")
    assert read(f"hydra.sweeper.sampler={node % 'UniformCrossover'}", *space).is_adaptive
    [fault] = faults(f"hydra.sweeper.sampler={node % 'NoCrossover'}", *space)
    assert fault.startswith("sampler.options.crossover._target_: got 'optuna.samplers.nsgaii.NoCrossover'")
    assert "n_startup_trials" in faults("sampler.n_startup_trails=5", *space)[0]


def test_a_sampler_that_is_never_asked_is_a_warning() -> None:
    [warning] = read("sampler=gp", "loss.weight=1,2").warnings
    assert warning.startswith("sampler: 'sampler=gp' has no effect, since all points are tried")


def test_options_of_hydra_that_do_nothing_are_warned_of() -> None:
    words = ("hydra.sweep.dir=x", "hydra.sweep.subdir=x", "hydra.job.chdir=true", "hydra.run.dir=x")
    warned = read(*words, "loss.weight=1,2").warnings
    assert [warning.partition(":")[0] for warning in warned] == [word.partition("=")[0] for word in words]
    [alone] = read("study.n_seeds=5", "sampler=gp", multirun=False).warnings
    assert alone.startswith("'study.n_seeds=5', 'sampler=gp': no effect on one run")


def test_of_very_many_points_a_few_are_looked_at() -> None:
    """Of 5000, both ends among them: a fault at an end is found."""
    sweep = read("loss.weight=range(0,0.5,0.0001)")
    assert sweep.points is not None
    assert len(sweep.points) == 5000
    assert len(sweep.checked) < 200
    assert "got -0.0001" in faults("loss.weight=range(-0.0001,0.5,0.0001)")[0]


def test_gpus_may_be_called_as_torch_calls_them() -> None:
    executor = read("executor.devices=[cuda:1,0]", "loss.weight=1,2").settings.executor
    assert isinstance(executor, Local)
    assert executor.devices == (1, 0)
