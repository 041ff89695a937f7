"""The bid port as an exchange meets it: HTTP in every shape that it may have, and in some that it may not."""

import asyncio
import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.auction_table import Table, snapshot

REQUEST = json.loads((Path(__file__).parents[2] / "golden" / "request.json").read_text())
BODY = json.dumps(REQUEST).encode()


def post(body: bytes = BODY, path: str = "/openrtb2/usx", **headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode("latin-1").split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers, body


async def one(bid_port, data: bytes, **settings):
    async with bid_port(**settings) as port:
        reader, writer = await port.open()
        writer.write(data)
        answer = await read_answer(reader)
        writer.close()
        return answer


async def test_a_bid(bid_port):
    status, headers, body = await one(bid_port, post())
    assert status == 200 and headers["content-type"] == "application/json"
    assert json.loads(body)["seatbid"][0]["bid"][0]["price"] == 2


async def test_a_no_bid_tells_its_reason(bid_port):
    status, _, body = await one(bid_port, post(json.dumps({**REQUEST, "regs": {"coppa": 1}}).encode()))
    assert status == 200 and json.loads(body) == {"id": "auction-1", "seatbid": [], "nbr": 506}


async def test_an_exchange_that_wants_204_gets_it(bid_port):
    table = Table(snapshot({"exchanges[0]": {"no_bid": "204"}}))
    status, headers, _ = await one(bid_port, post(json.dumps({**REQUEST, "tmax": 3}).encode()), table=table)
    assert status == 204 and "content-length" not in headers


async def test_pipelined_requests_are_answered_in_order(bid_port):
    async with bid_port() as port:
        reader, writer = await port.open()
        names = [f"a{n}" for n in range(50)]
        writer.write(b"".join(post(json.dumps({**REQUEST, "id": name}).encode()) for name in names))
        answers = [await read_answer(reader) for _ in names]
        assert [json.loads(body)["id"] for _, _, body in answers] == names


async def test_a_request_in_single_bytes(bid_port):
    async with bid_port() as port:
        reader, writer = await port.open()
        for byte in post():
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await read_answer(reader))[0] == 200


async def test_chunked_body(bid_port):
    pieces = (
        b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:7], BODY[7:200], BODY[200:])) + b"0\r\n\r\n"
    )
    head = b"POST /openrtb2/usx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, _, body = await one(bid_port, head + pieces)
    assert status == 200 and b'"price":2,' in body


async def test_gzip_both_ways(bid_port):
    packed = gzip.compress(BODY)
    status, headers, body = await one(bid_port, post(packed, Content_Encoding="gzip", Accept_Encoding="gzip, deflate"))
    assert status == 200 and headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(body))["seatbid"]


async def test_keep_alive_and_close(bid_port):
    async with bid_port() as port:
        reader, writer = await port.open()
        for _ in range(3):
            writer.write(post())
            assert (await read_answer(reader))[0] == 200
        writer.write(post(Connection="close"))
        status, headers, _ = await read_answer(reader)
        assert status == 200 and headers["connection"] == "close"
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_expect_100_continue(bid_port):
    async with bid_port() as port:
        reader, writer = await port.open()
        head, _, body = post(Expect="100-continue").partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert (await read_answer(reader))[0] == 100
        writer.write(body)
        assert (await read_answer(reader))[0] == 200


@pytest.mark.parametrize(
    ("data", "status", "names"),
    [
        (post(b"{"), 400, "request"),
        (post(b'{"imp":[]}'), 400, "id"),
        (post(b"\xff\xfe"), 400, "request"),
        (post(path="/openrtb2/nobody"), 404, "nobody"),
        (post(path="/"), 404, "openrtb2"),
        (b"GET /openrtb2/usx HTTP/1.1\r\nHost: x\r\n\r\n", 405, "GET"),
        (post(Content_Type="application/x-protobuf"), 415, "protobuf"),
        (post(Content_Encoding="br"), 415, "br"),
        (post(b"no gzip", Content_Encoding="gzip"), 400, "gzip"),
        (post(gzip.compress(BODY)[:-9], Content_Encoding="gzip"), 400, "early"),
        (post(gzip.compress(b" " * 300_000), Content_Encoding="gzip"), 413, "gzip"),
        (post(b" " * 300_000), 413, "262144"),
        (post(path="/openrtb2/" + "x" * 3_000), 400, "URL"),
        (b"BLAH\r\n\r\n", 400, "HTTP"),
    ],
)  # fmt: skip
async def test_refusals_name_what_is_wrong(bid_port, data, status, names):
    found, headers, body = await one(bid_port, data)
    assert (found, body) == (status, b"")
    assert names in headers["x-outbid-error"]


async def test_headers_without_end(bid_port):
    async with bid_port() as port:
        reader, writer = await port.open()
        writer.write(b"POST /openrtb2/usx HTTP/1.1\r\n")
        for n in range(40):
            writer.write(f"X-{n}: {'y' * 500}\r\n".encode())
            await writer.drain()
            await asyncio.sleep(0.001)
        status, headers, _ = await read_answer(reader)
        assert status == 431 and "16384" in headers["x-outbid-error"]


LONG = BODY[:-1] + b',"x":"' + b"y" * 100_000 + b'"}'


@pytest.mark.parametrize(
    "parts",
    [
        (post(LONG)[: -len(LONG)], LONG),
        (post(LONG)[:40], post(LONG)[40:]),
        (post(LONG)[: -len(LONG) + 9], LONG[9:50_000], LONG[50_000:]),
        (post() + post(LONG)[:60], post(LONG)[60:]),
    ],
    ids=["behind its head", "with the end of its head", "in pieces", "behind another request"],
)
async def test_a_long_body_is_no_long_head(bid_port, parts):
    async with bid_port() as port:
        reader, writer = await port.open()
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.02)
        for _ in range(2 if parts[0].startswith(post()) else 1):
            assert (await read_answer(reader))[0] == 200


OFFER = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AAMAAABkAAQ"}


@pytest.mark.parametrize("cut", [None, 30, 120, len(post(**OFFER)) - len(BODY), len(post(**OFFER)) - 5])
async def test_an_offer_of_another_protocol_is_declined_and_the_request_served(bid_port, cut):
    async with bid_port() as port:
        reader, writer = await port.open()
        data = post(**OFFER) + post()
        writer.write(data[:cut])
        if cut:
            await asyncio.sleep(0.02)
            writer.write(data[cut:])
        for _ in range(2):
            status, _, body = await read_answer(reader)
            assert status == 200 and json.loads(body)["seatbid"]
        assert port.service.requests == 2


async def test_a_tunnel_is_refused(bid_port):
    status, headers, _ = await one(bid_port, b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n")
    assert status == 404 and "openrtb2" in headers["x-outbid-error"]


async def test_continue_is_said_behind_the_answers_before_it(bid_port):
    async with bid_port() as port:
        reader, writer = await port.open()
        writer.write(post() + post(Expect="100-continue")[: -len(BODY)])
        assert [(await read_answer(reader))[0] for _ in range(2)] == [200, 100]
        writer.write(BODY)
        assert (await read_answer(reader))[0] == 200


@pytest.mark.parametrize(("members", "status"), [(2, 200), (17, 200), (18, 400), (2_000, 400)])
async def test_gzip_in_members(bid_port, members, status):
    padded = BODY.replace(b"{", b"{" + b" " * members * 2, 1)
    step = len(padded) // members
    parts = [padded[at * step : (at + 1) * step] for at in range(members - 1)] + [padded[(members - 1) * step :]]
    packed = b"".join(map(gzip.compress, parts))
    assert (await one(bid_port, post(packed, Content_Encoding="gzip")))[0] == status


async def test_after_a_malformed_body_the_connection_goes_on(bid_port):
    async with bid_port() as port:
        reader, writer = await port.open()
        writer.write(post(b"{") + post())
        assert [(await read_answer(reader))[0] for _ in range(2)] == [400, 200]
        assert port.service.malformed == 1


@pytest.mark.parametrize(("limit", "status"), [(262_144, 413), (20_000_000, 200)])
async def test_ten_megabytes(bid_port, limit, status):
    body = BODY[:-1] + b',"x":"' + b"y" * 10_000_000 + b'"}'
    async with bid_port(max_body_bytes=limit) as port:
        reader, writer = await port.open()
        writer.write(post(body))
        await writer.drain()  # whether it is read or thrown away, the port takes all of it
        assert (await read_answer(reader))[0] == status


BROKEN = [
    {"imp": []}, {"imp": None}, {"imp": [{}]}, {"id": None}, {"id": []}, {"imp": "x" * 70_000}, {"tmax": "9" * 5_000},
    {"imp": [{"id": "1", "video": {}}]}, {"imp": [{"id": "1", "banner": {}, "bidfloor": -1}]}, {"app": {}, "dooh": {}},
    {"site": 10**500}, {"device": {"ua": "\ud800", "geo": []}}, {"user": {"id": [[[[]]]]}}, {"regs": {"gpp_sid": {}}},
]  # fmt: skip


async def test_broken_requests_never_cost_the_connection(bid_port):
    bodies = [json.dumps({**REQUEST, **change}).encode() for change in BROKEN]
    bodies += [b"", b"null", b"[" * 100_000, BODY[:-1], BODY + BODY, b"\xff" + BODY, BODY.replace(b"{", b"{,", 1)]
    async with bid_port() as port:
        reader, writer = await port.open()
        for body in bodies:
            writer.write(post(body) + post())
            assert (await read_answer(reader))[0] in (200, 204, 400)
            assert (await read_answer(reader))[0] == 200
        assert port.service.failures == 0
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b'outbid_bidder_fields_dropped_total{worker="0",field="tmax"} ' in (await read_answer(reader))[2]


@pytest.mark.parametrize(("secret", "status"), [("s3cret", 200), ("wrong", 403), ("", 403)])
async def test_an_exchange_with_a_secret(bid_port, secret, status):
    table = Table(snapshot({"exchanges[0]": {"secret": "s3cret"}}))
    headers = {"X_Outbid_Secret": secret} if secret else {}
    assert (await one(bid_port, post(**headers), table=table))[0] == status


async def test_overload_is_shed_unread(bid_port):
    async with bid_port(shed_above_ms=0.0) as port:
        port.service.overloaded = True
        answer = port.service.respond(SimpleNamespace(tally=None), b"POST", b"/openrtb2/usx", b"not even read")
        assert answer.startswith(b"HTTP/1.1 204") and port.service.shed == 1


async def test_a_slow_request_is_given_up(bid_port):
    async with bid_port(request_timeout_s=0.05) as port:
        reader, writer = await port.open()
        writer.write(post()[:40])
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_an_idle_connection_is_closed(bid_port):
    async with bid_port(idle_timeout_s=0.05) as port:
        reader, _ = await port.open()
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_too_many_connections(bid_port):
    async with bid_port(max_connections=1) as port:
        first, writer = await port.open()
        writer.write(post())
        assert (await read_answer(first))[0] == 200
        second, _ = await port.open()
        assert await asyncio.wait_for(second.read(), 5) == b""
        writer.write(post())
        assert (await read_answer(first))[0] == 200


async def test_a_bug_costs_the_exchange_nothing(bid_port, monkeypatch):
    async with bid_port() as port:
        for name in ("_decide", "_untimed", "_timed"):
            monkeypatch.setattr(port.service, name, lambda *_: 1 // 0)
        reader, writer = await port.open()
        writer.write(post())
        assert (await read_answer(reader))[0] == 204
        assert port.service.failures == 1


async def test_draining_answers_what_has_begun(bid_port):
    async with bid_port() as port:
        reader, writer = await port.open()
        writer.write(post() + post()[:60])  # when the first is answered, the second has begun
        assert (await read_answer(reader))[0] == 200
        draining = asyncio.create_task(port.service.drain(2.0))
        await asyncio.sleep(0)
        writer.write(post()[60:])
        status, headers, _ = await read_answer(reader)
        assert status == 200 and headers["connection"] == "close"
        await draining


async def test_health_and_metrics(bid_port):
    async with bid_port() as port:
        reader, writer = await port.open()
        writer.write(post() + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        answers = [await read_answer(reader) for _ in range(2)]
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        answers.append(await read_answer(reader))
        assert answers[1][0] == 200 and b'outbid_bidder_bids_total{worker="0",exchange="usx"} 1\n' in answers[2][2]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "client"),
    [
        ((), "198.51.100.7", "127.0.0.1"),
        (("127.0.0.0/8",), "198.51.100.7", "198.51.100.7"),
        (("127.0.0.0/8",), "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        (("127.0.0.0/8", "198.51.100.0/24"), "1.1.1.1, 198.51.100.7", "1.1.1.1"),
        (("127.0.0.0/8",), "", "127.0.0.1"),
    ],
)
async def test_whose_request_it_is(bid_port, trusted, forwarded, client):
    async with bid_port(trusted_proxies=trusted) as port:
        reader, writer = await port.open()
        writer.write(post())
        await read_answer(reader)
        connection = next(iter(port.service.connections))
        connection.forwarded = forwarded.encode()
        assert port.service.client(connection) == client
        writer.close()
