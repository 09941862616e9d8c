"""Rules about the health of a run, without input or output: a history of metrics becomes alarms.

A rule is data (`monitor.rules`): a condition, a phase, and what follows. Of a longer history the earlier
alarms are the same, so that a resumed study decides as an undisturbed one.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
