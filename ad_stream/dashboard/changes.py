"""What a page may send to change something: a small JSON body, where a token says who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from ad_stream.dashboard.access import TOKEN_VARIABLE, Token
from ad_stream.dashboard.formatting import MalformedError
from ad_stream.errors import AdStreamError, InputError
from ad_stream.settings import Section
from ad_stream.web.bodies import BodyTooLargeError, BodyTooSlowError, announced, read_body

if TYPE_CHECKING:
    from ad_stream.dashboard.turns import Turns

MOST_BYTES, BODY_SECONDS = 4096, 10.0
MOST_HOURS = 31 * 24
"""For which a mute or an ack holds."""
Wanted = TypeVar("Wanted", bound=Section)
Answer = TypeVar("Answer")


def refusal(token: Token, what: str) -> Response | None:
    """The answer where there is no token; the door has already refused a page of another site and a wrong token."""
    if token:
        return None
    sentence = f"{what} from the page needs a token, so that it is known who may: set {TOKEN_VARIABLE}."
    return JSONResponse({"error": sentence}, status_code=403)


async def wanted(request: Request, model: type[Wanted], what: str) -> Wanted:
    """The body; MalformedError says what is wrong with it."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise MalformedError(f"{what} is sent as application/json")
    try:
        announced(request.headers, MOST_BYTES)
        return model.model_validate_json(await read_body(request, most=MOST_BYTES, seconds=BODY_SECONDS))
    except (BodyTooLargeError, BodyTooSlowError) as error:
        raise MalformedError(str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise MalformedError(f"{'.'.join(str(part) for part in first['loc']) or 'the body'}: {first['msg']}") from None


def told(work: Callable[[], Answer]) -> Answer:
    """What `work` answers; an error of ours as one that the page is told."""
    try:
        return work()
    except AdStreamError as error:
        raise InputError(str(error)) from None


def add_change(
    app: FastAPI, path: str, what: str, model: type[Wanted], work: Callable[[Wanted], Any], token: Token, turns: Turns
) -> None:  # fmt: skip
    """POST to the path hands the body to `work`, where a token says who may. what: is changed, in words, as a sentence begins."""

    @app.post(path)
    async def change(request: Request) -> Response:
        if refused := refusal(token, what):
            return refused
        said = await wanted(request, model, what[0].lower() + what[1:])
        return JSONResponse(await turns.take(lambda: told(lambda: work(said))))
