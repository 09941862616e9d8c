"""Programs that are not ours as the problem of a study: any Hydra app, or any command line.

They are judged as tasks are; what trains them is their own process. Others use `run_app` and `run_command`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
