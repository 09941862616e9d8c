from .interrupts import leave_at_a_signal as leave_at_a_signal
from .single import run_solo as run_solo
from .study import run_sweep as run_sweep
