"""Whatever is typed: a plan, or lines that say what is wrong. Never a traceback, never a parser's words."""

import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings, strategies as st

from sweeper.config.config_faults import dotted_keys
from sweeper.errors import UserError
from tests.sweeper.small_esmm import _source, small_plan

WORDS_OF_A_PARSER = (
    "no viable alternative",
    "mismatched input",
    "extraneous input",
    "token recognition",
    "<EOF>",
)
LARGE = (
    "n_train",
    "n_val",
    "n_test",
    "n_users",
    "n_items",
    "max_steps",
    "epochs",
    "cache_dir",
    "results_dir",
)
"""Keys whose values would make these tests slow, or write elsewhere."""
GROUPS = ("optimizer", "pruner", "sampler", "model", "sweep", "task", "hydra/sweeper/sampler")
FUNCTIONS = (
    "choice",
    "range",
    "interval",
    "sort",
    "shuffle",
    "tag",
    "int",
    "float",
    "bool",
    "str",
    "glob",
    "uniform",
)
SPECIAL = "()[]{},='\":;$\\ +-~@/.*!?#%&|<>\t\u2013\u201c\u00a0\ufeffäß日"


def keys() -> list[str]:
    found = dotted_keys(_source().base(()), hydra=True)
    return [key for key in found if not key.endswith(LARGE) and not key.startswith("hydra.hydra_help")]


scalars = st.one_of(
    st.integers(-3, 12).map(str),
    st.sampled_from(
        ["0.1", "1e-3", "-0.0", "nan", "inf", "1e400", "null", "true", "False", "auto", "log", "''"]
    ),
    st.sampled_from(
        ["'a b'", '"x"', "${seed}", "${nowhere}", "???", "esmm/esmm", "sgd", "tpe", "*", "a-b", "1_000"]
    ),
    st.text(st.sampled_from("ab01" + SPECIAL), max_size=5),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(
            lambda name, args: f"{name}({','.join(args)})",
            st.sampled_from(FUNCTIONS),
            st.lists(inner, max_size=3),
        ),
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.lists(inner, min_size=1, max_size=3).map(",".join),
        st.dictionaries(st.sampled_from(["a", "b", "_target_", "type"]), inner, max_size=2).map(
            lambda items: "{" + ",".join(f"{key}:{value}" for key, value in items.items()) + "}"
        ),
    ),
    max_leaves=5,
)
words = st.one_of(
    st.builds(
        lambda mark, key, value: f"{mark}{key}={value}",
        st.sampled_from(["", "", "", "+", "++", "~"]),
        st.one_of(st.sampled_from(GROUPS), st.deferred(lambda: st.sampled_from(keys()))),
        values,
    ),
    st.text(st.sampled_from("aoptimizer.lr01" + SPECIAL), max_size=12),
    st.sampled_from(
        ["--lr=1", "=", "a", "~sweep", "~aux_focal", "aux_focal.lambda=0.1,0.2", "study.n_trials=3"]
    ),
)


def ends_well(results: Path, *line: str) -> None:
    """A plan, or faults in lines of their own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            small_plan(results, *line, "study.dry_run=true", f"study.results_dir={results}")
    except UserError as error:
        lines = str(error).split("\n")
        assert all(": " in one for one in lines), lines
        said = " ".join(fault.problem + fault.advice for fault in error.faults)
        assert not any(word in said for word in WORDS_OF_A_PARSER), said


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def unlike_any_file(line: list[str]) -> None:
    """Nothing is read or written outside the test's folder."""
    assume(not any("sqlite" in word or "study.storage" in word for word in line))


@example(["trainer.grad_clip_norm=choice(auto,null)"])
@example(["aux_focal.lambda=sort(a,1)", "hydra.sweeper=3"])
@example(["optimizer=0,choice('a b')"])
@example(["hydra.runtime=${nowhere}"])
@example(["task=[]"])
@given(st.lists(words, min_size=1, max_size=3))
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_any_line_ends_in_a_plan_or_in_lines(results: Path, line: list[str]) -> None:
    unlike_any_file(line)
    ends_well(results, *line)


@pytest.mark.exhaustive
@given(st.lists(words, min_size=1, max_size=4))
@settings(max_examples=2000, suppress_health_check=list(HealthCheck))
def test_two_thousand_lines_end_in_a_plan_or_in_lines(results: Path, line: list[str]) -> None:
    unlike_any_file(line)
    ends_well(results, *line)
