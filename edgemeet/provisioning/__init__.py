"""Where a device gets its token and its meeting from."""

from edgemeet.provisioning.meeting_id import MEETING_ID_PATTERN, check_meeting_id
from edgemeet.provisioning.options import MeetingSource, ProvisioningOptions
from edgemeet.provisioning.provisioner import Admission, Provisioner, token_source
from edgemeet.provisioning.rooms import Room, Rooms
from edgemeet.provisioning.server import ServerToken
from edgemeet.provisioning.signed import SignedToken
from edgemeet.provisioning.sources import FileToken, Grant, StaticToken, TokenSource
from edgemeet.provisioning.token import Claims, Token

__all__ = [
    "MEETING_ID_PATTERN",
    "Admission",
    "Claims",
    "FileToken",
    "Grant",
    "MeetingSource",
    "Provisioner",
    "ProvisioningOptions",
    "Room",
    "Rooms",
    "ServerToken",
    "SignedToken",
    "StaticToken",
    "Token",
    "TokenSource",
    "check_meeting_id",
    "token_source",
]
