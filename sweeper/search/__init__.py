"""What is tried: the search space, who proposes trials, and who ends them early.

Optuna stands behind this package: samplers, pruners, and the book of trials that its dashboard reads.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
