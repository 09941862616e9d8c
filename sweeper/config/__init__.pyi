from .checking import ENSEMBLE_KEY as ENSEMBLE_KEY
from .command_line import read_command_line as read_command_line
from .compose import Sweep as Sweep
from .config_faults import first_line as first_line
from .hydra_adapter import (
    BASIC_LAUNCHER as BASIC_LAUNCHER,
    arguments_parser as arguments_parser,
    loader_of as loader_of,
    read_files_as_written as read_files_as_written,
)
from .validation import validated as validated
