"""The transport side of a description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiortc import RTCDtlsFingerprint, RTCDtlsParameters, RTCIceCandidate, RTCIceParameters
from aiortc.sdp import candidate_to_sdp
from pydantic import ValidationError

from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.parameters import DtlsFingerprint, DtlsParameters, DtlsRole, IceCandidate, IceParameters
from edgemeet.ortc.sdp.description import Section


@dataclass(frozen=True, slots=True)
class LocalSide:
    """Who writes a description: its ICE credentials and addresses, its certificate.

    Attributes:
        ice_parameters: our credentials.
        ice_candidates: our addresses.
        dtls_parameters: our certificate's fingerprints.
        trickles: whether more addresses may be told later.
    """

    ice_parameters: IceParameters
    ice_candidates: tuple[IceCandidate, ...]
    dtls_parameters: DtlsParameters
    trickles: bool = False

    def describe(self, section: Section, role: DtlsRole) -> None:
        """Write it into a section."""
        section.ice = RTCIceParameters(
            usernameFragment=self.ice_parameters.username_fragment,
            password=self.ice_parameters.password.get_secret_value(),
            iceLite=self.ice_parameters.ice_lite,
        )
        section.ice_candidates = [_to_aiortc(each) for each in self.ice_candidates]
        # Whoever has read of the end takes none that come after it (RFC 8838, 14).
        section.ice_candidates_complete = not self.trickles
        section.ice_options = "trickle" if self.trickles else None
        section.dtls = RTCDtlsParameters(
            fingerprints=[
                RTCDtlsFingerprint(algorithm=each.algorithm, value=each.value)
                for each in self.dtls_parameters.fingerprints
            ],
            role=role,
        )


def candidate_fragment(
    ice: IceParameters, mid: str, candidates: Sequence[IceCandidate], *, complete: bool
) -> str:
    """Candidates that were found late, as a trickle-ice-sdpfrag (RFC 8840), with their end if `complete`."""
    lines = [
        f"a=ice-ufrag:{ice.username_fragment}",
        f"a=ice-pwd:{ice.password.get_secret_value()}",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0",  # RFC 8840, 9: a pseudo m-line before the mid
        f"a=mid:{mid}",
        *(f"a=candidate:{candidate_to_sdp(_to_aiortc(each))}" for each in candidates),
        *(("a=end-of-candidates",) if complete else ()),
    ]
    return "".join(f"{line}\r\n" for line in lines)


def remote_ice(section: Section) -> IceParameters:
    """The other side's ICE credentials.

    Raises:
        ProtocolMismatch: ``protocol.sdp_no_ice``, there are none.
    """
    ice = section.ice
    if ice is None or not ice.usernameFragment or not ice.password:
        raise ProtocolMismatch(
            "the description names no ICE credentials (ice-ufrag and ice-pwd)", code="protocol.sdp_no_ice"
        )
    return IceParameters.model_validate(
        {"usernameFragment": ice.usernameFragment, "password": ice.password, "iceLite": bool(ice.iceLite)}
    )


def remote_candidates(sections: Sequence[Section]) -> tuple[IceCandidate, ...]:
    """The other side's candidates for RTP, each once; those that cannot be used are left out."""
    found: dict[IceCandidate, None] = {}
    for candidate in (each for section in sections for each in section.ice_candidates if each.component == 1):
        try:
            found[_from_aiortc(candidate)] = None
        except ValidationError:
            continue  # an active TCP candidate with port 0, a protocol that nobody knows
    return tuple(found)


def remote_dtls(section: Section) -> DtlsParameters:
    """The other side's role and certificate.

    Raises:
        ProtocolMismatch: ``protocol.sdp_no_dtls``, one of the two is missing.
    """
    dtls = section.dtls
    if dtls is None or not dtls.fingerprints:
        raise ProtocolMismatch(
            "the description names no DTLS certificate or role (fingerprint and setup)",
            code="protocol.sdp_no_dtls",
        )
    roles: dict[str, DtlsRole] = {"client": "client", "server": "server"}
    return DtlsParameters(
        role=roles.get(dtls.role, "auto"),
        fingerprints=tuple(
            DtlsFingerprint(algorithm=each.algorithm.lower(), value=each.value) for each in dtls.fingerprints
        ),
    )


def _to_aiortc(candidate: IceCandidate) -> RTCIceCandidate:
    return RTCIceCandidate(
        component=1,
        foundation=candidate.foundation,
        ip=candidate.host,
        port=candidate.port,
        priority=candidate.priority,
        protocol=candidate.protocol,
        type=candidate.type,
        tcpType=candidate.tcp_type,
        # Where it was seen from is of no use to the other side, but RFC 8839 wants the field.
        relatedAddress=None if candidate.type == "host" else "0.0.0.0",  # noqa: S104 - RFC 8839's "unknown"
        relatedPort=None if candidate.type == "host" else 9,
    )


def _from_aiortc(candidate: RTCIceCandidate) -> IceCandidate:
    return IceCandidate.model_validate(
        {
            "foundation": candidate.foundation,
            "priority": candidate.priority,
            "address": candidate.ip,
            "protocol": candidate.protocol.lower(),
            "port": candidate.port,
            "type": candidate.type,
            "tcpType": candidate.tcpType,
        }
    )
