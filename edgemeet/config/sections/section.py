"""What all tables of the configuration are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table: frozen, and no key but the known ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
