"""What a report shows of captchas."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeper.task.prepared import Prepared
from sweeper.task.reporting import Arm, Comparison, Plot, Table
from sweeper_tasks.captcha.alphabet import encode
from sweeper_tasks.captcha.contact_sheet import chosen
from sweeper_tasks.captcha.metrics import reading_metrics
from sweeper_tasks.captcha.report import report_parts
from tests.tasks.captcha.tiny import HEIGHT, LENGTH, WIDTH, tiny_config

TRUE = ("Kk1", "K2", "lKlK")


def codes(*texts: str) -> Any:
    return np.stack([encode(text, LENGTH) for text in texts])


def arm(name: str, *readings: tuple[str, ...], ce: Any = None) -> Arm:
    """What was read of `TRUE`, one reading a seed."""
    true = codes(*TRUE)
    records = {
        seed: {"read": codes(*read), "true": true, "ce": np.array(ce[seed] if ce else [0.1, 0.3, 0.2])}
        for seed, read in enumerate(readings)
    }
    metrics = {
        seed: {f"test/{key}": number for key, number in reading_metrics(codes(*read), true).items()}
        for seed, read in enumerate(readings)
    }
    return Arm(name, metrics, records)


BASELINE = arm("baseline", ("kk1", "k2", "lKlK"), ("kk1", "K", "lKKK"))
BEST = arm("focal", ("Kk1", "K2", "lKlK"), ("kk1", "K", "lKlK"))


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """A test split of three images, each of its own grey: 50, 51, 52."""
    images = (
        np.full((3, 1, HEIGHT, WIDTH), 50, dtype=np.uint8) + np.arange(3, dtype=np.uint8)[:, None, None, None]
    )
    np.save(tmp_path / "test_images.npy", images)
    return Prepared(tmp_path, "sha256:tiny", 1, real=False)


def pixels(axes: Axes) -> Any:
    """The image that a panel shows."""
    return axes.images[0].get_array()


def compared(best: Arm | None = BEST, data: Prepared | None = None) -> Comparison:
    return Comparison(BASELINE, best, "confirmation seeds 1000, 1001", tiny_config(), data)


def tables(comparison: Comparison) -> dict[str, Table]:
    return {part.title: part for part in report_parts(comparison) if isinstance(part, Table)}


def test_shares_that_are_read_by_hand() -> None:
    """Of three texts the baseline reads 1 and 0, the best 3 and 1; whatever the case 3 and 1, and 3 and 2.

    Means 1/6 and 2/3; differences 2/3 and 1/3: 1/2 ± (1/3) / sqrt(2) = 0.2357.
    """
    table = tables(compared())["What is read"]
    assert table.head == ["read without a mistake", "baseline", "best: focal", "difference"]
    assert table.rows[0] == ["whole text", "0.1667 ± 0.2357", "0.6667 ± 0.4714", "+0.5000 ± 0.2357"]
    assert table.rows[1][:3] == ["whole text, whatever the case", "0.6667 ± 0.4714", "0.8333 ± 0.2357"]


def test_pairs_by_hand() -> None:
    """K is in the texts 4 times, l twice, 2 once, on each of two seeds.

    The baseline reads K as k 3 times of 8, l as K once of 4, and the end for 2 once of 2. The best reads K as
    k once, and the end for 2 once.
    """
    table = tables(compared())["Hardest pairs"]
    assert table.head == ["true -> read", "baseline", "share", "best: focal", "share"]
    assert table.rows == [
        ["K -> k", "3", "37.5%", "1", "12.5%"],
        ["2 -> (end)", "1", "50.0%", "1", "50.0%"],
        ["l -> K", "1", "25.0%", "0", "0.0%"],
    ]


def test_the_share_of_confusions_of_case_only_by_hand() -> None:
    """3 of the baseline's 5 confusions, 1 of the best's 2."""
    caption = tables(compared())["Hardest pairs"].caption
    assert (
        "Of all misread characters 60.0% (baseline) and 50.0% (best: focal) differ in case only." in caption
    )


def test_texts_without_letters_have_no_case() -> None:
    true = codes("12")
    digits = Arm("baseline", {0: {}}, {0: {"read": codes("13"), "true": true, "ce": np.ones(1)}})
    table = tables(replace(compared(None), baseline=digits))["Hardest pairs"]
    assert table.rows == [["2 -> 3", "1", "100.0%"]]
    assert "case" not in table.caption


def test_arms_without_records_have_an_empty_table_of_pairs() -> None:
    bare = replace(BASELINE, records={})
    parts = tables(Comparison(bare, None, "screening seed 0", tiny_config(), None))
    assert parts["Hardest pairs"].rows == []
    assert parts["What is read"].rows[0] == ["whole text", "0.1667 ± 0.2357"]


def test_images_that_gained_come_first_then_those_that_lost_then_the_hardest(prepared: Prepared) -> None:
    """Of two seeds the baseline reads 0, 2, 1 right and the best 1, 0, 2: changes of +1/2, -1, +1/2.

    Of the two gains the third is harder (mean `ce` 0.4 against 0.3). With room for one more nothing is left.
    """
    baseline = arm("baseline", ("kk1", "K2", "lKlK"), ("kk1", "K2", "l"))
    best = arm("focal", ("Kk1", "k2", "lKlK"), ("kk1", "k2", "lKlK"), ce=[[0.1, 0.3, 0.4], [0.5, 0.1, 0.4]])
    shots = chosen(replace(compared(best, prepared), baseline=baseline), 4)
    assert [(shot.true, shot.change) for shot in shots] == [("lKlK", 0.5), ("Kk1", 0.5), ("K2", -1.0)]
    assert [int(shot.image[0, 0, 0]) for shot in shots] == [52, 50, 51]
    assert shots[2].read == {"baseline": ("K2", 2, 2), "best": ("k2", 0, 2)}


def test_images_that_did_not_change_come_by_the_mean_ce_of_the_best(prepared: Prepared) -> None:
    """Means over the seeds: 0.3, 0.2, 0.4; the baseline's order would be another."""
    best = arm(
        "baseline", *[("kk1", "k2", "lKlK"), ("kk1", "K", "lKKK")], ce=[[0.1, 0.3, 0.4], [0.5, 0.1, 0.4]]
    )
    shots = chosen(compared(best, prepared), 2)
    assert [(shot.true, shot.change) for shot in shots] == [("lKlK", 0.0), ("Kk1", 0.0)]


def test_the_text_shown_is_what_most_seeds_read(prepared: Prepared) -> None:
    best = arm("focal", *[(text, "K2", "lKlK") for text in ("Kk1", "kk1", "kk1")])
    shots = chosen(compared(best, prepared), 3)
    assert {shot.true: shot.read["best"] for shot in shots}["Kk1"] == ("kk1", 1, 3)


def test_the_contact_sheet_has_truth_and_both_readings_in_each_panel(prepared: Prepared) -> None:
    """The best reads each text in one seed of two more than the baseline: none, none, one against 1, 1, 2."""
    (sheet,) = (part for part in report_parts(compared(data=prepared)) if isinstance(part, Plot))
    assert sheet.caption.startswith(
        "Test images: 3 that focal reads in more seeds than the baseline, 0 in fewer"
    )
    figure = Figure(figsize=sheet.size)
    sheet.draw(figure)
    shown = {axes.get_title(): axes for axes in figure.axes if axes.images}
    texts = {title: [text.get_text() for text in axes.texts] for title, axes in shown.items()}
    assert texts == {
        "K2": ["baseline k2  0/2", "best K2  1/2"],
        "lKlK": ["baseline lKlK  1/2", "best lKlK  2/2"],
        "Kk1": ["baseline kk1  0/2", "best Kk1  1/2"],
    }
    assert {title: np.unique(pixels(axes)).tolist() for title, axes in shown.items()} == {
        "K2": [51],
        "lKlK": [52],
        "Kk1": [50],
    }
    assert pixels(shown["K2"]).shape == (HEIGHT, WIDTH)


def test_without_a_candidate_the_hardest_images_of_the_baseline_are_shown(prepared: Prepared) -> None:
    sheet = report_parts(compared(None, prepared))[-1]
    assert isinstance(sheet, Plot)
    assert sheet.caption.startswith("The test images with the highest cross-entropy of baseline")
    figure = Figure()
    sheet.draw(figure)
    assert [text.get_text() for text in figure.axes[0].texts] == ["baseline k2  0/2"]


def test_images_in_color_are_shown_in_color(tmp_path: Path) -> None:
    np.save(tmp_path / "test_images.npy", np.zeros((3, 3, HEIGHT, WIDTH), dtype=np.uint8))
    prepared = Prepared(tmp_path, "sha256:tiny", 1, real=False)
    (sheet,) = (part for part in report_parts(compared(data=prepared)) if isinstance(part, Plot))
    figure = Figure()
    sheet.draw(figure)
    assert pixels(figure.axes[0]).shape == (HEIGHT, WIDTH, 3)


def test_without_the_images_the_pairs_say_that_none_are_shown(prepared: Prepared) -> None:
    parts = report_parts(compared())
    assert [type(part) for part in parts] == [Table, Table]
    assert parts[1].caption.endswith("No images are shown: their data are not at hand.")
    assert "No images" not in tables(compared(data=prepared))["Hardest pairs"].caption


def test_images_of_another_test_split_are_not_shown(tmp_path: Path) -> None:
    np.save(tmp_path / "test_images.npy", np.zeros((4, 1, HEIGHT, WIDTH), dtype=np.uint8))
    assert chosen(compared(data=Prepared(tmp_path, "sha256:tiny", 1, real=False)), 3) == []
