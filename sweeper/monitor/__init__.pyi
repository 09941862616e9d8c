from .alarms import alarms as alarms, is_ever_asked as is_ever_asked
from .changes import (
    Changes as Changes,
    changed as changed,
    keys_of as keys_of,
    unknown_keys as unknown_keys,
)
from .history import Clock as Clock, History as History
from .measured import measurable as measurable, unknown_metrics as unknown_metrics
from .rules import (
    WHERE as WHERE,
    ByKey as ByKey,
    Change as Change,
    Compiled as Compiled,
    Rule as Rule,
    compiled as compiled,
    readable as readable,
)
