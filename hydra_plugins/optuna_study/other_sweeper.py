"""A configuration that names hydra-optuna-sweeper's class, where that plugin is not installed.

Hydra would end with a traceback of an import that fails. In place of the class stands one that says what to
write; it is found only where nothing else answers to the name.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NoReturn

OTHER = "hydra_plugins.hydra_optuna_sweeper"
OURS = "hydra_plugins.optuna_study.sweeper.OptunaStudySweeper"


class _Finder(MetaPathFinder, Loader):
    """Finds the other plugin's package and its module, last of all finders."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module of ours under that name."""
        if fullname in (OTHER, f"{OTHER}.optuna_sweeper"):
            return ModuleSpec(fullname, self, is_package=fullname == OTHER)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        """The class that the configuration names."""
        vars(module)["OptunaSweeper"] = _say


def is_installed() -> bool:
    """Whether the other plugin itself is there."""
    spec = find_spec(OTHER)
    return spec is not None and not isinstance(spec.loader, _Finder)


def explain_the_other() -> None:
    """From now on the other plugin's class says what to write in its place."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def _say(**_: Any) -> NoReturn:
    print(
        f"hydra.sweeper._target_: got {OTHER}.optuna_sweeper.OptunaSweeper, which is not installed. "
        f"Start it with: sweeper run {_started()}; or add hydra.sweeper._target_={OURS}",
        file=sys.stderr,
    )
    sys.exit(2)


def _started() -> str:
    return " ".join(sys.argv)
