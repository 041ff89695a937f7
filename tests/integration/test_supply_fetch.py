"""Fetching ads.txt and its kin from a server that misbehaves in every way that servers on the web do."""

import asyncio
import gzip
import socket
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from targeting.seller_files import Kind, SellerFiles
from targeting.sellers import look_up, seller_id
from targeting.supply_refresh import Policy, Refresh, Summary, Wanted
from targeting.web_files import Answer, Fetcher, Limits, PublicResolver, root_domain

GOOD = b"ssp.example, 1, DIRECT\nother.example, 2, RESELLER\n"
DAY = 86_400
UNKNOWN, NO_FILE, UNLISTED, RESELLER, DIRECT = range(5)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Here(AbstractResolver):
    """Every name is this host."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


class Web:
    """Hosts by name; each is a handler, or a body."""

    def __init__(self) -> None:
        self.hosts: dict[str, Handler | bytes] = {}
        self.asked: list[str] = []
        self.at_once: Counter[str] = Counter()
        self.most_at_once: defaultdict[str, int] = defaultdict(int)
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        host = request.host.partition(":")[0]
        self.asked.append(host + request.path)
        for name in (host, "all"):
            self.at_once[name] += 1
            self.most_at_once[name] = max(self.most_at_once[name], self.at_once[name])
        try:
            handler = self.hosts.get(host + request.path, self.hosts.get(host))
            if handler is None:
                return web.Response(status=404)
            return web.Response(body=handler) if isinstance(handler, bytes) else await handler(request)
        finally:
            for name in (host, "all"):
                self.at_once[name] -= 1

    def url(self, host: str, path: str = "/ads.txt") -> str:
        return f"http://{host}:{self.port}{path}"

    def redirect(self, *targets: str) -> None:
        """Each target's host leads to the next target."""
        for at, to in pairwise(targets):

            async def away(_: web.Request, to: str = to) -> web.StreamResponse:
                return web.Response(status=302, headers={"Location": to if "//" in to else self.url(to)})

            self.hosts[at] = away


@pytest.fixture
async def site() -> AsyncIterator[Web]:
    there = Web()
    app = web.Application()
    app.router.add_get("/{path:.*}", there.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    there.port = runner.addresses[0][1]
    yield there
    await runner.cleanup()


LIMITS = Limits(8, 2.0, 1.0, 10_000, 3, 0.0, 0.01, 0.2)


async def fetched(site: Web, *hosts: str, limits: Limits = LIMITS, **validators: str) -> Answer:
    async with Fetcher(limits, resolver=Here(), ports=(site.port,), rng=lambda: 0.5) as fetcher:
        return await fetcher.fetch([site.url(host) for host in hosts], **validators)


async def test_a_file_is_read_with_its_validators(site: Web) -> None:
    async def tagged(_: web.Request) -> web.StreamResponse:
        return web.Response(body=GOOD, headers={"ETag": '"v1"', "Last-Modified": "Tue, 24 Nov 2026 12:00:00 GMT"})

    site.hosts["news.example"] = tagged
    answer = await fetched(site, "news.example")
    assert (answer.body, answer.etag, answer.last_modified) == (GOOD, '"v1"', "Tue, 24 Nov 2026 12:00:00 GMT")


async def test_what_was_not_changed_is_not_sent_again(site: Web) -> None:
    async def conditional(request: web.Request) -> web.StreamResponse:
        return web.Response(status=304 if request.headers.get("If-None-Match") == '"v1"' else 200, body=b"")

    site.hosts["news.example"] = conditional
    assert (await fetched(site, "news.example", etag='"v1"')).unchanged
    assert not (await fetched(site, "news.example", etag='"v2"')).unchanged


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><html>Not found</html>", b"\n <html>"])
async def test_a_page_in_its_place_is_no_file(site: Web, body: bytes) -> None:
    site.hosts["news.example"] = body
    assert (await fetched(site, "news.example")).absent


async def test_gone_is_absent_and_forbidden_is_a_failure(site: Web) -> None:
    async def status(request: web.Request) -> web.StreamResponse:
        return web.Response(status=int(request.host[1:4]))

    site.hosts |= {f"s{code}.example": status for code in (404, 410, 401, 403, 418)}
    assert (await fetched(site, "s404.example")).absent and (await fetched(site, "s410.example")).absent
    for code in (401, 403, 418):
        assert (await fetched(site, f"s{code}.example")).problem.endswith(f"status {code}")
    assert len(site.asked) == 5, "none of these is asked twice"


async def test_a_passing_failure_is_tried_again(site: Web) -> None:
    answers = iter((503, 500, 200))

    async def limping(_: web.Request) -> web.StreamResponse:
        return web.Response(status=next(answers), body=GOOD)

    site.hosts["news.example"] = limping
    assert (await fetched(site, "news.example")).body == GOOD


async def test_a_lasting_failure_is_given_up(site: Web) -> None:
    async def down(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    site.hosts["news.example"] = down
    answer = await fetched(site, "news.example")
    assert "status 503" in answer.problem and len(site.asked) == LIMITS.attempts


@pytest.mark.parametrize("retry_after", ["3600", "Tue, 24 Nov 2099 12:00:00 GMT"])
async def test_a_host_that_asks_for_a_long_wait_is_left_alone(site: Web, retry_after: str) -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": retry_after})

    site.hosts["news.example"] = busy
    assert "status 429" in (await fetched(site, "news.example")).problem and len(site.asked) == 1


async def test_silence_is_a_failure(site: Web) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    site.hosts["news.example"] = silent
    answer = await fetched(site, "news.example", limits=Limits(8, 2.0, 0.1, 10_000, 2, 0.0, 0.01))
    assert "within 0.1 s" in answer.problem


async def test_a_body_that_trickles_is_a_failure(site: Web) -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        while True:
            await reply.write(b"# ")
            await asyncio.sleep(0.02)

    site.hosts["news.example"] = trickle
    answer = await fetched(site, "news.example", limits=Limits(8, 2.0, 0.3, 10_000, 1, 0.0, 0.01))
    assert answer.problem


async def test_bodies_have_a_limit_however_they_come(site: Web) -> None:
    async def chunked(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        for _ in range(20):
            await reply.write(b"#" * 1_000)
        return reply

    async def bomb(_: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(b"#" * 5_000_000), headers={"Content-Encoding": "gzip"})

    site.hosts |= {"a.example": b"#" * 10_001, "b.example": chunked, "c.example": bomb, "d.example": b"#" * 10_000}
    for host in ("a.example", "b.example", "c.example"):
        assert "larger than 10000 bytes" in (await fetched(site, host)).problem
    assert (await fetched(site, "d.example")).body is not None


async def test_a_body_that_breaks_off_is_a_failure(site: Web) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Length": "1000"})
        await reply.prepare(request)
        await reply.write(GOOD)
        assert request.transport is not None
        request.transport.close()
        return reply

    site.hosts["news.example"] = broken
    answer = await fetched(site, "news.example")
    assert answer.body is None and "Error" in answer.problem


async def test_nobody_there_is_a_failure(site: Web) -> None:
    async with Fetcher(LIMITS, resolver=Here(), ports=(1,)) as fetcher:
        answer = await fetcher.fetch(["http://news.example:1/ads.txt"])
    assert answer.problem and not answer.reached


async def test_where_https_cannot_be_reached_http_may_say_that_there_is_no_file(site: Web) -> None:
    async with Fetcher(LIMITS, resolver=Here(), ports=(1, site.port)) as fetcher:
        answer = await fetcher.fetch(["http://news.example:1/ads.txt", site.url("news.example")])
    assert answer.absent


async def test_redirects_within_the_domain_and_once_out_of_it(site: Web) -> None:
    site.redirect("news.example", "www.news.example", "cdn.example", "eu.cdn.example")
    site.hosts["eu.cdn.example"] = GOOD
    answer = await fetched(site, "news.example")
    assert (answer.body, answer.url) == (GOOD, site.url("eu.cdn.example"))


async def test_a_second_redirect_out_of_the_domain_is_not_followed(site: Web) -> None:
    site.redirect("news.example", "cdn.example", "third.example")
    site.hosts["third.example"] = GOOD
    assert "a second time" in (await fetched(site, "news.example")).problem
    assert "third.example/ads.txt" not in site.asked


async def test_redirects_in_a_circle_end(site: Web) -> None:
    site.redirect("news.example", "www.news.example", "news.example")
    assert "more than 5 times" in (await fetched(site, "news.example")).problem


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1/ads.txt", "http://[::1]/ads.txt", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd",
     "http://localhost/ads.txt", "http://user@news.example/ads.txt", "http://news.example:22/", "http://news.example:x/",
     "http://[/"],
)  # fmt: skip
async def test_redirects_lead_nowhere_but_the_web(site: Web, target: str) -> None:
    site.redirect("news.example", target)
    answer = await fetched(site, "news.example")
    assert answer.problem and site.asked.count("news.example/ads.txt") == 1


async def test_names_of_our_own_network_are_not_asked() -> None:
    with pytest.raises(OSError, match="public internet"):
        await PublicResolver(Here()).resolve("internal.example")


async def test_the_other_port_decides_only_where_the_first_has_nothing_to_say(site: Web) -> None:
    async def down(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    site.hosts |= {"good.example": GOOD, "down.example": down}
    assert (await fetched(site, "gone.example", "good.example")).body == GOOD
    assert (await fetched(site, "gone.example", "none.example")).absent
    assert "status 500" in (await fetched(site, "down.example", "gone.example")).problem


async def test_one_request_a_host_and_so_many_at_once(site: Web, tmp_path: Path) -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.02)
        return web.Response(body=GOOD)

    names = [f"s{i}.example" for i in range(20)]
    site.hosts |= dict.fromkeys(names, slow)
    with SellerFiles(tmp_path) as store:
        async with Fetcher(Limits(4, pause_s=0.0), resolver=Here(), ports=(site.port,)) as fetcher:

            def where(kind: Kind, domain: str) -> list[str]:
                return [site.url(domain), site.url(domain)]

            summary = await Refresh(store, fetcher, Policy(), lambda: 1_000, where).run(Wanted(frozenset(names)))
    assert summary == Summary(read=20)
    assert site.most_at_once.pop("all") <= 4 and set(site.most_at_once.values()) == {1}


class Run:
    """A store that is brought up to date, at times of its own."""

    def __init__(self, site: Web, path: Path) -> None:
        self.site, self.store, self.now_s = site, SellerFiles(path), 1_000_000

    async def refresh(self, wanted: Wanted, *, force: bool = False) -> Summary:
        async with Fetcher(LIMITS, resolver=Here(), ports=(self.site.port,), rng=lambda: 0.5) as fetcher:
            policy = Policy(keep_s=7 * DAY, again_s=DAY, retry_s=3_600)
            return await Refresh(self.store, fetcher, policy, lambda: self.now_s, self.where).run(wanted, force=force)

    def where(self, kind: Kind, domain: str) -> list[str]:
        return [self.site.url(domain, f"/{kind}")]

    def alias(self, kind: Kind, name: str) -> str:
        file = self.store.file(kind, name)
        assert file is not None
        return file.alias

    def says(self, kind: Kind, name: str, system: str, account: str) -> int:
        record = self.store.record(kind, name)
        return look_up(record, seller_id(system, account), self.now_s) if record else UNKNOWN


@pytest.fixture
def run(site: Web, tmp_path: Path) -> Run:
    return Run(site, tmp_path / "supply.lmdb")


NEWS = Wanted(frozenset({"news.example"}))


async def test_a_good_copy_counts_while_the_file_fails_and_for_as_long_as_promised(site: Web, run: Run) -> None:
    site.hosts["news.example"] = GOOD
    assert await run.refresh(NEWS) == Summary(read=1)
    assert await run.refresh(NEWS) == Summary(not_due=1)

    async def down(_: web.Request) -> web.StreamResponse:
        return web.Response(status=403)

    site.hosts["news.example"] = down
    run.now_s += DAY
    assert await run.refresh(NEWS) == Summary(failed=1)
    file = run.store.file("ads.txt", "news.example")
    assert file is not None and file.state == "failed" and file.problem.endswith("status 403") and file.failures == 1
    assert file.due_s == run.now_s + 3_600
    assert run.says("ads.txt", "news.example", "ssp.example", "1") == DIRECT
    run.now_s += 3_600
    await run.refresh(NEWS)
    file = run.store.file("ads.txt", "news.example")
    assert file is not None and file.failures == 2 and file.due_s == run.now_s + 7_200
    run.now_s = 1_000_000 + 7 * DAY - 1
    assert run.says("ads.txt", "news.example", "ssp.example", "1") == DIRECT
    run.now_s += 1
    assert run.says("ads.txt", "news.example", "ssp.example", "1") == UNKNOWN


async def test_an_unchanged_file_counts_anew(site: Web, run: Run) -> None:
    async def conditional(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        return web.Response(body=GOOD, headers={"ETag": '"1"'})

    site.hosts["news.example"] = conditional
    await run.refresh(NEWS)
    run.now_s += 5 * DAY
    assert await run.refresh(NEWS) == Summary(unchanged=1)
    run.now_s += 5 * DAY
    assert run.says("ads.txt", "news.example", "other.example", "2") == RESELLER
    run.now_s += 3 * DAY  # what is too old to count must come whole
    assert await run.refresh(NEWS) == Summary(read=1)


async def test_a_file_that_is_taken_away_authorises_nobody_at_once(site: Web, run: Run) -> None:
    site.hosts["news.example"] = GOOD
    await run.refresh(NEWS)
    del site.hosts["news.example"]
    assert await run.refresh(NEWS, force=True) == Summary(absent=1)
    assert run.says("ads.txt", "news.example", "ssp.example", "1") == NO_FILE


async def test_an_empty_file_is_as_good_as_none_and_a_placeholder_is_not(site: Web, run: Run) -> None:
    site.hosts |= {"news.example": b"# soon\n", "shut.example": b"placeholder.example.com, placeholder, DIRECT\n"}
    await run.refresh(Wanted(frozenset({"news.example", "shut.example"})))
    assert run.says("ads.txt", "news.example", "ssp.example", "1") == NO_FILE
    assert run.says("ads.txt", "shut.example", "ssp.example", "1") == UNLISTED


async def test_a_sub_domain_is_asked_only_where_its_domain_refers_to_it(site: Web, run: Run) -> None:
    site.hosts |= {
        "news.example": GOOD + b"SUBDOMAIN=sport.news.example\nSUBDOMAIN=elsewhere.example\n",
        "sport.news.example": b"ssp.example, 9, DIRECT\n",
    }
    wanted = Wanted(frozenset({"www.news.example", "live.sport.news.example", "sport.news.example"}))
    assert await run.refresh(wanted) == Summary(read=2, aliases=2)
    assert sorted(site.asked) == ["news.example/ads.txt", "sport.news.example/ads.txt"]
    aliases = {name: run.alias("ads.txt", name) for name in wanted.sites}
    assert aliases == {
        "www.news.example": "news.example", "live.sport.news.example": "sport.news.example", "sport.news.example": "",
    }  # fmt: skip


async def test_files_of_inventory_partners_are_fetched_too(site: Web, run: Run) -> None:
    site.hosts |= {
        "news.example": GOOD + b"INVENTORYPARTNERDOMAIN=tv.partner.example\n",
        "partner.example": b"ssp.example, 5, DIRECT\nINVENTORYPARTNERDOMAIN=third.example\n",
        "only.example": b"INVENTORYPARTNERDOMAIN=partner.example\n",
    }
    assert await run.refresh(Wanted(frozenset({"news.example", "only.example"}))) == Summary(read=3, aliases=1)
    assert "third.example/ads.txt" not in site.asked
    assert run.alias("ads.txt", "tv.partner.example") == "partner.example"
    assert run.says("ads.txt", "news.example", "tv.partner.example", "") > UNLISTED
    assert run.says("ads.txt", "only.example", "ssp.example", "1") == UNLISTED


async def test_apps_are_known_by_their_bundle_and_systems_by_their_own_file(site: Web, run: Run) -> None:
    site.hosts |= {
        "dev.example/app-ads.txt": GOOD,
        "ssp.example/sellers.json": b'{"sellers":[{"seller_id":"1","seller_type":"PUBLISHER"}]}',
        "bad.example/sellers.json": b'{"sellers":',
    }
    wanted = Wanted(
        apps=frozenset({("com.dev.game", "www.dev.example")}), systems=frozenset({"ssp.example", "bad.example"})
    )
    assert await run.refresh(wanted) == Summary(read=2, failed=1, aliases=2)
    assert run.says("app-ads.txt", "dev.example", "ssp.example", "1") == DIRECT
    assert run.alias("app-ads.txt", "com.dev.game") == "dev.example"
    assert run.says("sellers.json", "ssp.example", "ssp.example", "1") > UNLISTED
    assert run.says("sellers.json", "ssp.example", "ssp.example", "2") == UNLISTED
    bad = run.store.file("sellers.json", "bad.example")
    assert bad is not None and bad.problem.startswith("it is no sellers.json")


async def test_a_reader_in_a_bidder_sees_what_is_written_after_it_renews(site: Web, run: Run) -> None:
    from targeting.sellers import key_of

    reader = run.store.reader()
    site.hosts["news.example"] = GOOD
    await run.refresh(NEWS)
    assert reader.get(key_of("ads.txt", "news.example")) is None
    reader.renew(float("inf"))
    record = reader.get(key_of("ads.txt", "news.example"))
    assert record is not None and look_up(record, seller_id("SSP.example", "1"), run.now_s) == DIRECT
    reader.close()


def test_root_domains() -> None:
    assert [root_domain(d) for d in ("www.news.co.uk", "news.example", "co.uk", "a.b.news.example")] == [
        "news.co.uk", "news.example", "", "news.example",
    ]  # fmt: skip
