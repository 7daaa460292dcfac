"""E-mail by SMTP about incidents: at least once, in order per incident, and one thread of mails for each incident.

Threads as RFC 5322, 3.6.4: the Message-ID is made of the incident and the number of its row, and every mail refers to the
opening. A repeat after a crash has the same Message-ID, so that mail programs and servers can know it.
"""

from __future__ import annotations

import math
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Literal, cast

from ad_stream.errors import AdStreamError, ConfigError
from ad_stream.push.base import Delivery, Row, Which, check_choice, check_range, which_rows
from ad_stream.push.messages import facts, headline
from ad_stream.push.sending import QUIET_AFTER_REFUSAL
from ad_stream.secrets import Secret, redact

PORTS = {"starttls": 587, "tls": 465, "none": 25}
SUBJECT = 200
"""Characters of the line that become the subject."""


class Email:
    """Sends a mail for each thing that people are told of an incident.

    host, port       the SMTP server; port by default 587, with security tls 465, with none 25
    security         starttls (TLS is begun on the connection, or nothing is sent), tls (from the first byte) or none, which
                     is refused with a user
    user, password   for a server that wants them; the password is a secret
    sender, recipients  addresses
    at_least         low, medium or high: incidents below are not mailed
    seconds, timeout  for a batch, for an answer
    """

    kind = "email"
    hourly = None

    def __init__(
        self,
        *,
        name: str = kind,
        host: str = "",
        port: int | None = None,
        security: Literal["starttls", "tls", "none"] = "starttls",
        user: str | None = None,
        password: Secret | str | None = None,
        sender: str = "",
        recipients: Sequence[str] | str = (),
        rows: str = "incidents",
        at_least: str = "high",
        seconds: float = 20.0,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_choice(self.kind, "rows", rows, "incidents")
        check_choice(self.kind, "security", security, *PORTS)
        check_range(self.kind, "seconds", seconds, 1, 600)
        check_range(self.kind, "timeout", timeout, 0.1, 100)
        self.rows: Which = which_rows(self.kind, rows, at_least)
        self.name, self.seconds, self._timeout, self._clock = name, seconds, timeout, clock
        self._host, self._port, self._security = _given("host", host), port or PORTS[security], security
        self._sender = _address("sender", sender)
        to = [recipients] if isinstance(recipients, str) else list(recipients)
        self._to = [_address("recipients", one) for one in to or [""]]
        self._user, self._password = user, Secret.of(password) if password else None
        if user and security == "none":
            raise ConfigError(
                "the push target 'email' would send its password in the clear: give security: starttls or tls"
            )
        self._quiet_until, self._quiet_for = -math.inf, ""

    def push(self, rows: Iterator[Row], seconds: float) -> Iterator[Delivery]:
        """Send a mail a row, in order, over one connection; stops at the first that could not be sent."""
        deadline = self._clock() + seconds
        if self._clock() < self._quiet_until:
            yield Delivery(0, "not_sent", self._quiet_for)
            return
        try:
            with self._connected() as server:
                for row in rows:
                    if self._clock() >= deadline:
                        yield Delivery(0, "not_sent", "the seconds of this push were used up")
                        return
                    yield self._sent(server, row)
        except (OSError, smtplib.SMTPException, AdStreamError) as error:
            yield Delivery(0, "failed", self._sentence(error))

    def _sent(self, server: smtplib.SMTP, row: Row) -> Delivery:
        """One mail; what the server says no to for good is set aside, all else is raised."""
        try:
            refused = server.send_message(self._mail(row), self._sender, self._to)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            code, said = _answer(error)
            if code < 500:
                raise
            return Delivery(1, "set_aside", f"{self._host} refused the mail ({code} {said})")
        some = f"{self._host} refused {len(refused)} of {len(self._to)} recipients" if refused else None
        return Delivery(1, "delivered", some)

    def _mail(self, row: Row) -> EmailMessage:
        mail = EmailMessage()
        line = " ".join(_sendable(headline(row)).split())
        domain = self._sender.rpartition("@")[2]
        mail["Subject"], mail["From"], mail["To"] = line[:SUBJECT], self._sender, ", ".join(self._to)
        mail["Date"] = cast(datetime, row["minute"])
        mail["Message-ID"] = f"<{row['incident_id']}.{row['seq']}@{domain}>"
        if row["seq"] != 0:
            mail["In-Reply-To"] = mail["References"] = f"<{row['incident_id']}.0@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: so that nobody's holiday answers
        text = "\n".join([headline(row), "", *(f"{name}: {value}" for name, value in facts(row).items())])
        mail.set_content(f"{_sendable(text)}\n")
        return mail

    def _connected(self) -> smtplib.SMTP:
        tls = ssl.create_default_context()
        if self._security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout, context=tls)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            if self._security == "starttls":
                server.starttls(context=tls)
            if self._user:
                server.login(self._user, self._password.reveal() if self._password else "")
        except BaseException:
            server.close()
            raise
        return server

    def _sentence(self, error: Exception) -> str:
        where = f"{self._host}:{self._port}"
        if isinstance(error, smtplib.SMTPAuthenticationError):
            why = f"{where} does not accept user and password: check them"
            self._quiet_until, self._quiet_for = self._clock() + QUIET_AFTER_REFUSAL, why
        elif isinstance(error, smtplib.SMTPNotSupportedError):
            why = f"{where} offers no TLS or no login: check port and security"
        elif isinstance(error, (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)):
            why = "{} took no mail ({} {}): it is sent again".format(where, *_answer(error))
        else:
            why = f"{where} does not answer as a mail server ({error}): check host, port and security"
        return redact(why, *([self._password] if self._password else []))


def _answer(error: Exception) -> tuple[int, str]:
    """Code and text of a refusal; of several recipients those of the mildest, so that a passing one is tried again."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = min(error.recipients.values(), key=lambda said: said[0])
        said = text.decode("utf-8", "replace")
    else:
        refusal = cast(smtplib.SMTPResponseException, error)
        code, given = refusal.smtp_code, refusal.smtp_error
        said = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    return int(code), " ".join(said.split())[:200]


def _sendable(text: str) -> str:
    """Without lone surrogates, which no mail can carry."""
    return text.encode("utf-8", "replace").decode()


def _given(option: str, value: str) -> str:
    if not value or not isinstance(value, str):
        raise ConfigError(f"the push target 'email' has no {option}: give it")
    return value


def _address(option: str, value: str) -> str:
    if "@" not in _given(option, value) or any(one.isspace() or one in "<>,\r\n" for one in value):
        raise ConfigError(
            f"the option {option!r} of the push target 'email' is {value!r}: give an address such as ops@example.com"
        )
    return value
