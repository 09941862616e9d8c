from .checking import ENSEMBLE_KEY as ENSEMBLE_KEY
from .command_line import read_command_line as read_command_line
from .compose import Sweep as Sweep
from .config_faults import first_line as first_line
from .hydra_adapter import (
    BASIC_LAUNCHER as BASIC_LAUNCHER,
    VERSION_BASE as VERSION_BASE,
    arguments_parser as arguments_parser,
    loader_of as loader_of,
    read_files_as_written as read_files_as_written,
)
from .objectives import (
    objective_by_value as objective_by_value,
    objective_warnings as objective_warnings,
    objectives_of as objectives_of,
    training_in_words as training_in_words,
    usual_objective as usual_objective,
)
from .validation import validated as validated
