"""When matplotlib is imported."""

import subprocess
import sys

BEFORE_AND_AFTER = """
import sys, threading
from sweeper.reports import get_ready_to_draw
print("matplotlib" in sys.modules)
get_ready_to_draw()
get_ready_to_draw()
threads = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
for thread in threads:
    thread.join(60)
print(len(threads), "sweeper.reports.plots" in sys.modules, "matplotlib.axes" in sys.modules)
"""


def test_what_draws_is_imported_once_when_there_is_time() -> None:
    command = [sys.executable, "-c", BEFORE_AND_AFTER]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "1", "True", "True"]
