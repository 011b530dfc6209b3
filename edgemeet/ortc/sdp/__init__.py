"""Offers and answers: ORTC parameters written and read as SDP (RFC 8866, RFC 9429).

aiortc's `sdp` module writes and parses; what it does not know (`rid`, `simulcast`) is added in `description`.
Pure: sockets, keys and randomness are given.
"""

from edgemeet.ortc.sdp.accepted import Accepted, Answer, parameters_to_send, read_answer
from edgemeet.ortc.sdp.answer import OfferedMedia, ReceivedOffer, read_offer, write_answer
from edgemeet.ortc.sdp.local import LocalSide
from edgemeet.ortc.sdp.offer import Media, Offer, make_offer

__all__ = [
    "Accepted",
    "Answer",
    "LocalSide",
    "Media",
    "Offer",
    "OfferedMedia",
    "ReceivedOffer",
    "make_offer",
    "parameters_to_send",
    "read_answer",
    "read_offer",
    "write_answer",
]
