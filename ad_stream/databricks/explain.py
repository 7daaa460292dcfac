"""What a workspace says when it says no, in a sentence with the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from databricks.sdk.errors import (
    BadRequest,
    NotFound,
    PermissionDenied,
    ResourceConflict,
    TooManyRequests,
    Unauthenticated,
)
from databricks.sdk.errors.base import DatabricksError
from requests import RequestException

from ad_stream.errors import AdStreamError, RunError, WorkspaceError
from ad_stream.secrets import first_line


@contextmanager
def asking(host: str, doing: str, *, right: str = "that") -> Iterator[None]:
    """Around one request: what is being done ('to submit the run') and the right that it takes, for the sentence."""
    try:
        yield
    except DatabricksError as error:
        raise told(error, host, doing, right) from None
    except (RequestException, TimeoutError) as error:
        if isinstance(error.__cause__, DatabricksError):  # the SDK's own retries ran out
            raise told(error.__cause__, host, doing, right) from None
        raise RunError(f"{host} does not answer: check the address, the network or a proxy, then try again") from None


def told(error: DatabricksError, host: str, doing: str, right: str) -> AdStreamError:
    """The refusal of a request as an error of ours."""
    said = said_by(error)
    code = str(error.error_code or "")
    if isinstance(error, Unauthenticated):
        return WorkspaceError(
            f"{host} does not know who asks (401): log in anew with 'databricks auth login --host {host}', or renew "
            f"DATABRICKS_TOKEN"
        )
    if "QUOTA" in code or "quota" in said:
        return WorkspaceError(
            f"{host} has no room left {doing} ({code}: {said}): end or delete what is no longer needed, or have the quota raised"
        )
    if isinstance(error, PermissionDenied):
        return WorkspaceError(f"{host} does not let you {doing[3:]} (403: {said}): ask an administrator for {right}")
    if isinstance(error, TooManyRequests):
        return RunError(f"{host} takes no more requests for now (429, {doing}): try again in some minutes")
    if isinstance(error, NotFound):
        return WorkspaceError(f"{host} found something missing, {doing} (404: {said}): check that name")
    if isinstance(error, ResourceConflict):
        return WorkspaceError(
            f"{host} could not go on {doing} (409: {said}): somebody else changed the same, try again"
        )
    if isinstance(error, BadRequest):
        return WorkspaceError(f"{host} refused {doing} ({code}: {said}): change that setting")
    return RunError(f"{host} failed {doing} ({code}: {said}): try again, and ask its administrator if it stays so")


def said_by(error: object) -> str:
    """What the SDK's error says, short and without the settings that it adds."""
    return first_line(str(error).split(". Config:")[0]).rstrip(". ")
