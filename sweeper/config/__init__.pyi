from .checking import ENSEMBLE_KEY as ENSEMBLE_KEY
from .command_line import joined as joined, read_command_line as read_command_line
from .compose import Composer as Composer, TaskSweep as TaskSweep
from .config_faults import first_line as first_line
from .config_source import (
    COMPOSITION_ERRORS as COMPOSITION_ERRORS,
    UNREADABLE as UNREADABLE,
    ConfigSource as ConfigSource,
)
from .found_faults import Findings as Findings, unchosen as unchosen
from .hydra_adapter import (
    BASIC_LAUNCHER as BASIC_LAUNCHER,
    VERSION_BASE as VERSION_BASE,
    arguments_parser as arguments_parser,
    loader_of as loader_of,
    read_files_as_written as read_files_as_written,
    read_names_as_written as read_names_as_written,
    read_options_of_sbatch as read_options_of_sbatch,
    report_faults_in_lines as report_faults_in_lines,
    was_reading as was_reading,
)
from .objectives import (
    objective_by_value as objective_by_value,
    objective_warnings as objective_warnings,
    objectives_of as objectives_of,
    training_in_words as training_in_words,
    usual_objective as usual_objective,
)
from .plugin_options import params_of as params_of, sampler_of_node as sampler_of_node
from .space_checks import (
    check_sampler as check_sampler,
    contradictions as contradictions,
    is_adaptive as is_adaptive,
    space_warnings as space_warnings,
)
from .swept_groups import (
    SweptGroup as SweptGroup,
    explained as explained,
    is_of_swept_group as is_of_swept_group,
    swept_groups as swept_groups,
    whole_study_faults as whole_study_faults,
)
from .validation import faults_of as faults_of, validated as validated
