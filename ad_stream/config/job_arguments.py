"""What the scripts in jobs/ share: arguments -> configuration -> work, an error of ours as one sentence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import AdStreamError

if TYPE_CHECKING:
    from ad_stream.config import Config


def parser_of(description: str) -> argparse.ArgumentParser:
    """--config FILE, --set KEY=VALUE, --scope NAME."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting over the file's")
    parser.add_argument("--scope", metavar="NAME", help="secret scope, in place of the one that the file names")
    return parser


def start(parser: argparse.ArgumentParser, work: Callable[[Config, argparse.Namespace], Any]) -> None:
    """Do the work and print its `sentence()`; an error of ours goes to stderr and ends the process with its code."""
    from ad_stream import config
    from ad_stream.config.overrides import overrides

    arguments = parser.parse_args()
    try:
        print(
            work(config.load(arguments.config, overrides(arguments.set), scope=arguments.scope), arguments).sentence()
        )
    except AdStreamError as error:
        print(f"jobs/{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
