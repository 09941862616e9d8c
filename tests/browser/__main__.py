"""`python -m tests.browser`: tests of pages in a headless Chromium, as far as there is one.

With SWEEPER_BROWSER_INSTALL=1 it is installed first: Debian's packages, where this is root. Where it cannot
be had that is said, the tests are skipped, and nothing fails for it.
"""

import subprocess
import sys

from tests.browser.browser import why_no_browser
from tests.faults.harness import ROOT

if __name__ == "__main__":
    print(f"Chromium: {why_no_browser() or 'here'}", flush=True)
    words = ["-m", "pytest", "-m", "browser", "-rs", *(sys.argv[1:] or ["tests/browser"])]
    sys.exit(subprocess.run([sys.executable, *words], cwd=ROOT).returncode)
