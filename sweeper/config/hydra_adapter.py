"""What we use of Hydra that it does not promise to keep, in one place: a new version breaks here or nowhere.

`tests/sweeper/config/test_hydra_adapter.py` has a test for each part, which names the version that broke it.
"""

import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from traceback import extract_tb
from typing import Any

import hydra
import hydra.version
import yaml
from hydra._internal import utils
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.sources_registry import SourcesRegistry
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.default_element import ConfigDefault, GroupDefault
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import OverrideParseException, SearchPathException
from hydra.plugins.config_source import ConfigLoadError, ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, basecontainer
from omegaconf.errors import OmegaConfBaseException

from sweeper.config.config_files import not_a_section, package_of, text_of_file, yaml_fault
from sweeper.errors import Fault, UserError
from sweeper.search import parsed_as_written

VERSION_BASE = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}
"""For `hydra.main` and `initialize`: 1.3 has older defaults without it, 1.4 warns of it and knows but one."""
MAX_FILES = 512
"""So many parsed files are kept."""
ParseRule = Callable[..., Any]
"""Of Hydra's grammar: what a text means by the rule of this name."""
BASIC_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
"""The target of the launcher that Hydra takes where nobody chooses one."""


@dataclass(frozen=True)
class ConfigFile:
    """A file of a config folder, nothing composed into it.

    `groups`: the option that its defaults list takes of each group. `configs`: the files that it names
    without a group, each with the package it goes to.
    """

    content: DictConfig
    groups: Mapping[str, str]
    configs: tuple[tuple[str, str | None], ...]


def arguments_parser() -> ArgumentParser:
    """The parser of Hydra's own command line: flags such as `--config-dir`, and `overrides`."""
    parser: ArgumentParser = get_args_parser()
    return parser


def config_file(loader: ConfigLoader, path: str) -> ConfigFile | None:
    """The file of an option, `<group>/<option>`; None where there is none."""
    assert isinstance(loader, ConfigLoaderImpl)
    found = loader.repository.load_config(path)
    if found is None or not isinstance(found.config, DictConfig):
        return None
    entries = found.defaults_list or []
    return ConfigFile(
        content=found.config,
        groups={str(one.group): str(one.value) for one in entries if isinstance(one, GroupDefault)},
        configs=tuple(
            (str(one.path), one.package)
            for one in entries
            if isinstance(one, ConfigDefault) and one.path not in (None, "_self_")
        ),
    )


def apply_override(tree: DictConfig, override: Override) -> None:
    """Change `tree` as Hydra does by a value override. Raises what Hydra raises where it cannot."""
    ConfigLoaderImpl._apply_overrides_to_config([override], tree)


def open_mappings(section: Any) -> None:
    """Let overrides add keys to what is `{}` in a section, as to `data.types`: which they are, files tell."""
    if not isinstance(section, DictConfig):
        return
    for key in map(str, section):
        if OmegaConf.is_missing(section, key) or OmegaConf.is_interpolation(section, key):
            continue
        if isinstance(section[key], DictConfig) and not section[key]:
            OmegaConf.set_struct(section[key], False)


@contextmanager
def loader_of(program: Path, own: Path | None) -> Iterator[ConfigLoader]:
    """What reads configurations in the program's folder, and in the user's, as `--config-dir` adds it."""
    path = create_config_search_path(str(program))
    if own is not None:
        path.prepend("command-line", f"file://{own}", anchor=SearchPathQuery(provider="schema"))
    if VERSION_BASE:
        hydra.version.setbase(VERSION_BASE["version_base"])
    GlobalHydra.instance().clear()
    try:
        yield Hydra.create_main_hydra2(task_name="sweeper", config_search_path=path).config_loader
    finally:
        GlobalHydra.instance().clear()


def read_files_as_written() -> None:
    """From now on Hydra reads files as `config_files` does, and raises UserError where one cannot be read."""
    Plugins.instance()  # which imports the class once more
    source = SourcesRegistry.instance().resolve("file")
    source.load_config = _load_config  # type: ignore[method-assign,assignment]


def report_faults_in_lines() -> None:
    """From now on what Hydra refuses while it reads a command line is a line and exit code 2, not its own 1.

    Errors of the app's own code, and of a study, stay Hydra's to report.
    """
    if not isinstance(utils.run_and_report, _InLines):
        utils.run_and_report = _InLines(utils.run_and_report)


def read_options_of_sbatch() -> None:
    """From now on `executor.sbatch=[--gres=gpu:1]` is read without quotes within, which Hydra asks for."""
    _read_by(_parsed_with_options)


def read_names_as_written() -> None:
    """From now on names of columns and files are read without quotes within: `data.drop=[price (USD)]`.

    Also where Hydra composes by itself, as for `--cfg job`, mappings of `data` are open to new keys. For our
    own tasks only: an app reads its lines itself, by Hydra's grammar.
    """
    _read_by(_parsed_with_names)
    theirs = ConfigLoaderImpl._apply_overrides_to_config
    if getattr(theirs, "_opens", False):
        return

    def apply_overrides(overrides: list[Override], cfg: DictConfig) -> None:
        open_mappings(cfg.get("data"))
        theirs(overrides, cfg)

    apply_overrides._opens = True  # type: ignore[attr-defined]
    ConfigLoaderImpl._apply_overrides_to_config = staticmethod(apply_overrides)  # type: ignore[method-assign]


def _read_by(reading: Callable[[ParseRule, str, str], Any]) -> None:
    """Put a way of reading an override before what there is, once."""
    theirs = OverridesParser.parse_rule
    before: tuple[Any, ...] = getattr(theirs, "_readings", ())
    if reading in before:
        return

    def parse_rule(parser: OverridesParser, text: str, rule: str) -> Any:
        return reading(partial(theirs, parser), text, rule)

    parse_rule._readings = (*before, reading)  # type: ignore[attr-defined]
    OverridesParser.parse_rule = parse_rule  # type: ignore[method-assign,assignment]


def _parsed_with_options(parse: ParseRule, text: str, rule: str) -> Any:
    return parse(with_quoted_options(text), rule)


def _parsed_with_names(parse: ParseRule, text: str, rule: str) -> Any:
    try:
        return parse(text, rule)
    except Exception:  # the lexer raises whatever it stumbles over
        override = None
        if rule == "override":
            with suppress(Exception):
                override = parsed_as_written(text, lambda line: parse(line, rule))
        if override is None:
            raise
        return override


_SBATCH = re.compile(
    r"(?P<key>\+{0,2}(hydra\.sweeper\.)?executor\.sbatch)=\[(?P<options>\s*-.*)\]\s*", re.DOTALL
)


def with_quoted_options(word: str) -> str:
    """The override, its options of `sbatch` in quotes where none has any; a comma before a - parts them."""
    found = _SBATCH.fullmatch(word)
    if found is None:
        return word
    options = [option.strip() for option in re.split(r",(?=\s*-)", found["options"])]
    if any("'" in option or '"' in option for option in options):
        return word
    return f"{found['key']}=[{','.join(map(repr, options))}]"


UNKNOWN_SETTING = re.compile(r"Could not override '((?:study|sampler|pruner|executor|tracking)\.[\w.]+)'")
"""What Hydra says of a setting of ours that an app has no section for."""


def was_reading(error: BaseException) -> bool:
    """Whether the error comes out of Hydra's reading of a configuration, which raises what it comes to."""
    is_of_path = isinstance(error, SearchPathException)
    return is_of_path or any(f.name == "load_configuration" for f in extract_tb(error.__traceback__))


class _InLines:
    """Hydra's `run_and_report`, but for what is told in a line."""

    def __init__(self, theirs: Callable[[Callable[[], Any]], Any]) -> None:
        self._theirs = theirs

    def __call__(self, func: Callable[[], Any]) -> Any:
        return self._theirs(lambda: _in_a_line(func))


def _in_a_line(func: Callable[[], Any]) -> Any:
    try:
        return func()
    except Exception as error:
        if not was_reading(error):
            raise
        print(_fault_of(error), file=sys.stderr)
        sys.exit(2)


def _fault_of(error: Exception) -> Fault:
    """In our words; every start of any app imports this module, hence the imports here."""
    if isinstance(error, OverrideParseException) and error.override:
        from sweeper.config.unreadable import unreadable

        return unreadable(f"override '{error.override}'", error.override, error, _reads)
    from sweeper.config.config_faults import first_line
    from sweeper.config.plugin_options import in_app

    said = first_line(error)
    setting = UNKNOWN_SETTING.match(said)
    advice = f"A setting of the study is written {in_app(setting[1])} there" if setting else ""
    return Fault("command line", said, advice)


def _reads(line: str) -> bool:
    """Whether Hydra takes the text for an override."""
    try:
        OverridesParser.create().parse_override(line)
    except Exception:  # its lexer raises whatever it stumbles over
        return False
    return True


def folders(loader: ConfigLoader) -> list[Path]:
    """The folders in which the loader looks for configurations, the first one that has a file wins."""
    assert isinstance(loader, ConfigLoaderImpl)
    return [Path(source.path) for source in loader.get_sources() if source.scheme() == "file"]


def files_of(
    loader: ConfigLoader, config_name: str | None, choices: list[str]
) -> Iterator[tuple[str, str, Any]]:
    """The files that are composed for these choices, in order: path, package, content."""
    assert isinstance(loader, ConfigLoaderImpl)
    found = loader.compute_defaults_list(config_name, choices, RunMode.MULTIRUN)
    for one in found.defaults:
        result = loader.repository.load_config(one.config_path) if one.config_path else None
        if result is not None:
            folder = result.path.removeprefix("file://") if result.path.startswith("file://") else ""
            path = os.path.join(folder, f"{one.config_path}.yaml") if folder else ""
            yield path, one.package or "", result.config


def _load_config(source: Any, config_path: str) -> ConfigResult:
    path = Path(os.path.realpath(os.path.join(source.path, source._normalize_file_name(config_path))))
    if not path.exists():
        raise ConfigLoadError(f"Config not found : {path}")
    text = text_of_file(path)
    try:
        content = _content(text)
        config = OmegaConf.create({} if content is None else content)
    except yaml.YAMLError as error:
        raise yaml_fault(path, error) from None
    except (OmegaConfBaseException, ValueError, TypeError, RecursionError) as error:
        raise UserError(Fault(str(path), f"cannot be read: {str(error).partition(chr(10))[0]}")) from None
    if not isinstance(config, DictConfig):
        raise not_a_section(path, content)
    header = {"package": package_of(text, config_path)}
    return ConfigResult(config=config, path=f"file://{source.path}", provider=source.provider, header=header)


@lru_cache(maxsize=MAX_FILES)
def _content(text: str) -> Any:
    """Of a file, which a command composes several times; nobody changes it. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_loader())


@cache
def _loader() -> Any:
    """OmegaConf's loader, in which `no`, `on` and their like are names where they are keys."""

    class Loader(basecontainer.get_yaml_loader()):  # type: ignore[misc]
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
            for key, _ in node.value:
                if key.tag == "tag:yaml.org,2002:bool" and key.value.lower() not in ("true", "false"):
                    key.tag = "tag:yaml.org,2002:str"
            return super().construct_mapping(node, deep)

    return Loader
