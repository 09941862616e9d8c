"""`sweeper verdict`, from a file to a sentence."""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from sweeper import judge_runs
from sweeper.verdict.paired import Part, guarded, spread, student

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "verdict_on_existing_runs.md").read_text()
TABLE, MORE = re.findall(r"^```csv\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _beside_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs.csv").write_text(TABLE)


def test_a_table_gives_a_leaderboard_and_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge_runs.main(["runs.csv", "--baseline", "adamw"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "trial: column 'name'",
        "seed: column 'seed'",
        "val: column 'val/acc'",
        "test: column 'test/acc'",
    ]
    assert [line.split()[0] for line in lines[8:11]] == ["sgd", "adamw", "lion"]
    assert lines[-1].startswith(
        "sgd is not distinguishable from the baseline, by the runs that also chose it"
    )


def test_the_guide_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.findall(r"^```console\n\$ sweeper verdict (.*?)\n```", GUIDE, re.MULTILINE)
    printed = []
    for command in shown:
        assert judge_runs.main(shlex.split(command)) == 0
        printed.append(capsys.readouterr().out.splitlines()[-1])
        Path("runs.csv").write_text(TABLE + MORE)
    assert len(printed) == 2
    assert all(line in " ".join(GUIDE.split()) for line in printed)


def test_the_guide_explains_the_p_value_of_its_example() -> None:
    """Of sgd and lion: a plain t test, the standard errors without and with the typical variance, and p."""
    wide = pd.read_csv("runs.csv").pivot(index="seed", columns="name", values="test/acc")
    pairs = {i: (wide[name] - wide["adamw"]).tolist() for i, name in enumerate(("sgd", "lion"))}
    spreads = {i: part for i, of in pairs.items() if (part := spread(of))}
    plain, widened = spreads[0].over(3), guarded(spreads)[0].over(3)
    p = student(float(np.mean(pairs[0])), widened, None, 0.95).p_value
    alone = [guarded({0: Part(1.0, df)})[0].variance ** 0.5 for df in (2, 1, 4)]
    said = " ".join(GUIDE.split())
    assert f"would say p = {ttest_1samp(pairs[0], 0).pvalue:.3f};" in said
    assert f"is {widened.variance**0.5:.4f} instead of {plain.variance**0.5:.4f};" in said
    assert f"{widened.df:.1f} instead of {plain.df:g} here" in said
    assert f"that gives p = {p:.3f}, which" in said
    assert "factor of {:.2f} with three seeds ({:.2f} with two, {:.2f} with five)".format(*alone) in said


def test_the_same_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge_runs.main(["runs.csv", "--baseline", "adamw", "--metric", "acc:min", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["best"], found["basis"], found["direction"]) == ("lion", "exploration", "minimize")
    assert [row["name"] for row in found["rows"]] == ["lion", "adamw", "sgd"]
    assert found["rows"][0]["compared"]["p_adjusted"] == pytest.approx(0.28, abs=0.01)


def test_a_report_has_the_forest_and_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["runs.csv", "--baseline", "adamw", "--min-effect", "0.005", "--report", "out"]
    assert judge_runs.main(words) == 0
    text = Path("out/report.md").read_text()
    assert "> **sgd is not distinguishable" in text
    assert "\nsweeper verdict runs.csv --baseline adamw --min-effect 0.005 --report out\n" in text
    assert "- val: column" in text
    assert Path("out/plots/forest.png").stat().st_size > 1000
    assert 'src="plots/forest.png"' in Path("out/report.html").read_text()
    assert capsys.readouterr().out.splitlines()[-1] == "report: out/report.md"


def test_a_published_table_needs_no_more_than_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    path = PUBLISHED / "sentiment-f04cdce1" / "trials.csv"
    assert judge_runs.main([str(path)]) == 0
    out, said = capsys.readouterr()
    own = "warning: study sentiment-f04cdce1 has a verdict of its own, which holds: gamma-2-alpha-list"
    assert said.startswith(own)
    assert "metric: macro_f1, larger is better" in out
    assert (
        "gamma-2-alpha-list is better than the baseline: macro_f1 improvement +0.030" in out.splitlines()[-1]
    )


def test_runs_on_fresh_seeds_are_told_by_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        judge_runs.main(["runs.csv", "--baseline", "adamw", "--confirm-seeds", "1,2", "--report", "out"]) == 0
    )
    assert "(test split, 2 confirmation seeds)." in capsys.readouterr().out.splitlines()[-2]
    assert "## Fresh seeds" in Path("out/report.md").read_text()


def test_help_says_that_a_loss_needs_its_direction(capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs.csv").write_text(TABLE.replace("acc", "loss"))
    assert judge_runs.main(["runs.csv", "--baseline", "adamw"]) == 2
    assert capsys.readouterr().err.startswith("direction: got none; expected max or min.")
    with pytest.raises(SystemExit, match="0"):
        judge_runs.main(["--help"])
    said = "the same direction (default: max; a loss, or Optuna's value, needs it said)"
    assert said in " ".join(capsys.readouterr().out.split())


def test_rows_are_picked_by_their_cells(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["runs.csv", "--baseline", "adamw", "--where", "seed=0", "--where", "name=adamw"]
    assert judge_runs.main(words) == 2
    assert capsys.readouterr().err.startswith("baseline: got 'adamw', the only trial")
    assert judge_runs.main(words[:5]) == 0
    assert capsys.readouterr().out.startswith("rows: 3 of 9, where seed=0\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.csv"], "none.csv: there is no such file; expected a table with a row for each run"),
        (["runs.csv"], "baseline: got none; expected the name of a trial."),
        (
            ["runs.csv", "--baseline", "adam"],
            "baseline: got 'adam'; expected the name of a trial; did you mean 'adamw'?",
        ),
        (
            ["runs.csv", "--baseline", "adamw", "--confirm-seeds", "1;2"],
            "confirm_seeds: got '1;2'; expected whole numbers",
        ),
        (
            ["runs.csv", "--baseline", "adamw", "--where", "seed=7"],
            "where: got 'seed=7'; expected a value of column 'seed'. There are '0', '1', '2'",
        ),
        (
            ["runs.csv", "--baseline", "adamw", "--confidence", "95"],
            "confidence: got 95; expected a number between 0",
        ),
        (
            ["runs.csv", "--baseline", "adamw", "--min-effect", "0"],
            "min_effect: got 0; expected a number above 0",
        ),
        (["runs.csv", "--baseline", "adamw", "--uri", "x"], "uri: got 'x' beside the table runs.csv"),
        (
            ["runs.csv", "--baseline", "adamw", "--report", "study"],
            "report: got 'study', the folder of a study",
        ),
        (
            ["mlflow:mine", "--uri", "sqlite:///none.db"],
            "mlflow: got sqlite:///none.db; expected a store. There is none",
        ),
    ],
)
def test_a_mistake_is_a_line_and_exit_code_two(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("study").mkdir()
    shutil.copy(PUBLISHED / "sentiment-f04cdce1" / "summary.json", "study")
    assert judge_runs.main(words) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith(said)
    assert found.err.count("\n") == 1
