"""Makes a streaming dataset by Power BI's REST interface; says what to do where that has ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

import requests

from ad_stream.errors import RunError
from ad_stream.http import Patience, open_session, post
from ad_stream.push.targets.power_bi import API, REFUSED_BY_REST, Token, bearer
from ad_stream.push.targets.power_bi_rows import SAMPLE, TABLE, definition
from ad_stream.secrets import Secret, redact

ENDED = (
    "Power BI no longer creates streaming datasets here (they end everywhere on 2027-10-31): push to a dataset you have"
    " by its push URL, send the rows to a Fabric Eventstream with the push target 'kafka', or let Power BI read the table"
    " detections by DirectQuery"
)


def create(
    name: str,
    *,
    token: Token,
    group: str | None = None,
    columns: Mapping[str, str] = SAMPLE,
    api: str = API,
    session: requests.Session | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """-> the id of a new dataset that keeps the newest 200,000 rows; RunError where Power BI refuses.

    name: what it is called there. group: id of the workspace, without it "My workspace".
    """
    place = f"{api.rstrip('/')}{f'/groups/{group}' if group else ''}/datasets?defaultRetentionPolicy=basicFIFO"
    table = {"name": TABLE, "columns": definition(columns)}
    body = json.dumps({"name": name, "defaultMode": "PushStreaming", "tables": [table]}).encode()
    # Not tried again: a request whose answer was lost may have made the dataset.
    reply = post(
        Secret(place), body, session=session or open_session(), headers=bearer(token)(), patience=Patience(retries=0),
        max_answer=1_048_576, clock=clock, sleep=sleep,
    )  # fmt: skip
    said = reply.body.decode("utf-8", "replace")
    if "FeatureDeprecated" in said or "deprecated" in said:
        raise RunError(ENDED)
    if not reply.ok:
        why = REFUSED_BY_REST.get(reply.status, " ".join(redact(said[:300]).split()) or "no reason given")
        raise RunError(f"Power BI answered {reply.status}: {why}")
    try:
        return str(json.loads(said)["id"])
    except (ValueError, KeyError, TypeError):
        raise RunError("Power BI created the dataset and named no id: look for it in the workspace") from None
