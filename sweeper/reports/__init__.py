"""What a study found, for people (`report.md`, terminal) and for programs (`summary.json`, `trials.csv`).

Also what is asked of finished studies: their status, their models, what may be removed or published.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
