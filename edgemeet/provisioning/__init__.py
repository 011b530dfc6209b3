"""Where a device gets its token and its meeting from."""

from edgemeet.provisioning.answer import LEAST_POLL, MOST_POLL, CreateMeeting, TokenAnswer
from edgemeet.provisioning.authentication import ServerClock, SignedAssertion
from edgemeet.provisioning.device_key import DeviceKey, KeyType
from edgemeet.provisioning.enrolment import EnrolmentAnswer, EnrolmentRequest, enrol
from edgemeet.provisioning.identity import DeviceIdentity, identity_file, load_identity
from edgemeet.provisioning.meeting_id import MEETING_ID_PATTERN, check_meeting_id
from edgemeet.provisioning.options import MeetingSource, ProvisioningOptions
from edgemeet.provisioning.polling import Polling
from edgemeet.provisioning.provisioner import Admission, Assignment, Provisioner, token_source
from edgemeet.provisioning.public_key import PublicKey
from edgemeet.provisioning.rooms import Room, Rooms
from edgemeet.provisioning.server import ServerToken, revocation
from edgemeet.provisioning.signed import SignedToken
from edgemeet.provisioning.sources import FileToken, Grant, Standing, StaticToken, TokenSource
from edgemeet.provisioning.token import Claims, Token

__all__ = [
    "LEAST_POLL",
    "MEETING_ID_PATTERN",
    "MOST_POLL",
    "Admission",
    "Assignment",
    "Claims",
    "CreateMeeting",
    "DeviceIdentity",
    "DeviceKey",
    "EnrolmentAnswer",
    "EnrolmentRequest",
    "FileToken",
    "Grant",
    "KeyType",
    "MeetingSource",
    "Polling",
    "Provisioner",
    "ProvisioningOptions",
    "PublicKey",
    "Room",
    "Rooms",
    "ServerClock",
    "ServerToken",
    "SignedAssertion",
    "SignedToken",
    "Standing",
    "StaticToken",
    "Token",
    "TokenAnswer",
    "TokenSource",
    "check_meeting_id",
    "enrol",
    "identity_file",
    "load_identity",
    "revocation",
    "token_source",
]
