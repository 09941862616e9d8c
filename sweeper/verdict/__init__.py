"""Statistics without input or output: the runs of a study become a judgement.

Choice on validation, one confirmation test on the test split, intervals for everything else.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
