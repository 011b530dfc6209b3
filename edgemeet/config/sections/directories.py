"""Where the device keeps things."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edgemeet.config.values import AbsolutePath

StateDirectory = Annotated[
    AbsolutePath,
    Field(
        description="where the participant id and the last good answers are kept; when absent "
        "`$STATE_DIRECTORY`; for other users than root `edgemeet` in `$XDG_STATE_HOME`"
    ),
]
RuntimeDirectory = Annotated[
    AbsolutePath,
    Field(
        description="where the control socket lies; when absent `$RUNTIME_DIRECTORY`; for other users than "
        "root `edgemeet` in `$XDG_RUNTIME_DIR`"
    ),
]
