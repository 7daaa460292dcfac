"""A stand-in of SQL Server: TDS 7.4 on 127.0.0.1 as clients speak it, T-SQL of our own queries behind it.

It proves that a client's login, TLS, batches, `sp_executesql`, types and errors travel as the protocol says, and what our queries mean
by SQL Server's documentation; it proves nothing about SQL Server's parser, its planner, its permissions or its zones.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ad_stream.simulate.event_hubs.certificate import certificate
from tests.support.sql_server import tokens, wire
from tests.support.sql_server.dialect import Database, SqlError

USER, PASSWORD = "reader", "p'w;--]] {x"
EXECUTE = (10, "sp_executesql")


class StandIn:
    """Serves every connection in a thread of its own. asked: the statements that came; encrypted: of each connection; breaks: the next
    question is answered by a connection that ends."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.database, self.asked, self.encrypted = Database(), list[str](), list[bool]()
        self.breaks = False
        self._context, self._lock = context, threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def settings(self, **more: Any) -> dict[str, Any]:
        """A named source on it."""
        return {
            "kind": "sqlserver",
            "host": "127.0.0.1",
            "port": self.port,
            "database": "iot",
            "user": USER,
            "password": PASSWORD,
            **more,
        }

    def sql(self, text: str) -> None:
        """Statements of the one who sets it up, as SQLite takes them."""
        with self._lock:
            self.database.connection.executescript(text)

    def stop(self) -> None:
        """No new connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            line = wire.Wire(connection)
            if not self._let_in(line):
                return
            while True:
                kind, content = line.message()
                if kind == wire.ATTENTION:
                    line.send(b"\xfd" + b"\x20\0" + bytes(10))
                elif (answer := self._answer(kind, content)) is None:
                    return
                else:
                    line.send(answer)

    def _let_in(self, line: wire.Wire) -> bool:
        """Prelogin, TLS where the client wants it for all of the connection, login."""
        kind, content = line.message()
        if kind == wire.PRELOGIN:
            encrypted = wire.wanted_encryption(content) in (wire.ENCRYPT_ON, 3)
            line.send(wire.prelogin(wire.ENCRYPT_ON if encrypted else wire.NOT_SUPPORTED))
            self.encrypted.append(encrypted)
            if encrypted:
                line.encrypt(self._context)
            kind, content = line.message()
        user, password, database = wire.login_of(content)
        if (user, password) != (USER, PASSWORD):
            line.send(tokens.error(18456, f"Login failed for user '{user}'.", 14) + tokens.done(failed=True))
            return False
        if database not in ("", "iot"):
            told = tokens.error(
                4060, f'Cannot open database "{database}" requested by the login. The login failed.', 11
            )
            line.send(told + tokens.error(18456, f"Login failed for user '{user}'.", 14) + tokens.done(failed=True))
            return False
        line.send(tokens.welcome("iot") + tokens.done())
        return True

    def _answer(self, kind: int, content: bytes) -> bytes | None:
        """What a batch or a call of sp_executesql gives; None: the connection breaks."""
        in_procedure, bound = kind == wire.RPC, {}
        if in_procedure:
            procedure, parameters = tokens.rpc_of(content)
            if procedure not in EXECUTE:
                return tokens.error(2812, f"Could not find stored procedure '{procedure}'.") + tokens.end_of_procedure(
                    failed=True
                )
            text, bound = parameters[0][1], {name.removeprefix("@"): value for name, value in parameters[2:]}
        else:
            text = tokens.request_text(content).decode("utf-16-le")
        self.asked.append(text)
        out = self._results(text, bound, in_procedure)
        return None if self.breaks else out

    def _results(self, text: str, bound: dict[str, Any], in_procedure: bool) -> bytes:
        out = b""
        with self._lock:
            try:
                for result in self.database.run(text, bound):
                    if result.rows is not None:
                        out += tokens.columns(result.names, result.types)
                        out += b"".join(tokens.row(one, result.types) for one in result.rows)
                    out += tokens.done(
                        None if result.rows is None else len(result.rows), more=True, in_procedure=in_procedure
                    )
            except SqlError as error:
                out += tokens.error(error.number, str(error))
                return out + (tokens.end_of_procedure(failed=True) if in_procedure else tokens.done(failed=True))
        return out + (tokens.end_of_procedure() if in_procedure else tokens.done())


@contextmanager
def sql_server(folder: Path) -> Iterator[StandIn]:
    """folder: for its certificate."""
    made = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    context.maximum_version = (
        ssl.TLSVersion.TLSv1_2
    )  # tickets of 1.3 come behind the handshake, which TDS 7.4 has no place for
    server = StandIn(context)
    try:
        yield server
    finally:
        server.stop()
