"""Each part of Hydra that it does not promise to keep is still there and does what we take it to do."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra._internal import utils
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, OverrideParseException
from hydra.types import RunMode
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from sweeper.config import hydra_adapter
from sweeper.layout import CONF
from tests.sweeper.foreign import part_of

FILE = """
defaults:
  - base@: small
  - /db: mysql
  - parent@sub
  - _self_
rate: 0.1
sub: {width: 4}
"""


def part(name: str) -> AbstractContextManager[None]:
    return part_of("hydra-core", name, "sweeper/config/hydra_adapter.py")


@pytest.fixture
def loader(tmp_path: Path) -> ConfigLoader:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "big.yaml").write_text(FILE)
    with initialize_config_dir(config_dir=str(tmp_path), job_name="test", **hydra_adapter.VERSION_BASE):
        return GlobalHydra.instance().config_loader()


def test_the_command_line_is_taken_apart_as_hydra_does() -> None:
    with part("_internal.utils.get_args_parser"):
        words = ["-m", "--config-dir", "mine", "a=1", "b=2"]
        options = hydra_adapter.arguments_parser().parse_args(words)
        assert options.overrides == ["a=1", "b=2"]
        assert (options.config_dir, options.config_path, options.config_name) == ("mine", None, None)
        assert options.multirun


def test_a_file_is_read_alone_with_its_defaults_list(loader: ConfigLoader) -> None:
    with part("ConfigLoaderImpl.repository.load_config"):
        found = hydra_adapter.config_file(loader, "model/big")
        assert found is not None
        assert found.content == {"rate": 0.1, "sub": {"width": 4}}
        assert {"base": "small", "/db": "mysql"}.items() <= found.groups.items()
        assert found.configs == (("parent", "sub"),)
        assert hydra_adapter.config_file(loader, "model/none") is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a.b=2", {"a": {"b": 2}}),
        ("+a.c=x", {"a": {"b": 1, "c": "x"}}),
        ("++a.b=2", {"a": {"b": 2}}),
        ("~a.b", {"a": {}}),
    ],
)
def test_a_value_is_overridden_as_hydra_does(line: str, expected: dict[str, object]) -> None:
    with part("ConfigLoaderImpl._apply_overrides_to_config"):
        tree = OmegaConf.create({"a": {"b": 1}})
        assert isinstance(tree, DictConfig)
        OmegaConf.set_struct(tree, True)
        hydra_adapter.apply_override(tree, OverridesParser.create().parse_overrides([line])[0])
        assert tree == expected


def test_the_launcher_that_nobody_chose_is_where_it_was() -> None:
    with part("_internal.core_plugins.basic_launcher.BasicLauncher"):
        assert get_class(hydra_adapter.BASIC_LAUNCHER).__name__ == "BasicLauncher"


def test_what_hydra_refuses_while_it_reads_is_a_line_and_its_reporting_stays_for_all_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load_configuration() -> None:
        raise ConfigCompositionException("Could not override 'lrr'.\nKey 'lrr' is not in struct")

    def main() -> None:
        raise ValueError("of the app")

    with part("_internal.utils.run_and_report"):
        monkeypatch.setattr(utils, "run_and_report", utils.run_and_report)  # as it was, afterwards
        hydra_adapter.report_faults_in_lines()
        with pytest.raises(SystemExit, match="2"):
            utils.run_and_report(load_configuration)
        assert capsys.readouterr().err == "command line: Could not override 'lrr'\n"
        with pytest.raises(SystemExit, match="1"):
            utils.run_and_report(main)
        assert "ValueError: of the app" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "written"),
    [("study.retry", "hydra.sweeper.study.retry"), ("study.n_trials", "hydra.sweeper.n_trials")],
)
def test_a_setting_of_ours_in_an_app_is_told_by_its_name_there(
    setting: str, written: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load_configuration() -> None:
        raise ConfigCompositionException(f"Could not override '{setting}'.\nKey 'study' is not in struct")

    with part("_internal.utils.run_and_report"):
        monkeypatch.setattr(utils, "run_and_report", utils.run_and_report)  # as it was, afterwards
        hydra_adapter.report_faults_in_lines()
        with pytest.raises(SystemExit, match="2"):
            utils.run_and_report(load_configuration)
    said = f"Could not override '{setting}'. A setting of the study is written {written} there"
    assert capsys.readouterr().err.rstrip(".\n") == f"command line: {said}"


def test_an_override_that_hydra_cannot_read_is_named_with_what_to_write(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load_configuration() -> None:
        OverridesParser.create().parse_overrides(["a.baseline=[model=small]"])

    with part("_internal.utils.run_and_report"):
        monkeypatch.setattr(utils, "run_and_report", utils.run_and_report)
        hydra_adapter.report_faults_in_lines()
        with pytest.raises(SystemExit, match="2"):
            utils.run_and_report(load_configuration)
    assert capsys.readouterr().err == (
        "override 'a.baseline=[model=small]': cannot be read: an override within it has an '=' and needs "
        "quotes. Write \"a.baseline=['model=small']\".\n"
    )


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("executor.sbatch=[--gres=gpu:1]", "executor.sbatch=['--gres=gpu:1']"),
        (
            "hydra.sweeper.executor.sbatch=[--partition=gpu, --exclude=n1,n2,-w n3]",
            "hydra.sweeper.executor.sbatch=['--partition=gpu','--exclude=n1,n2','-w n3']",
        ),
        ("executor.sbatch=['--gres=gpu:1',--x]", "executor.sbatch=['--gres=gpu:1',--x]"),
        ("executor.sbatch=[]", "executor.sbatch=[]"),
        ("model.layers=[-1,-2]", "model.layers=[-1,-2]"),
    ],
)
def test_options_of_sbatch_need_no_quotes(word: str, quoted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hydra_adapter.with_quoted_options(word) == quoted
    with part("OverridesParser.parse_rule"):
        monkeypatch.setattr(OverridesParser, "parse_rule", OverridesParser.parse_rule)
        hydra_adapter.read_options_of_sbatch()
        override = OverridesParser.create().parse_override(word)
    if "sbatch=[-" in word:
        assert override.value() == [text.strip("'") for text in quoted.partition("[")[2][:-1].split("','")]


def test_names_are_read_as_written_where_the_grammar_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with part("OverridesParser.parse_rule"):
        monkeypatch.setattr(OverridesParser, "parse_rule", OverridesParser.parse_rule)
        hydra_adapter.read_options_of_sbatch()
        for _ in range(2):
            hydra_adapter.read_names_as_written()
        parser = OverridesParser.create()
        [override] = parser.parse_overrides(["data.types={größe: category}"])
        assert override.value() == {"größe": "category"}
        assert parser.parse_override("executor.sbatch=[--gres=gpu:1]").value() == ["--gres=gpu:1"]
        with pytest.raises(OverrideParseException, match=r"study\.name=größe"):
            parser.parse_overrides(["study.name=größe"])


def test_hydra_by_itself_takes_new_keys_where_a_mapping_of_the_data_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As for `--cfg job`, which composes without us."""
    with part("ConfigLoaderImpl._apply_overrides_to_config"):
        applied = ConfigLoaderImpl._apply_overrides_to_config
        monkeypatch.setattr(ConfigLoaderImpl, "_apply_overrides_to_config", staticmethod(applied))
        monkeypatch.setattr(OverridesParser, "parse_rule", OverridesParser.parse_rule)
        hydra_adapter.read_names_as_written()
        words = ["task=diagnosis", "data=diagnosis/csv", "data.types={dose (mg): category}"]
        with initialize_config_dir(config_dir=str(CONF), job_name="test", **hydra_adapter.VERSION_BASE):
            loader = GlobalHydra.instance().config_loader()
            found = loader.load_configuration("config", words, RunMode.RUN)
        assert found.data.types == {"dose (mg)": "category"}
