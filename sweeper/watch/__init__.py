"""Who is told of a study while it runs: the terminal, and MLflow.

An `Observer` hears what happens and decides nothing; a slow or failing one never holds a study up.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
