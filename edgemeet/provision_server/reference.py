"""The table of settings in docs/provisioning-server.md, made from the model.

A test keeps it so. ``python -m edgemeet.provision_server.reference`` prints it.
"""

from __future__ import annotations

from pydantic import SecretStr

from edgemeet.provision_server.settings import ServerSettings


def table() -> str:
    """The table, in Markdown."""
    rows = []
    for name, field in ServerSettings.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        shown = "" if field.is_required() or default in {None, ()} else f"`{default}`"
        rows.append(f"| `{name}` | {shown} | {field.description} |\n")
    return "| key | default | meaning |\n|---|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - that is what it is for
