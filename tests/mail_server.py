"""A mail server for tests: SMTP as RFC 5321 has it, with STARTTLS (RFC 3207) or TLS from the beginning, and AUTH PLAIN
and LOGIN (RFC 4954), on a port of this machine; and a certificate for it that only who asks for it trusts.
"""

import asyncio
import base64
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "outbid", "s3cret"


def certificate(folder: Path) -> tuple[Path, Path]:
    """(certificate, with its key) of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, whole = folder / "certificate.pem", folder / "certificate-and-key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    whole.write_bytes(public.read_bytes() + private)
    return public, whole


def tls(whole: Path) -> ssl.SSLContext:
    """A server's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(whole)
    return context


@dataclass
class MailServer:
    """``offers``: what EHLO is answered with. Mail is taken only as the offers demand, and while ``works``."""

    tls: ssl.SSLContext
    offers: str = "starttls auth"
    works: bool = True
    answers: dict[str, str] = field(default_factory=dict)
    """Of a recipient who is not simply taken."""
    port: int = 0
    mails: list[Message] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    """Of each mail, how it came: ``tls``, ``user``."""
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        encrypted, user, to = "implicit" in self.offers, "", []

        def say(*lines: str) -> None:
            code = lines[0][:3]
            whole = [f"{code}-{line}" for line in lines[1:]]
            writer.write("".join(f"{line}\r\n" for line in (*whole, lines[0])).encode())

        say("220 tests ESMTP")
        while line := (await reader.readline()).decode():
            verb, _, rest = line.strip().partition(" ")
            match verb.upper():
                case "EHLO":
                    offered = ["tests"]
                    if "starttls" in self.offers and not encrypted:
                        offered.append("STARTTLS")
                    if "auth" in self.offers and encrypted:
                        offered.append("AUTH PLAIN LOGIN")
                    say("250 SIZE 100000", *offered)
                case "STARTTLS":
                    say("220 go on")
                    await writer.start_tls(self.tls)
                    encrypted = True
                case "AUTH":
                    how, _, told = rest.partition(" ")
                    assert how == "PLAIN" and encrypted
                    _, user, password = base64.b64decode(told).decode().split("\0")
                    known = (user, password) == (USER, PASSWORD)
                    say("235 welcome" if known else "535 no")
                    user = user if known else ""
                case "MAIL":
                    if not self.works:
                        say("451 later")
                    elif ("starttls" in self.offers and not encrypted) or ("auth" in self.offers and not user):
                        say("530 not like this")
                    else:
                        to = []
                        say("250 ok")
                case "RCPT":
                    recipient = rest.partition(":")[2].strip("<> ")
                    answer = self.answers.get(recipient, "250 ok")
                    if answer.startswith("250"):
                        to.append(recipient)
                    say(answer)
                case "DATA":
                    say("354 go on")
                    data = await reader.readuntil(b"\r\n.\r\n")
                    self.mails.append(message_from_bytes(data[:-3].replace(b"\r\n..", b"\r\n.")))
                    self.recipients.append(to)
                    self.sessions.append(" ".join((["tls"] if encrypted else []) + ([user] if user else [])))
                    self.came.set()
                    say("250 taken")
                case "RSET" | "NOOP":
                    say("250 ok")
                case "QUIT":
                    say("221 bye")
                    return
                case _:
                    say("502 what?")
            await writer.drain()


@asynccontextmanager
async def mail_server(whole: Path, offers: str = "starttls auth") -> AsyncIterator[MailServer]:
    mail = MailServer(tls(whole), offers)
    encrypted = mail.tls if "implicit" in offers else None
    server = await asyncio.start_server(mail.serve, "127.0.0.1", 0, ssl=encrypted)
    async with server:
        mail.port = server.sockets[0].getsockname()[1]
        yield mail
