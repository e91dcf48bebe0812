"""A real Chromium for tests, driven through its own pipe: pages are opened, clicked, typed into, printed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Chromium looks for its pipes at 3 and 4.
LAUNCH = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(at), fcntl.F_DUPFD, 10) for at in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """Runs between `with` and its end, with one tab. `errors`: what its scripts failed with, and what was refused."""

    def __init__(self) -> None:
        assert CHROMIUM is not None
        self.errors: list[str] = []
        self._last = 0
        self._profile = tempfile.TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True)
        (read, to_it), (self._read, write) = os.pipe(), os.pipe()

        words = [CHROMIUM, *QUIET, f"--user-data-dir={self._profile.name}", "--remote-debugging-pipe", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(read), str(write), *words],
            pass_fds=(read, write), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read)
        os.close(write)
        self._write = to_it
        self._rest = b""
        self._session: str | None = None
        tab = next(t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._write)
        self._process.terminate()
        self._process.wait(10)
        os.close(self._read)
        self._profile.cleanup()

    def send(self, method: str, **parameters: Any) -> Any:
        """Call one method of the protocol and return its result."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while (answer := self._next()).get("id") != self._last:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._read, 1 << 16)
            assert piece, "chromium ended"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(message["params"]["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.errors.append(message["params"]["entry"]["text"])
        return message

    def open(self, page: Path | str, address: str = "") -> None:
        """Open a page, anew even if only the address after # is another, and wait until it is drawn."""
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=(page if isinstance(page, str) else page.as_uri()) + address)
        self.run("document.readyState === 'complete' || new Promise(done => addEventListener('load', done))")
        self.settle()

    def run(self, code: str) -> Any:
        """Return the value of an expression in the page; of a promise, what it becomes."""
        done = self.send("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def settle(self) -> None:
        """Wait until the page has drawn what it saw in its window."""
        frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
        for _ in range(3):
            self.run(frames)

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self.settle()

    def keys(self, *names: str) -> None:
        """Press keys, as a keyboard does: Tab, Enter, a letter."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        for name in names:
            text = {"Enter": "\r", "Tab": ""}.get(name, name)
            key = {"key": name, "text": text, "windowsVirtualKeyCode": codes.get(name, ord(name[0].upper()))}
            self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **key)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=name)
        self.settle()

    def screen(self, width: int, height: int = 900, scheme: str = "light") -> None:
        """Set the window's size and the person's colour scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.settle()
