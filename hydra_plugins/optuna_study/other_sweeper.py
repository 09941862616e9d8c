"""A configuration that names hydra-optuna-sweeper's class, where that plugin is not installed.

Hydra would end with the traceback of a class that it does not know. In its place stands a function that says
what to write.
"""

import shlex
import sys
from importlib.util import find_spec
from typing import Any, NoReturn

from hydra.core.plugins import Plugins

OTHER = "hydra_plugins.hydra_optuna_sweeper"
CLASS = f"{OTHER}.optuna_sweeper.OptunaSweeper"
OURS = "hydra_plugins.optuna_study.sweeper.OptunaStudySweeper"


def is_installed() -> bool:
    """Whether the other plugin is there."""
    return find_spec(OTHER) is not None


def explain_the_other() -> None:
    """From now on the other plugin's class says what to write in its place."""
    known: dict[str, Any] = Plugins.instance().class_name_to_class
    known.setdefault(CLASS, _say)


def _say(**_: Any) -> NoReturn:
    words = shlex.join(word for word in sys.argv if word not in ("-m", "--multirun"))
    problem = f"hydra.sweeper._target_: got {CLASS}, which is not installed"
    ways = f"Start it with 'sweeper run {words}', or add hydra.sweeper._target_={OURS}"
    print(f"{problem}. {ways}", file=sys.stderr)
    sys.exit(2)
