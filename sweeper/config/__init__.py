"""A command line becomes a checked configuration, by Hydra's rules and with all its faults at once.

`read_command_line` gives a `Sweep`: what is fixed, what is swept, and each point composed and validated.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
