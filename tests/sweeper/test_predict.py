"""`sweeper predict`: the right model reads the right files, and nothing is written in vain."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image

from sweeper.ensemble_spec import EnsembleSpec, Member, model_digest
from sweeper.errors import UserError
from sweeper.layout import RunFolder, StudyFolder
from sweeper.predict import Words, main, read_words
from sweeper.worker.checkpoint import write_checkpoint
from sweeper_tasks.captcha.predicting import TextReader, read_text
from sweeper_tasks.segmentation.batch import Batch
from sweeper_tasks.segmentation.predicting import MaskPainter, Photograph
from tests.commands import summary, sweeper
from tests.tasks.captcha import tiny as captcha
from tests.tasks.segmentation import tiny as segmentation

Tell = Callable[[], tuple[str, str]]


@dataclass(frozen=True)
class Study:
    """A study that ended: its results folder, its folder, its configuration."""

    results: Path
    folder: StudyFolder
    config: dict[str, Any]


def task_section(name: str) -> dict[str, Any]:
    absent = dict.fromkeys(("target", "config_target", "prepare_target", "default_sweep"))
    return {"name": name, "metric": "score", "direction": "maximize", "baseline": [], **absent}


def study_of(results: Path, task: str, best: Mapping[str, Any] | None, config: dict[str, Any]) -> Study:
    """A study "<task>-1" of the baseline and candidate 1, two seeds each; 1/1 is best on validation."""
    folder = StudyFolder.of(results, f"{task}-1")
    config = {"task": task_section(task), **config}
    rows = []
    for trial, name in ((0, "baseline"), (1, "focal")):
        for seed in (0, 1):
            run = RunFolder(folder.path / "trials" / f"{trial:04d}-{name}" / f"seed{seed}")
            run.path.mkdir(parents=True)
            run.config.write_text(yaml.safe_dump({**config, "seed": seed}))
            place = run.path.relative_to(folder.path)
            facts = {"trial": trial, "name": name, "seed": seed, "state": "COMPLETE", "folder": place}
            rows.append({**facts, "metrics.val/score": 0.5 + trial / 10 + seed / 100})
    with folder.trials_csv.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    known = {"schema_version": 1, "study": f"{task}-1", "task": task, "metric": "score", "verdict": "better"}
    arms = {"baseline": {"trial": 0, "name": "baseline"}, "best": best, "confirmation": None}
    more = {"direction": "maximize", "seeds": [0, 1], "confirm_seeds": [], "trials": [], "totals": {}}
    folder.summary.write_text(json.dumps({**known, **arms, **more, "provenance": {}}))
    return Study(results, folder, config)


def give_model(study: Study, trial: int, seed: int, build: Callable[[], torch.nn.Module]) -> RunFolder:
    """A model of its own to a run, as its best.pt."""
    torch.manual_seed(10 * trial + seed)
    (path,) = study.folder.path.glob(f"trials/{trial:04d}-*/seed{seed}")
    write_checkpoint(RunFolder(path).best, {"identity": "", "step": 1, "model": build().state_dict()})
    return RunFolder(path)


@pytest.fixture
def faces(tmp_path: Path) -> Study:
    """Segmentation; all runs have their models."""
    config = segmentation.tiny_config()
    sections = config.model_dump(mode="json", by_alias=True)
    study = study_of(tmp_path / "results", "segmentation", {"trial": 1, "name": "focal"}, sections)
    painter = MaskPainter(config, torch.device("cpu"))
    for trial in (0, 1):
        for seed in (0, 1):
            give_model(study, trial, seed, painter.build_model)
    return study


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Three photographs of other sizes than the network's, one of them in a folder below."""
    rng, folder = np.random.default_rng(0), tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    for name, width, height in (("a.jpg", 40, 64), ("b.png", 33, 32), ("more/c.JPEG", 100, 50)):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(folder / name, "PNG")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """What was printed since it was last asked, on both streams."""

    def read() -> tuple[str, str]:
        found = capsys.readouterr()
        return found.out, found.err

    return read


def predict(study: Study, source: Path, output: Path, *words: str) -> int:
    place = (f"study={study.folder.path.name[:6]}", f"results_dir={study.results}", "device=cpu")
    return main([*place, f"input={source}", f"output={output}", *words])


def mask_of(study: Study, trial: int, seed: int, file: Path) -> NDArray[Any]:
    """The class of each pixel by the run's model alone, at the network's size; written plainly."""
    (path,) = study.folder.path.glob(f"trials/{trial:04d}-*/seed{seed}")
    return classes([RunFolder(path)], file)


def classes(runs: Sequence[RunFolder], file: Path) -> NDArray[Any]:
    with Image.open(file) as image:
        small = image.convert("RGB").resize((segmentation.SIZE,) * 2, Image.Resampling.BOX)
    pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None] / 127.5 - 1
    total = torch.zeros(())
    for run in runs:
        model = MaskPainter(segmentation.tiny_config(), torch.device("cpu")).build_model().eval()
        model.load_state_dict(torch.load(run.best, weights_only=True)["model"])
        with torch.no_grad():
            batch = Batch(pixels, torch.zeros(1))
            total = total + model(batch).double().softmax(1)
    found: NDArray[Any] = total[0].argmax(0).numpy()
    return found


def test_masks_have_the_size_names_and_palette_of_the_data_set(
    faces: Study, photographs: Path, tmp_path: Path, tell: Tell
) -> None:
    output = tmp_path / "masks"
    assert predict(faces, photographs, output) == 0
    assert {path.relative_to(output).as_posix() for path in output.rglob("*.*")} == {
        *("a.png", "b.png", "more/c.png", "classes.csv")
    }
    with Image.open(output / "more" / "c.png") as mask:
        assert (mask.mode, mask.size) == ("P", (100, 50))
        palette = np.array(mask.getpalette()).reshape(-1, 3)
        assert palette[[0, 1, 17, 18]].tolist() == [[0, 0, 0], [204, 0, 0], [255, 153, 51], [0, 204, 0]]
    legend = (output / "classes.csv").read_text().splitlines()
    assert legend[0] == "value,class,red,green,blue"
    assert legend[18:] == ["17,neck,255,153,51", "18,cloth,0,204,0"]
    out, err = tell()
    assert "model: trial 1 focal seed 1: the best run on validation (val score 0.6100) of the best" in out
    assert f"3 pictures read, 4 files written to {output}" in out
    assert err == ""


def test_a_mask_is_what_the_champions_model_says_of_each_pixel(
    faces: Study, photographs: Path, tmp_path: Path
) -> None:
    assert predict(faces, photographs, tmp_path / "masks") == 0
    small = Image.fromarray(mask_of(faces, 1, 1, photographs / "a.jpg").astype(np.uint8))
    with Image.open(tmp_path / "masks" / "a.png") as mask:
        assert mask.tobytes() == small.resize((40, 64), Image.Resampling.NEAREST).tobytes()


def test_a_model_sees_a_file_as_it_saw_its_training_pictures(tmp_path: Path) -> None:
    """The stored bytes of a picture, by the task without augmentation and by the predictor."""
    rows, cpu = torch.arange(3), torch.device("cpu")
    faces, read = segmentation.tiny_prepared(tmp_path / "s"), captcha.tiny_prepared(tmp_path / "c")
    pixels = faces.array("train_images")[:3]
    painted = MaskPainter(segmentation.tiny_config(), cpu).batch([Photograph(one, (9, 9)) for one in pixels])
    torch.testing.assert_close(painted.images, segmentation.tiny_task(faces).train_batch(rows).images)
    texts = TextReader(captcha.tiny_config(), cpu).batch(list(read.array("train_images")[:3]))
    torch.testing.assert_close(texts.images, captcha.tiny_task(read).train_batch(rows).images)


@pytest.mark.parametrize(
    ("words", "trial"),
    [
        (["trial=baseline"], 0),
        (["model=baseline"], 0),
        (["--trial", "0"], 0),
        (["--model", "1"], 1),
        (["trial=focal"], 1),
    ],
)
def test_baseline_or_any_trial_can_be_named_and_its_best_run_reads(
    words: list[str], trial: int, faces: Study, photographs: Path, tmp_path: Path, tell: Tell
) -> None:
    assert predict(faces, photographs / "a.jpg", tmp_path / "o", *words) == 0
    value = {0: "0.5100", 1: "0.6100"}[trial]
    who = {0: "the baseline", 1: "trial 1"}[trial]
    assert f"seed 1: the best run on validation (val score {value}) of {who}" in tell()[0]


def test_a_single_run_can_be_named(faces: Study, photographs: Path, tmp_path: Path, tell: Tell) -> None:
    assert predict(faces, photographs / "a.jpg", tmp_path / "masks", "model=0/1") == 0
    assert "model: trial 0 baseline seed 1: a single run of study segmentation-1" in tell()[0]
    assert {path.name for path in (tmp_path / "masks").iterdir()} == {"a.png", "classes.csv"}


def make_ensemble(study: Study, *keys: tuple[int, int]) -> list[RunFolder]:
    runs = [next(study.folder.path.glob(f"trials/{trial:04d}-*/seed{seed}")) for trial, seed in keys]
    members = tuple(
        Member(
            trial=trial,
            name="x",
            seed=seed,
            val=0.5,
            folder=str(Path("elsewhere") / run.relative_to(study.results)),
            model=model_digest(RunFolder(run)),
            config=study.config,
        )
        for (trial, seed), run in zip(keys, runs, strict=True)
    )
    facts: dict[str, Any] = {"study": "s", "metric": "score", "prepared": "", "device": "cpu"}
    study.folder.ensemble.path.mkdir()
    spec = EnsembleSpec(**facts, members=members, n_threads=1)
    study.folder.ensemble.request.write_text(spec.model_dump_json())
    return [RunFolder(run) for run in runs]


def test_the_ensemble_paints_what_the_mean_of_its_members_says(
    faces: Study, photographs: Path, tmp_path: Path, tell: Tell
) -> None:
    """Its members are found below the study's folder, wherever that was when the ensemble was made."""
    runs = make_ensemble(faces, (1, 1), (0, 0), (0, 1))
    assert predict(faces, photographs, tmp_path / "masks", "model=ensemble") == 0
    assert "trial 1 x seed 1, trial 0 x seed 0, trial 0 x seed 1: the ensemble of study" in tell()[0]
    small = classes(runs, photographs / "b.png")
    assert not np.array_equal(small, classes(runs[:1], photographs / "b.png"))
    expected = Image.fromarray(small.astype(np.uint8)).resize((33, 32), Image.Resampling.NEAREST)
    with Image.open(tmp_path / "masks" / "b.png") as mask:
        assert mask.tobytes() == expected.tobytes()


def test_texts_are_a_table_with_how_sure_the_model_is(tmp_path: Path, photographs: Path, tell: Tell) -> None:
    config = captcha.tiny_config("ce")
    sections = config.model_dump(mode="json", by_alias=True)
    study = study_of(tmp_path / "results", "captcha", None, sections)
    reader = TextReader(config, torch.device("cpu"))
    give_model(study, 0, 1, reader.build_model)
    assert predict(study, photographs, tmp_path / "texts") == 0
    assert (
        "trial 0 baseline seed 1: the best run on validation (val score 0.5100) of the baseline" in tell()[0]
    )
    with (tmp_path / "texts" / "texts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["a.jpg", "b.png", "more/c.JPEG"]
    assert all(len(row["text"]) <= captcha.LENGTH and 0 < float(row["confidence"]) < 1 for row in rows)
    assert ".jpeg" in reader.suffixes


def test_confidence_is_the_product_up_to_the_end_of_the_text() -> None:
    """A 1 with 0.9, a 0 with 0.8, the end with 0.5; what stands behind the end counts nothing."""
    p = torch.full((4, 63), 0.001)
    p[0, 1], p[1, 0], p[2, 62], p[3, 5] = 0.9, 0.8, 0.5, 0.1
    text, confidence = read_text(p)
    assert text == "10"
    assert confidence == pytest.approx(0.9 * 0.8 * 0.5)
    without_end, surer = read_text(p[:2])
    assert without_end == "10"
    assert surer == pytest.approx(0.72)


def test_unreadable_files_are_counted_and_named_and_nothing_is_written(
    faces: Study, photographs: Path, tmp_path: Path, tell: Tell
) -> None:
    """Six are broken, one is too small; five of the broken ones are named."""
    for i in range(6):
        (photographs / f"x{i}.png").write_bytes(b"no picture")
        (photographs / f"._x{i}.png").write_bytes(b"no picture")
    Image.new("RGB", (20, 31)).save(photographs / "tiny.png")
    assert predict(faces, photographs, tmp_path / "masks") == 2
    (line,) = tell()[1].strip().splitlines()
    assert "got 7 files that cannot be used" in line
    assert "x4.png (UnidentifiedImageError) and 1 more" in line
    assert "tiny.png (20 x 31)" in line
    assert "skip_bad=true" in line
    assert not (tmp_path / "masks").exists()
    assert predict(faces, photographs, tmp_path / "masks", "skip_bad=true") == 0
    out, err = tell()
    assert "3 pictures read, 4 files written" in out
    assert "files not read: 6 hidden (._x0.png, ._x1.png, ._x2.png, ...), 1 .txt (notes.txt)" in out
    assert "left out: 7 files that cannot be used" in err


def test_nothing_but_unreadable_files_is_a_fault_even_where_they_may_be_left_out(
    faces: Study, tmp_path: Path, tell: Tell
) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    assert predict(faces, tmp_path / "x.png", tmp_path / "masks", "skip_bad=true") == 2
    assert "got 1 file that cannot be used" in tell()[1]


def test_inputs_are_never_overwritten_and_masks_are_no_inputs(
    faces: Study, photographs: Path, tmp_path: Path, tell: Tell
) -> None:
    assert predict(faces, photographs, photographs) == 2
    assert "where b.png is one of the inputs; expected another folder" in tell()[1]
    inside = photographs / "masks"
    assert predict(faces, photographs, inside) == 0
    assert predict(faces, photographs, inside) == 0
    assert "3 pictures read" in tell()[0].splitlines()[-1]


def test_two_photographs_of_one_name_are_told_before_one_mask_is_lost(
    faces: Study, photographs: Path, tmp_path: Path, tell: Tell
) -> None:
    (photographs / "a.png").write_bytes((photographs / "b.png").read_bytes())
    assert predict(faces, photographs, tmp_path / "masks") == 2
    assert "got several pictures whose result would be a.png" in tell()[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["model=7/0"],
            "model: got '7/0'; expected champion, baseline, ensemble, a trial's number or name, or "
            "<trial>/<seed> of a complete run: 0/0, 0/1",
        ),
        (["trial=7"], "model: got '7'; expected champion, baseline"),
        (["model=ensemble"], "but the study has none. Run its command again with study.ensemble_top_k=3"),
        (["device=cuda:9"], "device: got 'cuda:9', which cannot be used here"),
        (["study=other"], "got 'other'; expected a study in"),
        (["modell=champion"], "modell: no such parameter (from 'modell=champion'); did you mean 'model'?"),
        (["skip_bad=yes"], "skip_bad: got 'yes'; expected true or false"),
        (["input=nowhere"], "input: got 'nowhere'; expected a file or a folder"),
        (["input="], "input: missing. Give it a value"),
        (["seed=1", "input=nowhere"], "seed: no such parameter"),
    ],
)
def test_a_mistake_is_one_line_each_and_exit_code_2(
    faces: Study, photographs: Path, tmp_path: Path, tell: Tell, words: list[str], told: str
) -> None:
    given = {"study": "segmentation-1", "results_dir": str(faces.results), "input": str(photographs)}
    given |= {"output": str(tmp_path / "masks")} | dict(word.split("=", 1) for word in words)
    assert main([f"{key}={value}" for key, value in given.items()]) == 2
    lines = tell()[1].strip().splitlines()
    assert len(lines) == len(words)
    assert told in "\n".join(lines)
    assert not (tmp_path / "masks").exists()


def test_a_name_that_two_studies_begin_with_is_told(faces: Study, photographs: Path, tell: Tell) -> None:
    study_of(faces.results, "segmentation-1", None, {})
    words = ("study=segm", f"results_dir={faces.results}", f"input={photographs}", "output=o")
    assert main(words) == 2
    assert "got 'segm'; expected one of segmentation-1, segmentation-1-1. Give more" in tell()[1]


def test_a_task_that_reads_no_files_and_a_study_without_a_report_are_told(
    tmp_path: Path, photographs: Path, tell: Tell
) -> None:
    study = study_of(tmp_path / "results", "esmm", None, {})
    assert predict(study, photographs, tmp_path / "o") == 2
    assert "task 'esmm', which reads no files; expected one of captcha and segmentation" in tell()[1]
    study.folder.summary.unlink()
    assert predict(study, photographs, tmp_path / "o") == 2
    assert "has no report yet: it was interrupted, or runs now" in tell()[1]


def test_a_model_that_is_gone_or_damaged_is_told_with_the_way_back(
    faces: Study, photographs: Path, tmp_path: Path, tell: Tell
) -> None:
    (champion,) = faces.folder.path.glob("trials/0001-*/seed1/best.pt")
    champion.write_bytes(champion.read_bytes()[:-1] + b"x")
    assert predict(faces, photographs, tmp_path / "o") == 2
    told = tell()[1]
    assert "is damaged: its checksum does not match" in told
    assert f"Train it again with: python -m sweeper.worker {champion.parent}/job.json" in told
    champion.unlink()
    assert predict(faces, photographs, tmp_path / "o") == 2
    assert "the model of trial 1 focal seed 1 is gone" in tell()[1]


def test_a_front_has_no_champion_but_runs(
    faces: Study, photographs: Path, tmp_path: Path, tell: Tell
) -> None:
    facts = json.loads(faces.folder.summary.read_text())
    facts |= {"metric": ["score", "ce"], "direction": ["maximize", "minimize"], "best": [facts["best"]]}
    faces.folder.summary.write_text(json.dumps(facts))
    assert predict(faces, photographs, tmp_path / "o") == 2
    assert "a study with several objectives has a front: trials 1 focal" in tell()[1]
    assert predict(faces, photographs, tmp_path / "o", "model=1/0") == 0


def test_a_winner_that_breaks_a_guard_is_no_champion_but_a_trial(
    faces: Study, photographs: Path, tmp_path: Path, tell: Tell
) -> None:
    facts = json.loads(faces.folder.summary.read_text())
    guard = {"guard": "ce <= 0.01", "metric": "ce", "state": "broken"}
    facts |= {"verdict": "better, but costs ce", "guards": [guard]}
    faces.folder.summary.write_text(json.dumps(facts))
    assert predict(faces, photographs, tmp_path / "o") == 2
    assert "none: focal is better, but costs ce (study.guards: ce <= 0.01)" in tell()[1]
    assert predict(faces, photographs, tmp_path / "o", "model=1") == 0


@pytest.mark.parametrize(
    "words",
    [
        ["face", ".", "-o", "masks", "--model", "ensemble", "--device=cpu", "--skip-bad"],
        ["-o", "masks", "face", "--skip-bad", ".", "--device", "cpu", "--model", "ensemble"],
        ["study=face", "input=.", "output=masks", "model=ensemble", "device=cpu", "skip_bad=true"],
        ["face", "input=.", "--output", "masks", "model=ensemble", "--device", "cpu", "skip_bad=true"],
    ],
)
def test_options_and_words_say_the_same(words: list[str]) -> None:
    expected = Words("face", Path("."), Path("masks"), "ensemble", Path("results"), "cpu", skip_bad=True)
    assert read_words(words) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["face", ".", "more", "-o", "m"],
            r"^command line: got 'more' after STUDY and INPUT; expected key=value$",
        ),
        (["face", ".", "-o", "m", "modle=ensemble"], r"^modle: no such .*; did you mean 'model'\?$"),
        (["face", ".", "-o", "m", "skip-bad=true"], r"^skip-bad: no such .*; did you mean 'skip_bad'\?$"),
        (["face", "study=other", "input=.", "output=m"], r"^study: got it more than once \(face, other\)"),
        (["face", ".", "-o", "m", "--model=1/0", "model=ensemble"], r"^model: .* once \(1/0, ensemble\)"),
        (["face", "-o", "m"], r"^input: missing\. Give it a value: input=\.\.\. or the word after"),
        (["face", "."], r"^output: missing\. Give it a value: -o DIR$"),
        (["face", ".", "output="], r"^output: missing"),
        (["face", ".", "-o", "m", "skip_bad=yes"], r"^skip_bad: got 'yes'; expected true or false$"),
        (["face", "nowhere=1.png", "-o", "m"], r"^nowhere: no such parameter .*\ninput: missing"),
        (["face", "./nowhere=1.png", "-o", "m"], r"^input: got './nowhere=1.png'; expected a file"),
    ],
)
def test_words_that_cannot_be_used_are_told_all_together(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_words(words)


def test_two_models_are_one_too_many() -> None:
    words = ["study=s", "input=.", "output=o", "trial=1", "model=champion"]
    with pytest.raises(UserError, match="trial: got trial=1 and model=champion, which say the same"):
        read_words(words)


def test_an_option_that_there_is_not_is_one_line_and_exit_code_2(tell: Tell) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["face", ".", "-o", "m", "--modle", "ensemble"])
    told = "sweeper predict: unrecognized arguments: --modle. See sweeper predict --help\n"
    assert tell()[1].replace(" ensemble.", ".") == told


def test_without_words_the_usage_is_shown(tell: Tell) -> None:
    assert main([]) == 2
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    printed = tell()[0]
    assert printed.count("usage: sweeper predict STUDY INPUT -o DIR") == 2
    assert printed.count("study=STUDY input=INPUT output=DIR") == 2


@pytest.mark.slow  # a whole study
def test_from_a_sweep_with_an_ensemble_to_texts(tmp_path: Path, photographs: Path) -> None:
    """The command lines alone: two runs, their average, then predictions by a process of its own."""
    sizes = ("data.n_train=60", "data.n_val=20", "data.n_test=20", "trainer.max_steps=4")
    seeds = ("study.n_seeds=1", "study.confirm_seeds=0", "study.ensemble_top_k=2", "study.name=read")
    task = ("-m", "task=captcha", "loss=choice(captcha/ce)", "executor=inline", "tracking=none")
    printed = sweeper(tmp_path, *task, *sizes, *seeds)
    entry = summary(tmp_path)["ensemble"]
    assert {(one["trial"], one["seed"]) for one in entry["members"]} == {(0, 0), (1, 0)}
    assert f"ensemble: {entry['sentence']}" in printed
    assert len(list(tmp_path.glob("results/read/trials/*/seed0/best.pt"))) == 2
    command = [sys.executable, "-m", "sweeper.predict", "study=read", "model=ensemble"]
    command += [f"input={photographs}", "output=texts"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "texts" / "texts.csv").read_text().splitlines()) == 4
