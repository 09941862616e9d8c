"""What an app says of its own run to the study that runs it. Standard library only, imported in milliseconds.

In an app: `from sweeper import report, Pruned`. Outside of a study nothing here does anything.
"""

from .hydra_callback import JobCallback as JobCallback
from .numbers import flattened as flattened, unpacked as unpacked
from .places import place_of as place_of
from .reporting import Pruned as Pruned, Report as Report, report as report
from .wire import CHANNEL as CHANNEL, MARK as MARK, RESUME as RESUME, is_in_study as is_in_study
