"""A headless Chromium, driven through chromedriver's HTTP: what a reader of a page sees and does."""

import base64
import contextlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.cluster.packages import why_not

PACKAGES = ("chromium", "chromium-driver", "fonts-dejavu-core")
ALLOWED = "SWEEPER_BROWSER_INSTALL"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
ANSWER_S = 60.0


def why_no_browser() -> str:
    """In a line, what is missing and what would bring it; empty where there is a browser."""
    return why_not(("chromium", "chromedriver"), PACKAGES, ALLOWED, "browser-test")


class Browser:
    """One window."""

    def __init__(self, address: str) -> None:
        options = {"args": list(FLAGS)}
        asked = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        session = _asked(f"{address}/session", asked)["sessionId"]
        self._address = f"{address}/session/{session}"

    def open(self, url: str, width: int = 1280) -> None:
        """Load a page at that width in pixels."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        self._tell("url", {"url": url})

    def run(self, script: str) -> Any:
        """What a function of that body returns in the page."""
        return self._tell("execute/sync", {"script": script, "args": []})

    def wait(self, what: str, within_s: float = 60.0) -> Any:
        """The value of the expression `what`, once it is true."""
        return until(lambda: self.run(f"return {what}"), within_s, what)

    def enter(self, text: str) -> None:
        """Put `text` where the focus is, in place of what is selected there, and press Enter."""
        self._devtools("Input.insertText", {"text": text})
        for kind in ("rawKeyDown", "char", "keyUp"):
            key = {"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
            self._devtools("Input.dispatchKeyEvent", key)

    def shot(self, path: Path, height: int | None = None) -> None:
        """A picture of the page from its top, `height` pixels of it or all."""
        whole = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": whole[0], "height": height or whole[1], "scale": 1}
        found = self._devtools("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        path.write_bytes(base64.b64decode(found["data"]))

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError), urlopen(Request(self._address, method="DELETE"), timeout=ANSWER_S):
            pass

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._tell("goog/cdp/execute", {"cmd": command, "params": parameters})

    def _tell(self, command: str, parameters: dict[str, Any]) -> Any:
        return _asked(f"{self._address}/{command}", parameters)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A window that is closed with the block, and its driver with it."""
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        assert driver.stdout is not None
        said = (re.search(r"started successfully on port (\d+)", line) for line in driver.stdout)
        port = next(found[1] for found in said if found)
        browser = Browser(f"http://127.0.0.1:{port}")
        try:
            yield browser
        finally:
            browser.close()
    finally:
        driver.terminate()
        driver.wait(ANSWER_S)
        if driver.stdout is not None:
            driver.stdout.close()


def until(seen: Callable[[], Any], within_s: float, what: str) -> Any:
    """What `seen` returns, once that is true. Raises AssertionError where it stays false."""
    ends = time.monotonic() + within_s
    while not (found := seen()):
        assert time.monotonic() < ends, f"not within {within_s:g} s: {what}"
        time.sleep(0.2)
    return found


def _asked(url: str, parameters: dict[str, Any]) -> Any:
    request = Request(url, json.dumps(parameters).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=ANSWER_S) as answer:
        return json.loads(answer.read())["value"]
