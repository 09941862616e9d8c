"""A study from its plan to its report: what it runs, in which order, and what it concludes.

Others use `run_sweep` and `run_solo`; everything below this package is its tool.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
