"""A real browser, driven over the W3C WebDriver protocol: Debian's chromium and chromium-driver."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window."""

    def __init__(self, session: str) -> None:
        self._session = session

    def call(self, method: str, path: str, **values: Any) -> Any:
        data = json.dumps(values).encode() if method == "POST" else None
        request = Request(f"{self._session}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, url: str) -> None:
        self.call("POST", "/url", url=url)

    def run(self, script: str) -> Any:
        """Run JavaScript that returns plain values."""
        return self.call("POST", "/execute/sync", script=script, args=[])

    def element(self, selector: str) -> str:
        return self.call("POST", "/element", using="css selector", value=selector)[_ELEMENT]

    def send(self, selector: str, text: str) -> None:
        """Type into an element; an input for files takes a path."""
        self.call("POST", f"/element/{self.element(selector)}/value", text=text)

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def emulate(self, width: int, height: int, *, dark: bool) -> None:
        """Be a screen of this size, and want dark pages or light ones."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", features=[scheme])

    def _devtools(self, command: str, **values: Any) -> None:
        self.call("POST", "/goog/cdp/execute", cmd=command, params=values)


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what is found as soon as it is true; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "not in time"
        time.sleep(0.2)
    return found


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start Chromium without a screen, and end it.

    On a machine that is busy, Chromium now and then hangs while it starts; then another one is started.
    """
    for attempt in range(3):
        with _driver() as root:
            try:
                window = _window(root, profile.with_name(f"{profile.name}{attempt}"))
            except TimeoutError:
                if attempt == 2:
                    raise
                continue
            try:
                yield window
            finally:
                window.call("DELETE", "")
            return


@contextmanager
def _driver() -> Iterator[str]:
    """Start what drives the browser, give the address of its sessions, and end both."""
    assert CHROMEDRIVER is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [CHROMEDRIVER, f"--port={port}"]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until(lambda: _answers(f"http://127.0.0.1:{port}/status"))
        yield f"http://127.0.0.1:{port}/session"
    finally:
        driver.terminate()
        with suppress(subprocess.TimeoutExpired):
            driver.wait(timeout=10)
        # a browser that hangs stays otherwise
        with suppress(ProcessLookupError):
            os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()


def _window(root: str, profile: Path) -> Browser:
    """Open a window.

    Raises:
        TimeoutError: the browser does not start.
    """
    switches = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"),
        *(f"--user-data-dir={profile}", "--window-size=1280,900"),
    ]
    wanted = {"goog:chromeOptions": {"binary": CHROMIUM, "args": switches}, "goog:loggingPrefs": {"browser": "ALL"}}
    started = Browser(root).call("POST", "", capabilities={"alwaysMatch": wanted})
    return Browser(f"{root}/{started['sessionId']}")


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
