"""Power BI streaming datasets, by push URL or REST: at least once, in order, never over a limit.

Limits: learn.microsoft.com/power-bi/developer/embedded/push-datasets-limitations (10,000 rows, 4,000 characters a text,
120 requests a minute, 1,000,000 rows an hour; 120 requests an hour into a table of 250,000 rows or more) and
learn.microsoft.com/power-bi/connect-data/service-real-time-streaming (16 MB a request and 1 request a second into a
push dataset, 15 KB and 5 requests a second into a streaming one).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import requests

from ad_stream.errors import ConfigError
from ad_stream.push.base import Delivery, Row, Which, check_choice, check_range
from ad_stream.push.entra import service_principal
from ad_stream.push.limits import HOUR, HourlyRows, Pace
from ad_stream.push.sending import QUIET_AFTER_REFUSAL, Sender, SendOutcome
from ad_stream.push.targets.power_bi_rows import TABLE, Pieces, checked, encoder
from ad_stream.secrets import Secret

API = "https://api.powerbi.com/v1.0/myorg"
MOST_ROWS, ROWS_PER_HOUR, PER_MINUTE = 10_000, 1_000_000, 120
TILE_BYTES, PUSH_BYTES = 15_000, 16_000_000
MOST_REFUSED = 10
"""So many rows refused one by one, and none taken between them, speak of the columns and not of the rows."""
_FRAMES = {"url": (b"[", b"]"), "rest": (b'{"rows":[', b"]}")}
_URL = {
    401: "the key is not accepted: copy the push URL again",
    403: "the key is not accepted: copy the push URL again",
    404: "the dataset does not exist any more: create it again and use its push URL",
    410: "the dataset does not exist any more: create it again and use its push URL",
}
REFUSED_BY_REST = {
    401: "the token is not accepted: check tenant_id, client_id and client_secret",
    403: "the application has no access: make it a member of the workspace and allow service principals for the APIs",
    404: "there is no such dataset or table for this application: check group, dataset and table",
    410: "the dataset does not exist any more: create it again with 'ad-stream powerbi create'",
}
Token = Callable[[], str]


class PowerBI:
    """Sends scored rows to a streaming dataset.

    url                  its push URL with the key, a secret; or instead, for REST:
    dataset, table, group  ids of dataset and workspace, name of the table; with
    tenant_id, client_id, client_secret  the service principal that may write, or `token`, which gives a bearer token
    rows                 "all" scored rows, or only "anomalies"
    columns              column of the dataset -> column of detections; default: those of the original sample
    streaming_tile       keep requests within 15,000 bytes, so that tiles on the stream itself stay alive; else 16 MB
    requests_per_second  0.1 to 5, and never more than 120 a minute; above 1 only for datasets without history
    requests_per_hour    1 to 7,200; 120 for a dataset without FIFO retention that holds 250,000 rows or more
    rows_per_hour        100 to 1,000,000; what goes beyond 95 % of it, or of what the requests can carry, is thinned:
                         normal rows are left out, anomalies may use the rest
    seconds              how long it may keep a batch, 1 to 600
    timeout              seconds to wait for one answer, 0.1 to 100
    proxy                URL of a proxy; proxy variables of the environment are not read
    api                  address of the REST interface, for national clouds
    """

    kind = "power_bi"

    def __init__(
        self,
        *,
        name: str = kind,
        url: Secret | str | None = None,
        dataset: str | None = None,
        table: str = TABLE,
        group: str | None = None,
        tenant_id: str | None = None,
        client_id: str | None = None,
        client_secret: Secret | str | None = None,
        rows: Which = "all",
        columns: Mapping[str, str] | None = None,
        streaming_tile: bool = True,
        requests_per_second: float = 1.0,
        requests_per_hour: int = 7_200,
        rows_per_hour: int = ROWS_PER_HOUR,
        seconds: float = 20.0,
        timeout: float = 10.0,
        proxy: str | None = None,
        api: str = API,
        token: Token | None = None,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        for option, value, least, most in (
            ("requests_per_second", requests_per_second, 0.1, 5), ("requests_per_hour", requests_per_hour, 1, 7_200),
            ("rows_per_hour", rows_per_hour, 100, ROWS_PER_HOUR), ("seconds", seconds, 1, 600), ("timeout", timeout, 0.1, 100),
        ):  # fmt: skip
            check_range(self.kind, option, value, least, most)
        check_choice(self.kind, "rows", rows, "all", "anomalies")
        if bool(url) == bool(dataset):
            raise ConfigError(
                "the push target 'power_bi' has no url: give the push URL as ${env:NAME}, or dataset for REST"
            )
        self.name, self.rows, self.seconds = name, rows, seconds
        self._encode = encoder(checked(columns))
        self._most_bytes = TILE_BYTES if streaming_tile else PUSH_BYTES
        self._before, self._after = _FRAMES["url" if url else "rest"]
        self._pace = Pace((1, 1 / requests_per_second), (PER_MINUTE, 60), (requests_per_hour, HOUR), clock=clock)
        self._rows_per_hour, self.hourly = rows_per_hour, HourlyRows(rows_per_hour, clock=clock)
        self._clock, self._size, self._proven = clock, MOST_ROWS, False
        address = Secret.of(url or _rows_address(api, group, str(dataset), table))
        if not url and token is None:
            token = principal(tenant_id, client_id, client_secret)
        self._sender = Sender(
            address, who="Power BI", pace=self._pace, timeout=timeout, headers=bearer(token) if token else dict,
            final=_URL if url else REFUSED_BY_REST, session=session, proxy=proxy, clock=clock, sleep=sleep,
        )  # fmt: skip
        self._place = str(address) if url else f"dataset {dataset}"

    def __repr__(self) -> str:
        return f"PowerBI({self.name!r}, {self._place}, rows={self.rows!r})"

    def push(self, rows: Iterator[Row], seconds: float) -> Iterator[Delivery]:
        """Send in requests within all limits; a row that is refused by itself is set aside.

        A refused request is halved until the row that it is refused for stands alone; taken ones double it again, also
        in the next push. Rows are set aside only by a dataset that has taken others.
        """
        deadline, doubtful, refused = self._clock() + seconds, list[str](), 0
        pieces = Pieces(map(self._encode, rows), self._most_bytes, frame=len(self._before + self._after))
        while piece := pieces.next(self._size):
            answer = self._send(piece, deadline)
            if answer.kind in ("failed", "late"):
                yield Delivery(0, "failed" if answer.kind == "failed" else "not_sent", answer.error)
                return
            if answer.kind == "refused" and len(piece) > 1:
                self._size = len(piece) // 2
                continue
            pieces.drop(len(piece))
            refused = 0 if answer.kind == "taken" else refused + 1
            self._proven = answer.kind == "taken" or (self._proven and refused < MOST_REFUSED)
            if answer.kind == "refused":
                doubtful.append(str(answer.error))
            if self._proven:
                yield from (Delivery(1, "set_aside", error) for error in doubtful)
                doubtful = []
            if answer.kind == "taken":
                self._size = min(MOST_ROWS, 2 * self._size)
                yield Delivery(len(piece), "delivered")
            if len(doubtful) >= MOST_REFUSED:
                break
        if doubtful:
            yield self._refused_altogether(doubtful[-1])

    def _send(self, piece: list[bytes], deadline: float) -> SendOutcome:
        body = self._before + b",".join(piece) + self._after
        if len(body) > self._most_bytes:
            return SendOutcome("refused", f"{len(body)} bytes are more than the {self._most_bytes} of one request")
        if len(piece) >= MOST_REFUSED:
            carried = min(MOST_ROWS, self._most_bytes * len(piece) // len(body))
            self.hourly.most = min(self._rows_per_hour, int(carried * self._pace.per_hour))
        return self._sender.send(body, deadline, rows=len(piece), budget=self.hourly)

    def _refused_altogether(self, error: str) -> Delivery:
        told = f"{error} (no row was taken: compare the dataset's columns with 'ad-stream powerbi schema')"
        self._sender.quiet(QUIET_AFTER_REFUSAL, told)
        return Delivery(0, "failed", told)


def bearer(token: Token) -> Callable[[], dict[str, str]]:
    """The header that carries the token."""
    return lambda: {"Authorization": f"Bearer {token()}"}


def _rows_address(api: str, group: str | None, dataset: str, table: str) -> str:
    return f"{api.rstrip('/')}{f'/groups/{group}' if group else ''}/datasets/{dataset}/tables/{table}/rows"


def principal(tenant_id: str | None, client_id: str | None, client_secret: Secret | str | None) -> Token:
    """Tokens of a service principal; ConfigError if it is not given whole."""
    if not (tenant_id and client_id and client_secret):
        raise ConfigError(
            "Power BI's REST interface needs a service principal: give tenant_id, client_id and client_secret"
        )
    secret = Secret.of(client_secret)
    return service_principal(tenant_id=tenant_id, client_id=client_id, client_secret=secret)
