"""Statistics without input or output: the runs of a study become a judgement.

Choice on validation, one confirmation test on the test split, intervals for everything else. `judge_table`
does the same for runs that stand in a table, which it also reads where it is given a file.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
