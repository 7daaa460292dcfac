"""Memory of `ad-stream dashboard` under abuse: everything at once that its limits are there for, round after round.

    python benchmarks/dashboard_abuse.py [--series 2000] [--minutes 240] [--rounds 5]

A round: a form of 200 MB to /login, more connections than are taken (a third of them never say a word), more pages that
listen than are let in, and thirty times at once the largest series, picture, report and list. Prints the resident memory
of the server after each. Needs Linux.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.dashboard import Writer, dashboard, get, megabytes

CONNECTIONS, LISTENERS, AT_ONCE, FORM = 400, 150, 30, 200_000_000
Answers = Counter[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=2000)
    parser.add_argument("--minutes", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    newest = datetime.now(timezone.utc).replace(second=0, microsecond=0)
    with tempfile.TemporaryDirectory(prefix="ad-stream-bench-") as tables:
        writer = Writer(tables, given.series)
        for ago in reversed(range(given.minutes)):
            writer.minute(newest - timedelta(minutes=ago))
        writer.alive()
        with dashboard(tables) as (port, pid):
            _until_read(port, given.series)
            print(f"{given.series} series; idle {megabytes(pid)[0]:.0f} MB")
            for turn in range(given.rounds):
                answers = abuse(port, str(writer.devices[0]), newest, given.minutes)
                now, most = megabytes(pid)
                told = ", ".join(f"{count} x {what}" for what, count in sorted(answers.items()))
                print(f"round {turn + 1}: {now:.0f} MB, at its highest {most:.0f} MB; {told}", flush=True)


def _until_read(port: int, series: int) -> None:
    while get(port, "/api/overview", size=1)["counts"]["all"] < series:
        time.sleep(0.5)


def abuse(port: int, device: str, newest: datetime, minutes: int) -> Answers:
    """One round; -> how often each status was answered, or what came in its place."""
    answers: Answers = Counter()
    with ExitStack() as held:
        for number in range(CONNECTIONS):
            with suppress(OSError):
                one = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
                if number % 3:
                    one.sendall(b"GET /api/state HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        for _ in range(LISTENERS):
            with suppress(OSError):
                one = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
                one.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(2)
    asked = list(_largest(device, newest, minutes)) * AT_ONCE
    threads = [threading.Thread(target=_ask, args=(port, path, answers)) for path in asked]
    threads.append(threading.Thread(target=_post_form, args=(port, answers)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _largest(device: str, newest: datetime, minutes: int) -> Iterator[str]:
    span = {"from": f"{newest - timedelta(minutes=minutes):%Y-%m-%dT%H:%MZ}", "to": f"{newest:%Y-%m-%dT%H:%MZ}"}
    of = {"device": device, "signal": "temperature"}
    yield "/api/series?" + urlencode(of | span)
    yield "/picture?" + urlencode(of | span)
    yield "/report?" + urlencode(of | span)
    yield "/api/overview?" + urlencode({"size": 200, "minutes": 43_200})
    yield "/api/anomalies?" + urlencode({"size": 200})


def _ask(port: int, path: str, answers: Answers) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        answers[f"{path.partition('?')[0]} {answer.status}"] += 1
    except OSError as error:
        answers[type(error).__name__] += 1
    finally:
        connection.close()


def _post_form(port: int, answers: Answers) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
        head = "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        try:
            one.sendall(f"{head}Content-Length: {FORM}\r\n\r\n".encode())
            for _ in range(FORM // 1_000_000):
                one.sendall(b"x" * 1_000_000)
        except OSError:
            answers["/login closed while it was sent"] += 1
            return
        answers[f"/login {one.recv(12)[9:12].decode()}"] += 1


if __name__ == "__main__":
    main()
