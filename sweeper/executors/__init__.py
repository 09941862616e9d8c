"""Where jobs run: in a thread of this process, or in a worker process for each slot of this machine.

An `Executor` takes a job for a slot and gives back what the job says, until its last message.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
