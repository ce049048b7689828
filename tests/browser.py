"""A headless chromium that tests look at pages with, spoken to by its own protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tornado.websocket import WebSocketClientConnection, websocket_connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WHY_SKIPPED = "no chromium: pages are not looked at"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
)
_PATIENCE_S = 60.0


class Page:
    """A page that is open in a browser."""

    def __init__(self, socket: WebSocketClientConnection, loop: asyncio.AbstractEventLoop) -> None:
        self._socket, self._loop, self._number = socket, loop, 0
        self.errors: list[str] = []
        self.requested: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Do what a method of the protocol does, and note errors of scripts and requests on the way."""
        return self._loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), _PATIENCE_S))

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        number = self._number
        await self._socket.write_message(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = await self._socket.read_message()
            assert message is not None, "the browser has gone"
            told = json.loads(message)
            if told.get("id") == number:
                assert "error" not in told, told["error"]
                result: dict[str, Any] = told["result"]
                return result
            if told.get("method") == "Runtime.exceptionThrown":
                details = told["params"]["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            if told.get("method") == "Network.requestWillBeSent":
                self.requested.append(told["params"]["request"]["url"])

    def open(self, path: Path, width: int = 1200, height: int = 900) -> None:
        """Open a file in a window of this size, in CSS pixels."""
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def dark(self) -> None:
        """Ask for dark colours."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def run(self, script: str) -> Any:
        """Return what a script evaluates to."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until a script is true."""
        until = time.monotonic() + _PATIENCE_S
        while not self.run(condition):
            assert time.monotonic() < until, f"never: {condition}"
            time.sleep(0.02)

    def click(self, x: float, y: float) -> None:
        """Press and release the mouse at a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def drag(self, places: list[tuple[float, float]]) -> None:
        """Press the mouse at the first of these places, and release it at the last."""
        for kind, (x, y) in zip(["mousePressed", *["mouseMoved"] * (len(places) - 1)], places, strict=True):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
        x, y = places[-1]
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, modifiers=8 if shift else 0)

    def picture(self, path: Path) -> None:
        """Write what the whole page looks like as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Start a browser whose profile is in this folder."""
    assert CHROMIUM is not None, WHY_SKIPPED
    profile = folder / "profile"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    loop = asyncio.new_event_loop()
    try:
        socket = loop.run_until_complete(_connected(profile / "DevToolsActivePort"))
        yield Page(socket, loop)
        socket.close()
    finally:
        process.terminate()
        process.wait(timeout=20)
        loop.close()


async def _connected(announced: Path) -> WebSocketClientConnection:
    until = time.monotonic() + _PATIENCE_S
    while not (announced.exists() and announced.read_text().count("\n")):
        assert time.monotonic() < until, "the browser does not answer"
        await asyncio.sleep(0.05)
    port = announced.read_text().split()[0]
    with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
        (target, *_) = [each for each in json.load(answer) if each["type"] == "page"]
    return await websocket_connect(target["webSocketDebuggerUrl"], max_message_size=100_000_000)
