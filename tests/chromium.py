"""A real browser, driven through the DevTools protocol: Debian's chromium, headless, with a profile of the test's.

https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # containers allow none, and the pages are the tests' own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
    "--window-size=1000,800",
)


class Tab:
    """One page. `run` evaluates an expression in it and returns its value."""

    def __init__(self, browser: "Browser", target: str, session: str) -> None:
        self.browser, self.target, self.session = browser, target, session

    async def open(self, url: str) -> None:
        await self.browser.call("Page.navigate", self.session, url=url)
        await self.until("document.readyState == 'complete'")

    async def run(self, expression: str) -> Any:
        answer = await self.browser.call(
            "Runtime.evaluate", self.session, expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        while True:
            with contextlib.suppress(AssertionError):
                if await self.run(expression):
                    return
            await asyncio.sleep(0.02)

    async def show(self, *, minimised: bool) -> None:
        """Hides the window, and with it the page, or brings it back."""
        window = await self.browser.call("Browser.getWindowForTarget", targetId=self.target)
        bounds = {"windowState": "minimized" if minimised else "normal"}
        await self.browser.call("Browser.setWindowBounds", windowId=window["windowId"], bounds=bounds)
        await self.until(f"document.hidden == {str(minimised).lower()}")


class Browser:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._number = socket, 0
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._number += 1
        answer = self._open[self._number] = asyncio.get_running_loop().create_future()
        sent = {"id": self._number, "method": method, "params": parameters}
        await self._socket.send_json(sent | ({"sessionId": session} if session else {}))
        return await answer

    async def tab(self) -> Tab:
        target = (await self.call("Target.createTarget", url="about:blank", newWindow=True))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        return Tab(self, target, session)

    async def listen(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            answer = self._open.pop(told.get("id", 0), None)
            if answer is not None and not answer.done():
                if "error" in told:
                    answer.set_exception(AssertionError(told["error"]))
                else:
                    answer.set_result(told["result"])


@contextlib.asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Browser]:
    """Runs until the end of the block."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: tests/install-servers installs Debian's package")
    flags = [*FLAGS, f"--user-data-dir={profile}"]
    with (profile.parent / "chromium.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(program, *flags, stdout=log, stderr=log)
    try:
        told = profile / "DevToolsActivePort"
        while not (told.exists() and len(lines := told.read_text().split()) == 2):
            assert process.returncode is None, (profile.parent / "chromium.log").read_text()
            await asyncio.sleep(0.05)
        port, path = lines
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"http://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
        ):
            browser = Browser(socket)
            listening = asyncio.create_task(browser.listen())
            try:
                yield browser
            finally:
                listening.cancel()
    finally:
        process.terminate()
        await process.wait()
