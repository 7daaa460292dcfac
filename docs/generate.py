"""Writes what the code knows into the pages: columns, settings, commands. `make docs` runs it, a test compares.

A page holds the marks <!-- NAME --> and <!-- end of NAME -->; what stands between them is written here.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import BaseModel
from typer.main import get_command

from ad_stream.cli import app
from ad_stream.config.sections import Config
from ad_stream.readers.registry import KINDS as READERS
from ad_stream.sources.registry import KINDS
from ad_stream.tables.catalog import EVERY_TABLE

DOCS = Path(__file__).parent


def columns() -> str:
    """Every table with its columns."""
    parts = []
    for table in EVERY_TABLE.values():
        key = f" Key: {', '.join(f'`{name}`' for name in table.key)}." if table.key else ""
        rows = "\n".join(f"| `{column.name}` | {column.type} | {column.about} |" for column in table.columns)
        parts.append(
            f"### `{table.name}`\n\n{table.about}.{key}\n\n| column | type | what it holds |\n|---|---|---|\n{rows}"
        )
    return "\n\n".join(parts)


def settings() -> str:
    """Every section of the configuration with its settings."""
    parts = []
    plain = [
        name for name, field in Config.model_fields.items() if _section(field.annotation) is None and name != "source"
    ]
    parts.append(f"## The run itself\n\n{_about(Config)}\n\n{_table(Config, plain)}")
    for kind, source in KINDS.items():
        model = source.settings
        names = [name for name in model.model_fields if name != "kind"]
        parts.append(f"## `source`, kind `{kind}`\n\n{_about(model)}\n\n{_table(model, names)}")
    for kind, reader in READERS.items():
        names = [name for name in reader.settings.model_fields if name != "kind"]
        parts.append(f"## `sources`, kind `{kind}`\n\n{_about(reader.settings)}\n\n{_table(reader.settings, names)}")
    for name, field in Config.model_fields.items():
        if (model := _section(field.annotation)) is not None and name != "source":
            parts.append(f"## `{field.alias or name}`\n\n{_about(model)}\n\n{_table(model, list(model.model_fields))}")
    return "\n\n".join(parts)


def commands() -> str:
    """Every command with its arguments and options."""
    return "\n\n".join(_command(path, command) for path, command in _commands(get_command(app), "ad-stream"))


PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "columns": ("formats.md", columns),
    "settings": ("configuration.md", settings),
    "commands": ("commands.md", commands),
}


def written(name: str) -> str:
    """The page with its generated part as the code has it now."""
    page, make = PAGES[name]
    text = (DOCS / page).read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, after = text.split(start)[0], text.split(end)[1]
    return f"{before}{start}\n{make()}\n{end}{after}"


def _section(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *get_args(annotation)):
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            return kind
    return None


def _about(model: type[BaseModel]) -> str:
    paragraphs = inspect.cleandoc(model.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _table(model: type[BaseModel], names: list[str]) -> str:
    rows = []
    for name in names:
        field = model.model_fields[name]
        default = "**required**" if field.is_required() else f"`{_default(model, name)}`"
        rows.append(f"| `{field.alias or name}` | {default} | {_accepts(field)} |")
    return "| setting | default | accepts |\n|---|---|---|\n" + "\n".join(rows)


def _default(model: type[BaseModel], name: str) -> str:
    value = model.model_fields[name].get_default(call_default_factory=True)
    shown = model.model_construct(**{name: value}).model_dump(mode="json", include={name}, warnings=False).get(name)
    return "null" if shown is None else str(shown).lower() if isinstance(shown, bool) else str(shown)


def _accepts(field: Any) -> str:
    limits = [f"{sign} {getattr(one, name)}" for one in field.metadata for name, sign in
              (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below"), ("min_length", "at least"))
              if getattr(one, name, None) is not None]  # fmt: skip
    return f"{_type(field.annotation)}{', ' + ' '.join(limits) if limits else ''}"


def _type(annotation: Any) -> str:
    if choices := [one for one in get_args(annotation) if isinstance(one, str)]:
        return ", ".join(f"`{choice}`" for choice in choices)
    names = {"timedelta": "a duration such as `2 minutes`", "str": "text", "int": "a whole number", "float": "a number",
             "bool": "true or false", "Secret": "a reference such as `${env:NAME}`", "NoneType": "null",
             "DetectorSpec": "a detector's name, or {name: …, option: …}"}  # fmt: skip
    if getattr(annotation, "__name__", "") in names and not get_args(annotation):
        return names[annotation.__name__]
    if hasattr(annotation, "__metadata__"):  # Annotated: what it is checked with is no type
        return _type(annotation.__origin__)
    inner = list(dict.fromkeys(_type(one) for one in get_args(annotation) if one is not Ellipsis))
    kind = getattr(annotation, "__origin__", None)
    if kind is list:
        return f"a list of {inner[0]}"
    if kind is dict:
        return "a mapping"
    return " or ".join(inner) or getattr(annotation, "__name__", str(annotation))


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    children = getattr(command, "commands", None)
    if children is not None:
        for name, child in children.items():
            yield from _commands(child, f"{path} {name}")
    else:
        yield path, command


def _command(path: str, command: click.Command) -> str:
    rows = []
    for parameter in command.params:
        name = " ".join(parameter.opts) if parameter.param_type_name == "option" else (parameter.name or "").upper()
        default = (
            ""
            if parameter.required or parameter.default in (None, False, (), [])
            else f" (default `{getattr(parameter.default, 'value', parameter.default)}`)"
        )
        about = (getattr(parameter, "help", None) or "").replace("|", "\\|")
        rows.append(f"| `{name}` | {about}{default} |")
    table = "| argument | what it says |\n|---|---|\n" + "\n".join(rows)
    return f"## `{path}`\n\n{inspect.cleandoc(command.help or '')}" + (f"\n\n{table}" if rows else "")


if __name__ == "__main__":
    for part, (target, _) in PAGES.items():
        (DOCS / target).write_text(written(part), encoding="utf-8")
        print(f"docs/{target}", file=sys.stderr)
