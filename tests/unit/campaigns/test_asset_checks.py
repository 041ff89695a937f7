"""A file's assets, loaded over HTTPS from a server of the test's own, under the names that marketers would use."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from campaigns.asset_checks import check_assets
from campaigns.asset_fetching import AssetFetcher, FetchLimits
from campaigns.importing import check_file, import_file
from cli.main import main
from domain.errors import Problem, Refused
from tests.control_stores import new_control_store

FOLDER = Path(__file__).parents[2] / "vectors" / "media"
HOST = "cdn.bank.example"
NOW = 1_790_000_000_000_000_000
VAST = (
    '<VAST version="3.0"><Ad id="1"><InLine><AdSystem>X</AdSystem><AdTitle>X</AdTitle><Impression>https://x.example/i'
    "</Impression><Creatives><Creative><Linear><Duration>00:00:15</Duration><MediaFiles>"
    '<MediaFile delivery="progressive" type="video/mp4" width="640" height="360">https://x.example/v.mp4</MediaFile>'
    "</MediaFiles></Linear></Creative></Creatives></InLine></Ad></VAST>"
)


class Cdn(AbstractResolver):
    """Answers for every name that ends in ``.example``, and for no other."""

    def __init__(self) -> None:
        self.port = 0
        self.files: dict[str, tuple[int, dict[str, str], bytes]] = {
            "/": (200, {"Content-Type": "text/html"}, b"<html>")
        }
        self.asked: Counter[str] = Counter()
        self.slow: set[str] = set()

    def file(self, path: str, data: bytes | str, mime: str, status: int = 200, **headers: str) -> None:
        content = data.encode() if isinstance(data, str) else data
        self.files[path] = (status, {"Content-Type": mime, **headers}, content)

    def vector(self, name: str, mime: str, path: str = "") -> None:
        self.file(path or f"/{name}", (FOLDER / name).read_bytes(), mime)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        if request.path in self.slow:
            await asyncio.sleep(30)
        status, headers, body = self.files.get(request.path, (404, {}, b""))
        return web.Response(status=status, headers=headers, body=body)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if not host.endswith(".example") or host.startswith("nowhere"):
            raise OSError(f"{host} is not known")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=self.port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate of the test's own (with its key in one file), and a context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(HOST), x509.DNSName("*.bank.example")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "identity.pem"
    no = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no)
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file, ssl.create_default_context(cafile=str(file))


@pytest.fixture
async def cdn(identity: tuple[Path, ssl.SSLContext]) -> AsyncIterator[Cdn]:
    made = Cdn()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(identity[0])
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


class Desk:
    def __init__(self, cdn: Cdn, tls: ssl.SSLContext, folder: Path) -> None:
        self.cdn, self.tls, self.folder = cdn, tls, folder
        self.store = new_control_store(folder / "control.sqlite")

    def fetcher(self, **limits: Any) -> AssetFetcher:
        return AssetFetcher(FetchLimits(**limits), resolver=self.cdn, tls=self.tls)

    async def problems(self, creative: str, **limits: Any) -> list[Problem]:
        """Of a file with this one creative."""
        file = self.folder / "c.yaml"
        file.write_text(
            "advertisers:\n  - {key: bank, name: Bank, currency: USD, time_zone: UTC, domain: bank.example, "
            f"categories: [IAB13]}}\ncreatives:\n  - {{key: c, advertiser: bank, {creative}}}\n"
        )
        read: list[Any] = []
        await asyncio.to_thread(check_file, self.store, file, now_ns=NOW, inspect=read.append)
        return await check_assets(read[0], self.fetcher(**limits))

    async def said(self, creative: str, **limits: Any) -> list[str]:
        return [f"{p.path.removeprefix('creatives[0].')}: {p.allowed}" for p in await self.problems(creative, **limits)]


@pytest.fixture
def desk(cdn: Cdn, identity: tuple[Path, ssl.SSLContext], tmp_path: Path) -> Any:
    made = Desk(cdn, identity[1], tmp_path)
    yield made
    made.store.close()


BASE = f"https://{HOST}"
DENSE = ", or that 2, 3 or 4 times"
LANDING = f'landing_url: "{BASE}/"'


def banner(name: str, size: str = "300x250", **more: str) -> str:
    fields = {"size": size, "image_url": f'"{BASE}/{name}"', **more}
    return ", ".join([LANDING, *(f"{field}: {value}" for field, value in fields.items())])


async def test_what_is_there_and_as_declared_is_in_order(desk: Desk) -> None:
    for name, mime in (
        ("300x250.png", "image/png"), ("300x250.jpg", "image/jpg"), ("300x250.gif", "image/gif; charset=x"),
        ("300x250_lossy.webp", "image/webp"), ("728x90_progressive_exif.jpg", "image/jpeg"),
    ):  # fmt: skip
        desk.cdn.vector(name, mime)
        assert await desk.said(banner(name, name[:7].rstrip("_.").replace("728x90_", "728x90"))) == []
    assert await desk.said(banner("300x250.png", "150x125")) == []  # for screens of twice the density
    desk.cdn.vector("640x360_2000.mp4", "video/mp4")
    desk.cdn.file("/tag.xml", VAST, "application/xml")
    desk.cdn.file("/omid.js", "0", "application/javascript")
    desk.cdn.file("/simid.html", "<html>", "text/html")
    video = f'renditions: [{{url: "{BASE}/640x360_2000.mp4", size: 640x360, bitrate_kbps: 13}}]'
    rest = f'companions: [{{size: 300x250, image_url: "{BASE}/300x250.png"}}], interactive_url: "{BASE}/simid.html"'
    scripts = f'verifications: [{{vendor: v, url: "{BASE}/omid.js"}}]'
    assert await desk.said(f"{LANDING}, format: video, video: {{duration_s: 2, {video}, {rest}}}, {scripts}") == []
    tag = f'wrapper_url: "{BASE}/tag.xml?cb=[CACHEBUSTING]", protocols: [3], mimes: [video/mp4]'
    assert await desk.said(f"{LANDING}, format: video, size: 640x360, video: {{duration_s: 15, {tag}}}") == []
    desk.cdn.file("/tag.xml", '<VAST version="3.0"/>', "text/xml")  # no ad at this moment
    assert await desk.said(f"{LANDING}, format: video, size: 640x360, video: {{duration_s: 15, {tag}}}") == []


async def test_every_mistake_is_named_with_path_and_value(desk: Desk) -> None:
    desk.cdn.vector("300x250.png", "image/png", "/here.png")
    desk.cdn.vector("300x250.png", "image/jpeg", "/wrong.jpg")
    desk.cdn.vector("300x250.png", "text/plain", "/text.png")
    assert await desk.problems(banner("gone.png")) == [
        Problem("creatives[0].image_url", f"{BASE}/gone.png", "it must be reachable: status 404")
    ]
    picture = f"size: 300x250, image_url: {BASE}/here.png"
    for creative, said in (
        (banner("here.png", "728x90"), f"image_url: it must be 728x90, as declared{DENSE}; it is 300x250"),
        (banner("wrong.jpg"), "image_url: it must be image/jpeg, as declared; its bytes are image/png"),
        (banner("text.png"), "image_url: it must be served as image/png, as declared, not text/plain"),
        (banner("here.png", mime="image/gif"), "image_url: it must be served as image/gif, as declared, not image/png"),
        (f"landing_url: {BASE}/no, {picture}", "landing_url: it must be reachable: status 404"),
    ):  # fmt: skip
        assert await desk.said(creative) == [said]


async def test_what_plays_is_as_long_as_large_and_as_dense_as_declared(desk: Desk) -> None:
    desk.cdn.vector("640x360_2000.mp4", "video/mp4", "/v.mp4")
    desk.cdn.vector("1500.m4a", "audio/x-m4a", "/a.m4a")

    def video(seconds: object, size: str = "640x360", kbps: int = 13) -> str:
        file = f'{{url: "{BASE}/v.mp4", size: {size}, bitrate_kbps: {kbps}}}'
        return f"{LANDING}, format: video, video: {{duration_s: {seconds}, renditions: [{file}]}}"

    assert await desk.said(video(2)) == []
    path = "video.renditions[0].url"
    assert await desk.said(video(3)) == [f"{path}: it must play for 3 seconds, as declared; it plays for 2.0"]
    assert await desk.said(video(2, "1280x720")) == [f"{path}: it must be 1280x720, as declared; it is 640x360"]
    [rate] = await desk.said(video(2, kbps=800))
    assert rate.startswith(f"{path}: it must have about 800 kbit/s, as declared; its 3,191 bytes in 2 seconds are 13")
    file = f'renditions: [{{url: "{BASE}/a.m4a"}}]'
    assert await desk.said(f"{LANDING}, format: audio, audio: {{duration_s: 1.5, {file}}}") == []
    [length] = await desk.said(f"{LANDING}, format: audio, audio: {{duration_s: 30, {file}}}")
    assert length == "audio.renditions[0].url: it must play for 30 seconds, as declared; it plays for 1.5"


@pytest.mark.parametrize(
    ("text", "mime", "said"),
    [
        (VAST, "text/html", "it must be served as XML, such as application/xml, not text/html"),
        ("<html><p></html>", "text/xml", "it must answer with VAST: it is no well-formed XML"),
        ("<html/>", "text/xml", "it must answer with VAST: its root must be VAST, not html"),
        (VAST.replace("3.0", "4.0"), "text/xml", "protocols must list 7, which its VAST is; they are [3]"),
        (VAST.replace("https://x.example/i", "http://x.example/i"), "text/xml", "Impression must load https:// only"),
    ],
)
async def test_what_a_third_partys_tag_answers_must_be_vast(desk: Desk, text: str, mime: str, said: str) -> None:
    desk.cdn.file("/tag", text, mime)
    tag = f'wrapper_url: "{BASE}/tag", protocols: [3], mimes: [video/mp4]'
    [found] = await desk.said(f"{LANDING}, format: video, size: 640x360, video: {{duration_s: 15, {tag}}}")
    assert found.startswith("video.wrapper_url: ") and said in found


async def test_native_pictures_are_exactly_as_declared_and_markup_loads_what_is_there(desk: Desk) -> None:
    desk.cdn.vector("300x250.png", "image/png")
    native = "native: {titles: [A], texts: {sponsored: Bank}, images: [{type: main, size: 150x125, url: "
    creative = f'{LANDING}, format: native, {native}"{BASE}/300x250.png"}}]}}'
    assert await desk.said(creative) == ["native.images[0].url: it must be 150x125, as declared; it is 300x250"]
    html = f"<a href=${{CLICK_URL}}><img src={BASE}/no.png></a><img src={BASE}/i?c=${{AUCTION_ID}}>"
    html += f"<script src={BASE}/s.js>"
    [first, second] = await desk.problems(f"{LANDING}, size: 300x250, markup: '{html}</script>'")
    assert (first.value, second.value) == (f"{BASE}/no.png", f"{BASE}/s.js") and first.path == "creatives[0].markup"


async def test_redirects_are_followed_as_far_as_they_are_secure_and_public(desk: Desk) -> None:
    desk.cdn.vector("300x250.png", "image/png")
    for target, said in (
        ("/300x250.png", []),
        (f"https://www.bank.example:{desk.cdn.port}/300x250.png", []),
        (
            "http://www.bank.example/300x250.png",
            ["redirected to http://www.bank.example/300x250.png, which is no https://"],
        ),
        ("https://10.0.0.1/a.png", ["10.0.0.1 is no address in the public internet"]),
        ("https://[::1]/a.png", ["::1 is no address in the public internet"]),
        ("/to", ["redirected more than 5 times"]),
        ("", ["a redirect to nowhere"]),
    ):
        desk.cdn.file("/to", b"", "text/plain", 302, Location=target)
        found = await desk.said(banner("to", mime="image/png"))
        assert len(found) == len(said) and all(part in line for part, line in zip(said, found, strict=True)), found


async def test_hosts_that_are_away_slow_or_failing_are_told_and_each_address_is_asked_once(desk: Desk) -> None:
    desk.cdn.vector("300x250.png", "image/png")
    desk.cdn.files["/fails.png"] = (503, {}, b"")
    desk.cdn.slow.add("/slow.png")
    away = banner("300x250.png").replace(f"{BASE}/300x250.png", "https://nowhere.example/300x250.png")
    assert "nowhere.example" in (await desk.said(away))[0]
    assert await desk.said(banner("slow.png"), total_s=0.3) == [
        "image_url: it must be reachable: no whole answer within 0.3 s"
    ]
    desk.cdn.asked.clear()
    assert "status 503" in (await desk.said(banner("fails.png")))[0]
    assert desk.cdn.asked == {"/": 1, "/fails.png": 2}
    other = banner("300x250.png").replace(f"{BASE}/300", "https://other.example/300")
    assert "certificate" in (await desk.said(other))[0]


async def test_a_name_that_leads_into_our_own_network_is_not_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiohttp.DefaultResolver", lambda: desk.cdn)
    closed = await AssetFetcher(tls=desk.tls).fetch_all([f"{BASE}/300x250.png", "https://127.0.0.1/a"])
    opened = await AssetFetcher(tls=desk.tls, private=True).fetch_all([f"{BASE}/"])
    assert all("no address in the public internet" in loaded.problem for loaded in closed.values())
    assert opened[f"{BASE}/"].problem == "" and desk.cdn.asked == {"/": 1}


async def test_an_import_that_checks_assets_takes_the_file_whole_or_not_at_all(desk: Desk) -> None:
    await desk.problems(banner("300x250.png"))  # writes the file

    def inspect(creatives: Any) -> None:
        raise Refused([Problem(path, creative.image_url, "no") for path, creative in creatives.items()])

    with pytest.raises(Refused, match=r"creatives\[0\]"):
        await asyncio.to_thread(import_file, desk.store, desk.folder / "c.yaml", now_ns=NOW, inspect=inspect)
    summary = await asyncio.to_thread(import_file, desk.store, desk.folder / "c.yaml", now_ns=NOW, inspect=dict)
    assert summary.version == 1 and summary.counts["creatives"].added == 1


def test_the_command_checks_without_changing_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path / "var"))
    file = tmp_path / "c.yaml"
    file.write_text(
        "advertisers:\n  - {key: bank, name: Bank, currency: USD, time_zone: UTC, domain: bank.example, "
        "categories: [IAB13]}\n"
        'creatives: [{key: c, advertiser: bank, size: 300x250, landing_url: "https://127.0.0.1.bank.example/", '
        'image_url: "https://127.0.0.1/a.png"}]\n'
    )
    assert main(["campaigns", "check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file} is in order\n"
    assert main(["campaigns", "check", str(file), "--check-assets"]) == 2
    said = capsys.readouterr().err
    assert (
        "creatives[0].image_url: 'https://127.0.0.1/a.png' is not allowed; it must be reachable: 127.0.0.1 is no"
        in said
    )
    assert main(["campaigns", "import", str(file), "--check-assets"]) == 2
    capsys.readouterr()
    assert main(["campaigns", "import", str(file)]) == 0
    assert capsys.readouterr().out.endswith("published as version 1\n")
