"""The one reason behind what ended a session. Pure."""

from __future__ import annotations

from edgemeet.errors import EdgemeetError


def expected(ended: BaseException) -> tuple[EdgemeetError, BaseException | None]:
    """The error behind what ended a session, and its traceback where it is a defect of ours."""
    reason = root_error(ended)
    if isinstance(reason, EdgemeetError):
        return reason, None
    return EdgemeetError(f"a defect ended the session ({type(reason).__name__})", code="defect"), ended


def root_error(error: BaseException) -> BaseException:
    """The one error behind an exception group: the first expected one, else the first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [root_error(e) for e in error.exceptions]
    expected_ones = [e for e in leaves if isinstance(e, EdgemeetError)]
    return (expected_ones or leaves)[0]
