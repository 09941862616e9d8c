"""What is known of a study and who works on it: its database, the leases of its runs, its folders.

A run is claimed before it starts and settled when it ends, so that nothing is lost or done twice.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
