"""Names of devices inside messages: text, never formatting."""

from __future__ import annotations


def no_markdown(text: str) -> str:
    """A device's name must not become a link or a heading of the card."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]#" else sign for sign in text)


def no_mrkdwn(text: str) -> str:
    """Slack's three signs, which would make mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
