"""What stands on a machine for a study: its GPUs, its worker processes, and, elsewhere, who speaks for them.

`python -m sweeper.agent HOST:PORT` offers one slot to the study that listens there.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
