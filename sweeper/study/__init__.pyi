from .interrupts import leave_at_a_signal as leave_at_a_signal
from .prefix_tree import RunPath as RunPath
from .single import run_solo as run_solo
from .spec_factory import MetricNames as MetricNames, RunParts as RunParts, SpecFactory as SpecFactory
from .study import run_planned as run_planned, run_sweep as run_sweep
