"""Ways to people: mail by SMTP, and webhooks. Each delivers a whole message or raises."""

import asyncio
import hashlib
import hmac
import logging
import smtplib
import ssl
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

import aiohttp
import msgspec

from monitoring.config import Email, Webhook, secret_in
from monitoring.messages import Message
from monitoring.rules import Severity

TIMEOUT_S = 20.0

log = logging.getLogger(__name__)


class Undelivered(Exception):
    """The other side did not take the message; the text says why."""


class Channel(Protocol):
    name: str
    severity: Severity
    """The least that it is for."""

    async def send(self, message: Message) -> None:
        """Returns when the other side has taken it. Raises `Undelivered`."""
        ...


class Mail:
    name = "email"

    def __init__(self, settings: Email) -> None:
        self._settings, self.severity = settings, settings.severity
        self._left: tuple[str, tuple[str, ...]] = ("", ())
        """Id of a message that some recipients have, and who is still to get it."""

    async def send(self, message: Message) -> None:
        """An address that the server will never take stops no mail to the others."""
        try:
            await asyncio.to_thread(self._send, message)
        except (smtplib.SMTPException, OSError) as error:
            raise Undelivered(f"{self._settings.host}:{self._settings.port}: {error}") from error

    def _send(self, message: Message) -> None:
        settings = self._settings
        mail = EmailMessage()
        mail["From"], mail["To"] = settings.sender, ", ".join(settings.to)
        mail["Subject"] = f"[Outbid] {message.subject}"
        mail["Message-ID"] = f"<{message.id}@outbid>"
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.made, UTC))
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text())
        trust = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=TIMEOUT_S, context=trust)
        else:
            smtp = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_S)
        with smtp:
            if settings.security == "starttls":
                smtp.starttls(context=trust)
            if settings.user:
                smtp.login(settings.user, secret_in(settings.password_file))
            id_, left = self._left
            again = id_ == message.id
            try:
                refused = smtp.send_message(mail, to_addrs=left if again else None)
            except smtplib.SMTPRecipientsRefused as error:
                if not again:
                    raise
                refused = error.recipients
        later = tuple(to for to, (code, _) in refused.items() if code < 500)
        never = ", ".join(to for to in refused if to not in later)
        if never:
            log.error("%s takes no mail to %s", settings.host, never)
        self._left = message.id, later
        if later:  # the others have it
            raise Undelivered(f"{settings.host} does not take mail to {', '.join(later)} now")
        if never and message.is_test:
            raise Undelivered(f"{settings.host} takes no mail to {never}")


class Hook:
    """``X-Outbid-Signature: t=SECONDS,v1=HEX``: HMAC-SHA256, under the secret, of ``SECONDS.`` and the body."""

    def __init__(self, number: int, settings: Webhook) -> None:
        self.name, self._settings, self.severity = f"webhook-{number}", settings, settings.severity

    async def send(self, message: Message) -> None:
        settings = self._settings
        body = msgspec.json.encode(message)
        headers = {"Content-Type": "application/json", "X-Outbid-Delivery": message.id}
        try:
            secret, trust = await asyncio.to_thread(self._credentials)
            if secret:
                headers["X-Outbid-Signature"] = signature(secret, int(time.time()), body)
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(settings.url, data=body, headers=headers, ssl=trust, allow_redirects=False) as answer,
            ):
                if answer.status // 100 != 2:
                    raise Undelivered(f"{_place(settings.url)} answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Undelivered(f"{_place(settings.url)}: {_told(error)}") from error

    def _credentials(self) -> tuple[str, ssl.SSLContext]:
        """Read each time, so that they can be changed."""
        trust = ssl.create_default_context(cafile=self._settings.ca_file or None)
        return secret_in(self._settings.secret_file), trust


def signature(secret: str, at_s: int, body: bytes) -> str:
    """The header's value."""
    mac = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256)
    return f"t={at_s},v1={mac.hexdigest()}"


def _told(error: Exception) -> str:
    """Without the URL, which is in the text of errors about an answer."""
    kind = type(error).__name__
    return kind if isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL) else f"{kind}: {error}"


def _place(url: str) -> str:
    """The URL without its path, which may be a secret."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"


def channels(email: Email, webhooks: tuple[Webhook, ...]) -> list[Channel]:
    """Those that are set up."""
    found: list[Channel] = [Hook(number, webhook) for number, webhook in enumerate(webhooks)]
    return [Mail(email), *found] if email.host else found
