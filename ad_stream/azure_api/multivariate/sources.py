"""What a request may name as its data: an address, a file below the root, an uploaded file."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ad_stream.azure_api.multivariate.download import Fetching, fetch, is_http, place_of, probe, shown
from ad_stream.azure_api.multivariate.faults import fault

if TYPE_CHECKING:
    from ad_stream.azure_api.multivariate.settings import MultivariateSettings

UPLOADED = "files/"
UPLOAD_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
"""Lower case, as paths arrive here."""


def fetching(settings: MultivariateSettings) -> Fetching:
    """The bounds of what is fetched."""
    return Fetching(hosts=settings.hosts, most=settings.source_bytes)


def check(source: str, settings: MultivariateSettings) -> None:
    """Raises ContractError where the data cannot be there: the service told that at once, all else in the job."""
    if is_http(source):
        place_of(source, settings.hosts)
        probe(source, fetching(settings))
    else:
        local(source, settings)


def opened(
    source: str,
    scratch: Path,
    settings: MultivariateSettings,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """The file or folder to read: one below the root as it lies, one of an address fetched into `scratch`."""
    if not is_http(source):
        return local(source, settings)
    fetch(source, scratch, fetching(settings), deadline=clock() + seconds)
    return scratch


def local(source: str, settings: MultivariateSettings) -> Path:
    """The path of an uploaded file or of one below the root; raises ContractError."""
    if source.lower().startswith(UPLOADED) and UPLOAD_NAME.fullmatch(source[len(UPLOADED) :].lower()):
        path = settings.state / UPLOADED / source[len(UPLOADED) :].lower()
        if path.is_file():
            return path
        if settings.data_root is None:
            raise fault("FileNotExist", "Upload it first: PUT …/multivariate/files/<name>.", file=source)
    if settings.data_root is None:
        raise fault("InvalidBlobURL", f"{shown(source)} is no address, and without --data-root no file is read.")
    return _below(source, settings.data_root, settings)


def _below(source: str, root: Path, settings: MultivariateSettings) -> Path:
    """What lies outside, or in the state folder, is answered like what is not there, so nobody learns what is."""
    named = unquote(urlsplit(source).path) if source.lower().startswith("file:") else source
    with suppress(OSError, ValueError, RuntimeError):
        top = root.resolve()
        path = (top / named).resolve()
        inside = path.is_relative_to(top) and not path.is_relative_to(settings.state.resolve())
        if inside and (path.is_dir() or path.is_file()):
            if path.is_file() and path.stat().st_size > settings.source_bytes:
                raise fault("InvalidFileSize", file=shown(source), most=settings.source_bytes)
            return path
    raise fault("FileNotExist", "Sources are named by their path below --data-root.", file=shown(source))
