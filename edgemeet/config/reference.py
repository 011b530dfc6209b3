"""The tables of docs/configuration.md, made from the model.

A test keeps the document as this module makes it. ``python -m edgemeet.config.reference`` prints the tables.
"""

from __future__ import annotations

from edgemeet.config.keys import Key, keys, sections
from edgemeet.config.showing import toml_value
from edgemeet.config.wording import bounds

_HEAD = "| key | kind | default | meaning |\n|---|---|---|---|\n"
_KINDS = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "dict": "table"}


def tables() -> str:
    """A headline and a table for each section, in Markdown."""
    blocks = ["### Top of the file\n\n" + _table(None)]
    for name, section in sections().items():
        about = (section.__doc__ or "").strip()
        blocks.append(f"### `[{name}]`\n\n{about}\n\n{_table(name)}")
    return "\n".join(blocks)


def _table(section: str | None) -> str:
    rows = (key for key in keys().values() if (key.path[0] if len(key.path) > 1 else None) == section)
    return _HEAD + "".join(_row(key) for key in rows)


def _row(key: Key) -> str:
    default = "" if key.default is None else f"`{toml_value(key.default)}`"
    meaning = key.description.replace("|", "\\|")
    return f"| `{key.path[-1]}` | {kind(key)} | {default} | {meaning} |\n"


def kind(key: Key) -> str:
    """What may stand there, such as "whole number from 1 to 60"."""
    if key.choices:
        return ", ".join(f"`{choice}`" for choice in key.choices)
    if key.secret:
        return "secret"
    name = _KINDS.get(key.type.__name__, "absolute path")
    return name if key.least is None else f"{name} {bounds(key)}"


if __name__ == "__main__":
    print(tables(), end="")  # noqa: T201 - printing is what it is called for
