"""``outbid outcomes import``: what became of applications, out of a file, told as an advertiser's postbacks."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp

    from trackers.outcome_files import Line

MOST_BAD = 100
"""Bad lines after which it gives up."""
AT_ONCE = 64
"""Postbacks under way: the tracker puts them on disk together."""
TRIES, PAUSE_S = 8, 0.25
"""Of one postback, and between the first two; each pause is twice as long as the one before."""


class Broken(Exception):
    """The tracker does not take any more; the text is for the person at the command line."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("outcomes", help="what became of applications: approved, paid out, defaulted")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    bring = actions.add_parser("import", help="tell the tracker the outcomes in a file")
    bring.add_argument("file", type=Path, metavar="FILE", help="CSV (.csv, .tsv) or Parquet (.parquet)")
    bring.add_argument("--advertiser", required=True, metavar="KEY", help="whose customers they are")
    bring.add_argument(
        "--from-line", type=int, default=1, metavar="N", help="pass over the lines before N (default: none)"
    )
    bring.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from trackers.outcome_files import read

    lines = (line for line in read(asked.file) if line.number >= asked.from_line)
    telling = Telling(asked.advertiser)
    try:
        asyncio.run(telling.tell(lines))
    except (Broken, KeyboardInterrupt) as error:
        print(f"outbid: {error or 'it was broken off'}", file=sys.stderr)
        print(f"{telling.told()}; go on with --from-line {telling.next}", file=sys.stderr)
        return 1
    print(telling.told())
    return 2 if telling.bad else 0


class Telling:
    """One import. ``next``: all lines before it are told, or bad."""

    def __init__(self, advertiser: str) -> None:
        from domain.keys import load_keys, postback_secret
        from domain.settings import places

        here = places()
        self._url = f"{here.tracker_base}/postback/{advertiser}"
        self._secret = postback_secret(load_keys(here.data), advertiser).encode()
        self.next = 1
        self.counted = self.known = self.others = self.bad = 0
        self._open: dict[int, asyncio.Task[None]] = {}

    def told(self) -> str:
        others = f", {self.others:,} are of clicks that do not count" if self.others else ""
        bad = f"; {self.bad:,} bad lines" if self.bad else ""
        return f"{self.counted:,} outcomes are new, {self.known:,} were known{others}{bad}"

    async def tell(self, lines: "Iterator[Line]") -> None:
        """Raises Broken, and `domain.errors.Refused` for what is no file of outcomes."""
        import aiohttp

        from cli.bars import Bar

        with Bar("told") as bar:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
                try:
                    for line in lines:
                        if line.wrong:
                            self._complain(line.number, line.wrong)
                            continue
                        self._open[line.number] = asyncio.create_task(self._tell(http, line))
                        if len(self._open) >= AT_ONCE:
                            await self._some()
                        self.next = min(self._open, default=line.number + 1)
                        bar(line.share)
                    while self._open:
                        await self._some()
                finally:
                    for task in self._open.values():
                        task.cancel()
                    await asyncio.gather(*self._open.values(), return_exceptions=True)

    async def _some(self) -> None:
        """Waits for at least one that is under way."""
        await asyncio.wait(self._open.values(), return_when=asyncio.FIRST_COMPLETED)
        for number, task in [(number, task) for number, task in self._open.items() if task.done()]:
            task.result()
            del self._open[number]

    async def _tell(self, http: "aiohttp.ClientSession", line: "Line") -> None:
        """One postback, again if the tracker asks for that, or is away."""
        import aiohttp
        import orjson

        body, why = orjson.dumps(line.facts), ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(PAUSE_S * 2 ** (attempt - 1))
            try:
                async with http.post(self._url, data=body, headers=self._signed(body)) as answer:
                    text = await answer.text()
            except (aiohttp.ClientError, TimeoutError) as error:
                why = f"the tracker does not answer at {self._url} ({error}); is `outbid up` running?"
                continue
            if answer.status == 200:
                return self._count(orjson.loads(text))
            if answer.status in (400, 413):
                return self._complain(line.number, text.strip())
            why = f"the tracker answers {answer.status}: {text.strip()}"
            if answer.status < 500:
                break
        raise Broken(why)

    def _signed(self, body: bytes) -> dict[str, str]:
        import hashlib
        import hmac
        import time

        now = str(int(time.time()))
        signature = hmac.new(self._secret, f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Outbid-Timestamp": now, "X-Outbid-Signature": signature, "Content-Type": "application/json"}

    def _count(self, answer: dict[str, bool]) -> None:
        self.counted += answer["counted"]
        self.known += answer["duplicate"]
        self.others += not answer["counted"] and not answer["duplicate"]

    def _complain(self, number: int, why: str) -> None:
        self.bad += 1
        print(f"line {number}: {why}", file=sys.stderr)
        if self.bad >= MOST_BAD:
            raise Broken(f"there are {self.bad} bad lines; is it a file of outcomes?")
