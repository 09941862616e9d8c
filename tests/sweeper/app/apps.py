"""A Hydra app's configuration, and its command lines read as its own process would."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest.mock import patch

from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from sweeper.app import reading
from sweeper.app.reading import AppSweep, read_app
from sweeper.config import ConfigSource, loader_of
from sweeper.config.hydra_adapter import apply_override
from sweeper.errors import UserError
from sweeper.search import overrides_parser

OURS = "hydra/sweeper=optuna_study"
FILES = {
    "config.yaml": """
        defaults:
          - model: small
          - _self_
        seed: 7
        lr: 0.1
        at: ${now:%H-%M}
        paths: {data: /data}
        """,
    "model/small.yaml": "width: 4",
    "model/big.yaml": "{width: 8, depth: 2}",
    "exp/two.yaml": """
        # @package _global_
        lr: 0.2
        """,
    "exp/trials.yaml": """
        # @package _global_
        lr: 0.3
        hydra: {sweeper: {n_trials: 5}}
        """,
    "hparams/tpe.yaml": """
        # @package _global_
        defaults:
          - override /hydra/sweeper: optuna
        optimized_metric: val/acc
        hydra:
          sweeper:
            direction: maximize
            n_trials: 4
            sampler: {_target_: optuna.samplers.TPESampler, seed: 1, n_startup_trials: 2}
            params:
              lr: tag(log, interval(0.01, 1))
              model: choice(small, big)
        """,
    "required.yaml": """
        defaults:
          - need: ???
          - _self_
        lr: 0.1
        """,
    "need/a.yaml": "k: 1",
    "need/b.yaml": "k: 2",
}

GROUPS = ("model", "exp", "hparams", "need")


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder, with these files in it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text).lstrip())
    return folder


@dataclass(frozen=True)
class App:
    """An app with a configuration folder. What Hydra has composed for one command line, others share."""

    loader: ConfigLoader
    nodes: dict[object, DictConfig] = field(default_factory=dict)
    sources: dict[object, ConfigSource] = field(default_factory=dict)

    def hydra(self, *words: str, name: str | None = "config") -> DictConfig:
        """Hydra's node where the app is started with `-m` and these words."""
        values = [word for word in words if word.lstrip("+").startswith("hydra.")]
        chosen = tuple(word for word in words if word not in values and _is_choice(word))
        if (name, chosen) not in self.nodes:
            loaded = self.loader.load_configuration(name, list(chosen), RunMode.MULTIRUN)
            self.nodes[name, chosen] = OmegaConf.masked_copy(loaded.hydra, ["sweeper", "job"])
        tree = OmegaConf.create({"hydra": self.nodes[name, chosen]})
        OmegaConf.set_struct(tree, True)
        for override in overrides_parser(self.loader).parse_overrides(values):
            apply_override(tree, override)
        node: DictConfig = tree.hydra
        OmegaConf.set_struct(node, False)
        node.job.name = "app"
        node.overrides = {}
        node.overrides.hydra = [word for word in words if word.lstrip("+").startswith("hydra")]
        node.overrides.task = [word for word in words if word not in node.overrides.hydra]
        return node

    def read(self, *words: str, name: str = "config") -> AppSweep:
        """The sweep of these words."""
        node = self.hydra(OURS, *words, name=name)
        with patch.object(reading, "ConfigSource", self._source):
            return read_app(self.loader, node.job.config_name, node, list(node.overrides.task))

    def _source(self, loader: ConfigLoader, name: str, lines: Sequence[str], **options: bool) -> ConfigSource:
        choices = tuple(line for line in lines if line.startswith("hydra/"))
        made = self.sources.get((name, choices))
        return made or self.sources.setdefault(
            (name, choices), ConfigSource(loader, name, choices, **options)
        )

    def faults(self, *words: str, name: str = "config") -> list[str]:
        """What the user would read, a line each; empty where all is well."""
        try:
            self.read(*words, name=name)
        except UserError as error:
            return str(error).split("\n")
        return []


def _is_choice(word: str) -> bool:
    return word.startswith("hydra/") or word.lstrip("+").partition("=")[0] in GROUPS


@contextmanager
def app_in(folder: Path) -> Iterator[App]:
    """The app whose configuration is in `folder`."""
    with loader_of(folder, None) as loader:
        yield App(loader)


def points(sweep: AppSweep) -> list[tuple[str, dict[str, Any]]]:
    """Name and values of each point."""
    assert sweep.points is not None
    return [(point.name, dict(point.params)) for point in sweep.points]
