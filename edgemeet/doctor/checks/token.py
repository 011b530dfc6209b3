"""What of a token would be refused at a join. Pure."""

from __future__ import annotations

from edgemeet.doctor.findings import Finding, Outcome, wrong
from edgemeet.provisioning import Claims

HINT = "check the claims where the token is made: docs/provisioning.md"


def claims_findings(
    claims: Claims, meeting_id: str | None, participant_id: str | None, *, joins: bool
) -> tuple[Finding, ...]:
    """Nothing for a good token.

    Args:
        claims: of the token.
        meeting_id: to be joined, if it is known.
        participant_id: who joins, if it is known.
        joins: it is a token to join with, not one for the rooms API.
    """
    roles, permissions = set(claims.roles), set(claims.permissions)
    found: list[Finding] = []

    def tell(code: str, text: str, outcome: Outcome = Outcome.ERROR) -> None:
        found.append(wrong(outcome, code, text, HINT))

    if "ask_join" in permissions and len(permissions) > 1:
        tell("auth.permissions", "ask_join does not go together with other permissions")
    if not joins:
        if roles and "crawler" not in roles:
            tell("auth.wrong_role", 'the token has not the role "crawler", which it takes to make a meeting')
        return tuple(found)
    if roles and "rtc" not in roles:
        tell("auth.wrong_role", f'the token has the roles {", ".join(claims.roles)} and not "rtc"')
    if permissions and not permissions & {"allow_join", "ask_join"}:
        tell("auth.permissions", "the token has neither allow_join nor ask_join among its permissions")
    if claims.room_id and meeting_id and claims.room_id != meeting_id:
        tell("auth.wrong_meeting", "the token is for another meeting")
    if claims.participant_id and participant_id and claims.participant_id != participant_id:
        tell("auth.wrong_participant", "the token is for another participant")
    if permissions == {"ask_join"}:
        tell("auth.ask_join", "a host has to let this device in at each join", Outcome.INFO)
    return tuple(found)
