"""The registry of checks."""

from __future__ import annotations

from edgemeet.doctor.checks import clock, configuration, devices, host, identity, network, path, service
from edgemeet.doctor.examination import Check

CHECKS = (
    Check("config", "configuration", configuration.config),
    Check("credentials", "credentials", configuration.credentials),
    Check("identity", "identity", identity.identity),
    Check("clock", "clock", clock.clock),
    Check("dns", "names", network.dns),
    Check("api", "the other side", network.api),
    Check("provisioning", "token", network.provisioning),
    Check("rooms", "meeting", network.rooms),
    Check("signaling", "signaling", network.signaling),
    Check("udp", "UDP", path.udp),
    Check("turn", "TURN", path.relays),
    Check("camera", "camera", devices.camera),
    Check("encoder", "encoder", devices.encoder),
    Check("microphone", "microphone", devices.microphone),
    Check("memory", "memory", host.memory),
    Check("disk", "disk", host.disk),
    Check("throttling", "power and heat", host.throttling),
    Check("versions", "versions", host.versions),
    Check("unit", "systemd unit", service.unit),
    Check("daemon", "daemon", service.daemon),
)
