"""Foreign text made safe to show: no control sequence, no direction override, no surprise in width."""

from __future__ import annotations

import re
import unicodedata

# C0 and C1 controls, DEL; bidirectional marks and overrides; zero-width and invisible characters; tags; variation
# selectors (they change the width of the character before them); surrogates left by undecodable bytes; noncharacters.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)
# Escape sequences as a terminal takes them: CSI, OSC and the other strings up to their end, then the two-byte ones.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "\ufffd"


def clean(text: str, limit: int = 500) -> str:
    """Return `text` as one printable line of at most `limit` characters; controls become visible symbols."""
    if len(text) > limit:
        text = text[: max(limit - 1, 0)] + "…"
    if text.isprintable():
        return text
    return _UNSAFE.sub(_visible, text)


def clean_block(text: str, limit: int = 1_000_000) -> str:
    """Return `text` with its line breaks kept and every line cleaned; tabs become spaces."""
    return "\n".join(clean(line.expandtabs(4), limit) for line in text[:limit].split("\n"))


def clean_log_line(line: str, limit: int = 4000) -> str:
    """Return one line of program output as a terminal would leave it: sequences gone, the last `\\r` overwrite kept."""
    line = line.rstrip("\r\n")
    if line.isprintable() and len(line) <= limit:
        return line
    line = _SEQUENCE.sub("", line)
    if "\r" in line:
        line = next((part for part in reversed(line.split("\r")) if part), "")
    return clean(line.expandtabs(8), limit)


def strip_controls(text: str) -> str:
    """Return `text` without any character that a terminal could obey; the last line of defence before output."""
    return text if text.isprintable() else _UNSAFE.sub("", text)


def width(text: str) -> int:
    """Return the number of terminal cells that clean `text` takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
