"""What we use of Hydra that it does not promise to keep, in one place: a new version breaks here or nowhere.

`tests/sweeper/config/test_hydra_adapter.py` has a test for each part, which names the version that broke it.
"""

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import get_args_parser
from hydra.core.config_loader import ConfigLoader
from hydra.core.default_element import ConfigDefault, GroupDefault
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

VERSION_BASE = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}
"""For `hydra.main` and `initialize`: 1.3 has older defaults without it, 1.4 warns of it and knows but one."""
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
