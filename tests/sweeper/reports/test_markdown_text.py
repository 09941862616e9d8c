"""Whatever text comes into a report is read as it is, and does nothing."""

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from sweeper.layout import StudyFolder
from sweeper.reports.markdown_text import block, code, heading, inline, line, plain
from sweeper.reports.report import sections_of, write_report
from sweeper.reports.report_html import to_html
from sweeper.reports.report_text import table
from sweeper.reports.summary import read_sentence
from sweeper.results import TrialResult
from sweeper.task import Table
from tests.sweeper.factories import judgement, run_result, study_result, trial_spec

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/p.png)",
    "[click](javascript:alert(1))",
    "[click][id] and [id]: http://evil.example",
    "<http://evil.example>",
    "a | b | c",
    "one\n\n# two\n\n- three",
    "``` \n# out of the block\n```",
    "`code` *strong* _light_ __x__ ~~gone~~ \\`x\\`",
    "&lt;b&gt; &amp; &#60;",
    "C#",
    "#",
    "50 % of 3 # 4 \"quoted\" 'too'",
    "größe β 東",
    "ends in a backslash\\",
    "> quoted",
    "1. first",
    "- an entry",
    "~~~",
    "two  spaces",
]
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40)


def shown(markdown: str) -> str:
    """What a browser shows of the body of a page."""
    body = to_html(markdown, "t").partition("<body>")[2].partition("</body>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def tags(markdown: str) -> set[str]:
    body = to_html(markdown, "t").partition("<body>")[2].partition("</body>")[0]
    return set(re.findall(r"<([a-z0-9]+)", body))


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    one = squeezed(text)
    assert (shown(f"# {heading(text)}"), tags(f"# {heading(text)}")) == (one, {"h1"})
    assert (shown(f"> **{inline(text)}**"), tags(f"> **{inline(text)}**") - {"p"}) == (
        one,
        {"blockquote", "strong"},
    )
    assert (shown(f"- {line(text)}"), tags(f"- {line(text)}")) == (one, {"ul", "li"})
    assert (shown(line(text)), tags(line(text))) == (one, {"p"})
    cells = "\n".join(table(["trial", text], [[text, "1"]], ["trial"]))
    assert shown(cells) == f"trial {one} {one} 1"
    assert tags(cells) == {"table", "thead", "tbody", "tr", "th", "td"}
    assert shown("\n".join(block([text, "x"]))) == f"{one} x"
    assert tags("\n".join(block([text]))) <= {"pre", "code"}
    assert (shown(f"data: {code(text)}."), tags(code(text))) == (f"data: {one} .", {"p", "code"})


@given(TEXTS)
@example("\\*")
@example("a\\")
@example("&amp;_a_ `b`")
def test_what_was_made_inline_can_be_had_back(text: str) -> None:
    assert plain(inline(text)) == text.strip()


@given(TEXTS)
def test_no_text_makes_a_tag(text: str) -> None:
    assert tags(f"- x {inline(text)}") == {"ul", "li"}


def test_ordinary_names_read_well_raw() -> None:
    for text in ("aux_focal.lambda=0.1 gamma=2", "lr=[0.9,0.999]", "p < 0.05".replace("<", ">"), "+0.0007"):
        assert inline(text) == text


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\n" not in text])
def test_a_study_of_such_names_and_reasons_has_a_report_that_does_nothing(tmp_path: Path, text: str) -> None:
    folder = StudyFolder.of(tmp_path, "s")
    named, failed = trial_spec(3, 0.2, text), trial_spec(4, 9.0, f"{text} again")
    result = study_result(folder)
    trials = [replace(t, spec=named) if t.spec.number == 3 else t for t in result.trials]
    run = run_result(None, failed, 0, "FAILED", text)
    trials.append(TrialResult(failed, "FAILED", f"seed 0: {text}", {0: run}))
    data = {"name": text, "real": True, "facts": {text: text, "field": [{"name": text, "vocabulary": 7}]}}
    result = replace(
        result, study=text, trials=tuple(trials), data=data, warnings=(text,), announced=(text, "x")
    )
    found = judgement(sentence=f"{text} is better than the baseline.", notes=(text,))
    write_report(folder, result, found)
    page = folder.report_html.read_text(encoding="utf-8")
    assert f"<title>{html.escape(text)}</title>" in page
    body = page.partition("<main>")[2].partition("</main>")[0]
    assert set(re.findall(r"<(script|a|img|em|del|h3|h4)\b[^>]*>", body)) <= {"img"}
    sources = re.findall(r'src="([^"]*)"', re.sub(r">[^<]*<", "><", body))
    assert [source[:22] for source in sources] == ["data:image/png;base64,"]  # the curves, without scripts
    assert squeezed(html.unescape(re.sub(r"<[^>]*>", " ", body))).count(squeezed(text)) >= 9
    assert read_sentence(folder) == f"{text} is better than the baseline."


def test_parts_of_a_task_are_text_too() -> None:
    part = Table(title="<b> #", head=("trial", "a|b"), rows=(("<i>", "`x`"),), left=("trial",), caption="*x*")
    [lines] = sections_of([part])
    assert tags("\n".join(lines)) == {"h2", "table", "thead", "tbody", "tr", "th", "td", "p"}
    assert shown("\n".join(lines)) == "<b> # trial a|b <i> `x` *x*"


def test_the_file_of_an_earlier_winner_goes_with_it(tmp_path: Path) -> None:
    folder = StudyFolder.of(tmp_path, "s")
    write_report(folder, study_result(folder), judgement())
    assert folder.best_yaml.exists()
    write_report(folder, study_result(folder), judgement(best=None, confirmation=None, verdict="no result"))
    assert not folder.best_yaml.exists()
