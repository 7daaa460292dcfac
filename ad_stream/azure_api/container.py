"""What the container image starts: `ad-stream`, or the command line of the retired service's container as `ad-stream serve`.

    docker run -p 5000:5000 IMAGE Eula=accept Billing=https://… ApiKey=…

Settings are taken as the retired container took them: as words, or without any word from environment variables, in any case of
letters; without Eula=accept, Billing and ApiKey it does not start. Billing is never contacted. Callers show the ApiKey, which
leaves the command line of the process, where everybody on the machine could read it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ad_stream.errors import ConfigError

NEEDED = {"eula": "Eula", "billing": "Billing", "apikey": "ApiKey"}
"""In lower case -> as the service wrote it."""
SERVE = ("serve", "--host", "0.0.0.0", "--port", "5000")
_SETTING = re.compile(r"([A-Za-z][\w:.]*)=(.*)", re.DOTALL)


def command(words: Sequence[str], environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """What stands behind `ad-stream`, and its environment; ConfigError where a setting of the retired container is missing."""
    if words:
        given = {found[1]: found[2] for found in map(_SETTING.fullmatch, words) if found}
        retired = _SETTING.fullmatch(words[0]) is not None
    else:
        given = {name: value for name, value in environ.items() if name.lower() in NEEDED}
        retired = any(name.lower() == "eula" for name in given)
    if not retired:
        return list(words), dict(environ)
    if not all(map(_SETTING.fullmatch, words)):
        raise ConfigError(
            "a word beside Eula=accept is no setting: write each as NAME=VALUE, in quotes where it has spaces"
        )
    from ad_stream.azure_api.admission import KEYS_VARIABLE

    key = _checked(given)
    others = {name: value for name, value in environ.items() if name.lower() not in NEEDED}
    return list(SERVE), others | {KEYS_VARIABLE: key}


def _checked(given: Mapping[str, str]) -> str:
    """The key; what has no meaning here is named on stderr, never with its value."""
    known = {name.lower(): value.strip() for name, value in given.items()}
    if missing := [name for lower, name in NEEDED.items() if not known.get(lower)]:
        raise ConfigError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: give Eula=accept, Billing=ADDRESS and"
            " ApiKey=KEY, as the retired container wanted them; Billing is not contacted"
        )
    if known["eula"].lower() != "accept":
        raise ConfigError(
            f"Eula={known['eula']!r} accepts nothing: give Eula=accept, as the retired container wanted it"
        )
    for name in given:
        if name.lower() not in NEEDED:
            print(f"ad-stream: {name} was a setting of the retired container and changes nothing here", file=sys.stderr)
    return known["apikey"]


def main() -> None:
    """Becomes `ad-stream`: the same process, so that signals reach it."""
    program = Path(sys.executable).with_name("ad-stream")
    try:
        words, environ = command(sys.argv[1:], os.environ)
    except ConfigError as error:
        print(f"ad-stream: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    os.execve(program, [str(program), *words], environ)


if __name__ == "__main__":
    main()
