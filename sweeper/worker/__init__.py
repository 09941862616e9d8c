"""What runs inside a job: the trainer, and the channel on which it talks to the parent process.

It imports torch, and never Hydra, Optuna or MLflow; the channel alone is free of torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
