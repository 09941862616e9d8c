from .base import Executor as Executor
from .devices import (
    Arrangement as Arrangement,
    Placement as Placement,
    arrange as arrange,
    slots_in_words as slots_in_words,
)
from .gpus import Gpu as Gpu, gpus_found as gpus_found, gpus_here as gpus_here
from .local import LocalExecutor as LocalExecutor
from .make import make_executor as make_executor
from .worker_process import SAME_PATH as SAME_PATH, import_path as import_path
