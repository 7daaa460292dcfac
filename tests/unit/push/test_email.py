"""Mails about incidents through a real SMTP server: threads, refusals, a server that is away, no secret in a sentence."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from ad_stream.errors import ConfigError
from ad_stream.push.base import Delivery
from ad_stream.push.registry import by_kind
from ad_stream.push.targets.email import Email
from ad_stream.simulate.event_hubs.certificate import certificate
from tests.support.fake_time import FakeTime
from tests.unit.push.test_incident_messages import story

PASSWORD = "PaSsWoRd-0123456789"
PLACE = {"host": "localhost", "sender": "ad@plant.example", "recipients": ["ops@plant.example"], "security": "none"}


class Inbox:
    """Takes mails, or answers them as it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []

    async def handle_DATA(self, _: Any, __: Any, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(BytesParser(policy=modern).parsebytes(envelope.content))  # type: ignore[arg-type]
        return answer


Served = Callable[..., tuple[Inbox, int]]


@pytest.fixture
def served() -> Iterator[Served]:
    started: list[Controller] = []

    def start(**options: Any) -> tuple[Inbox, int]:
        inbox = Inbox()
        with socket.create_server(
            ("127.0.0.1", 0)
        ) as probe:  # the controller calls its server, so it must know the port
            port = probe.getsockname()[1]
        started.append(Controller(inbox, hostname="127.0.0.1", port=port, **options))
        started[-1].start()
        return inbox, port

    yield start
    for one in started:
        one.stop()


def pushed(target: Email, rows: Any, seconds: float = 30) -> list[Delivery]:
    return list(target.push(iter(rows), seconds))


def test_the_mails_of_an_incident_are_one_thread_and_say_what_is_known(served: Served) -> None:
    inbox, port = served()
    rows = story()
    assert [one.state for one in pushed(Email(port=port, **PLACE), rows)] == ["delivered"] * len(rows)  # type: ignore[arg-type]
    first, *others = inbox.mails
    assert len(inbox.mails) == len(rows) == len({mail["Message-ID"] for mail in inbox.mails})
    assert first["References"] is None and all(mail["References"] == first["Message-ID"] for mail in others)
    assert str(first["Subject"]).startswith("HIGH ") and "closed" in str(others[0]["Subject"])
    assert (first["To"], first["Auto-Submitted"]) == ("ops@plant.example", "auto-generated")
    assert f"incident: {rows[0]['incident_id']}" in first.get_content()


def test_a_name_with_line_breaks_and_strange_characters_adds_no_header(served: Served) -> None:
    inbox, port = served()
    odd = {**story()[0], "device_id": "pump\r\nBcc: all@plant.example\r\n\u202e\udcff é"}
    assert pushed(Email(port=port, **PLACE), [odd])[0].state == "delivered"  # type: ignore[arg-type]
    assert inbox.mails[0]["Bcc"] is None and "Bcc: all" in str(inbox.mails[0]["Subject"])


def test_a_refused_mail_is_set_aside_and_a_passing_trouble_holds_back_those_behind_it(served: Served) -> None:
    inbox, port = served()
    inbox.answers = ["250 OK", "554 5.7.1 no", "250 OK", "451 4.3.0 try later"]
    found = pushed(Email(port=port, **PLACE), story())  # type: ignore[arg-type]
    assert [(one.rows, one.state) for one in found] == [
        (1, "delivered"),
        (1, "set_aside"),
        (1, "delivered"),
        (0, "failed"),
    ]
    assert "554" in str(found[1].error) and "sent again" in str(found[3].error)


def test_over_tls_with_a_password_that_a_refusal_does_not_show(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)

    def knows(_: Any, __: Any, ___: Any, ____: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    inbox, port = served(tls_context=context, require_starttls=True, auth_required=True, authenticator=knows)
    place = {**PLACE, "port": port, "security": "starttls", "user": "ad"}
    assert pushed(Email(**place, password=PASSWORD), story()[:1])[0].state == "delivered"  # type: ignore[arg-type]
    time = FakeTime()
    wrong = Email(**place, password=f"{PASSWORD}x", clock=time.clock)  # type: ignore[arg-type]
    found = pushed(wrong, story()) + pushed(wrong, story())
    assert [(one.rows, one.state) for one in found] == [(0, "failed"), (0, "not_sent")], found
    assert "does not accept user and password" in str(found[0].error)
    assert PASSWORD not in f"{found} {wrong!r} {vars(wrong)}"
    assert len(inbox.mails) == 1


def test_a_server_that_is_away_or_speaks_no_tls_is_a_sentence(served: Served) -> None:
    _, port = served()
    (away,) = pushed(Email(port=1, **PLACE), story())  # type: ignore[arg-type]
    assert (away.rows, away.state) == (0, "failed") and "localhost:1 does not answer" in str(away.error)
    (plain,) = pushed(Email(**{**PLACE, "port": port, "security": "starttls"}), story())  # type: ignore[arg-type]
    assert "offers no TLS" in str(plain.error)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"host": ""}, "has no host"),
        ({"sender": "nobody"}, "give an address such as ops@example.com"),
        ({"recipients": ["a@b.example\r\nBcc: c@d.example"]}, "'recipients' of the push target 'email'"),
        ({"recipients": []}, "has no recipients"),
        ({"security": "ssl"}, "give starttls, tls or none"),
        ({"user": "ad"}, "in the clear"),
        ({"rows": "all"}, "'rows' of the push target 'email' is 'all'"),
        ({"hosts": "x"}, "unknown option 'hosts'"),
    ],
)
def test_wrong_settings_are_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as error:
        by_kind("email", **{**PLACE, **options})
    assert "\n" not in str(error.value)
