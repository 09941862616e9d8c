from .base import Executor as Executor
from .devices import (
    Arrangement as Arrangement,
    Placement as Placement,
    arrange as arrange,
    slots_in_words as slots_in_words,
)
from .local import LocalExecutor as LocalExecutor
from .make import Workplace as Workplace, make_executor as make_executor
