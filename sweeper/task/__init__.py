"""The contract between a problem and whoever trains it: what a task brings, and what it may build on.

Built-in tasks and those of other packages import from here alike. Nothing behind it imports torch.
"""

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.models import ActiveWhen, Cosmetic, Stackable, StrictModel, Strings, digest_of, stackable_values
from sweeper.task.bad_files import BadFile, facts_of_skipped, fault_of, lines_of_skipped
from sweeper.task.base import Averageable, Coefficients, Evaluation, Task, config_of
from sweeper.task.config import SPLIT_SIZES, Preset, TaskConfig
from sweeper.task.contents import Contents, Count, content_lines, content_warnings, expected_error
from sweeper.task.copies import copies_of, picture_digests, refuse_copies, row_digests, text_digests
from sweeper.task.digests import file_digest, folder_digest
from sweeper.task.entry import TaskEntry, built_in, built_in_tasks, is_built_in, load, option_of, task_entry
from sweeper.task.influence import auc_influence, average_precision_influence, mean_influence, midranks
from sweeper.task.listing import (
    Listing,
    counted,
    is_foreign,
    lines_of_ignored,
    list_files,
    words_of_ignored,
)
from sweeper.task.predicting import Chosen, ChosenRun, Predicted, Predictor, refuse_clashes
from sweeper.task.prepared import MANIFEST, Prepared, is_prepared, new_array, prepare_once
from sweeper.task.reporting import (
    BASELINE_COLOR,
    BEST_COLOR,
    EXAMPLES,
    NOTHING,
    Arm,
    Comparison,
    Part,
    Plot,
    Table,
    mean_and_spread,
)
from sweeper.task.splits import (
    SPLIT_WORDS,
    SplitFiles,
    Splits,
    codes_of,
    drawn,
    group_codes,
    lacks_a_split,
    names_below,
    placed,
    refuse_same_files,
    shared_groups,
)
from sweeper.wording import plural

__all__ = [
    "BASELINE_COLOR",
    "BEST_COLOR",
    "EXAMPLES",
    "MANIFEST",
    "NOTHING",
    "SPLIT_SIZES",
    "SPLIT_WORDS",
    "ActiveWhen",
    "Arm",
    "Averageable",
    "BadFile",
    "Chosen",
    "ChosenRun",
    "Coefficients",
    "Comparison",
    "Contents",
    "Cosmetic",
    "Count",
    "Evaluation",
    "Fault",
    "Listing",
    "Part",
    "Plot",
    "Predicted",
    "Predictor",
    "Prepared",
    "Preset",
    "SplitFiles",
    "Splits",
    "Stackable",
    "StrictModel",
    "Strings",
    "Table",
    "Task",
    "TaskConfig",
    "TaskEntry",
    "UserError",
    "auc_influence",
    "average_precision_influence",
    "built_in",
    "built_in_tasks",
    "codes_of",
    "config_of",
    "content_lines",
    "content_warnings",
    "copies_of",
    "counted",
    "did_you_mean",
    "digest_of",
    "drawn",
    "expected_error",
    "facts_of_skipped",
    "fault_of",
    "file_digest",
    "folder_digest",
    "group_codes",
    "is_built_in",
    "is_foreign",
    "is_prepared",
    "lacks_a_split",
    "lines_of_ignored",
    "lines_of_skipped",
    "list_files",
    "load",
    "mean_and_spread",
    "mean_influence",
    "midranks",
    "names_below",
    "new_array",
    "option_of",
    "picture_digests",
    "placed",
    "plural",
    "prepare_once",
    "refuse_clashes",
    "refuse_copies",
    "refuse_same_files",
    "row_digests",
    "shared_groups",
    "stackable_values",
    "task_entry",
    "text_digests",
    "words_of_ignored",
]
