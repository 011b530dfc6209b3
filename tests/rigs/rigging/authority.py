"""A certificate authority that lives as long as the test."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority that lives as long as the test."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        others = (
            "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
            "crl_sign encipher_only decipher_only"
        )
        usage = dict.fromkeys(others.split(), False)
        # Python 3.13 verifies strictly: RFC 5280 asks for all of these.
        extensions = [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (x509.KeyUsage(key_cert_sign=True, **usage), True),
            (x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False),
        ]
        certificate = self._sign(self.name, self.key.public_key(), timedelta(0), extensions)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        shift: timedelta,
        extensions: Sequence[tuple[x509.ExtensionType, bool]],
    ) -> x509.Certificate:
        start = datetime.now(UTC) + shift - timedelta(days=1)
        builder = x509.CertificateBuilder().issuer_name(self.name).subject_name(name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=2))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, *, shift: timedelta = timedelta(0), address: str = "127.0.0.1") -> ssl.SSLContext:
        """One with a certificate for this address that began a day ago, or that much later, and lasts two."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = self._sign(x509.Name([]), key.public_key(), shift, [(names, True), (issuer, False)])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._keep("server.pem", certificate, key))
        return context

    def server_that_asks(self) -> ssl.SSLContext:
        """One that lets nobody in without a certificate of this authority."""
        context = self.server()
        context.load_verify_locations(self.ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def device(self) -> Path:
        """A device's certificate, with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "front-door")])
        certificate = self._sign(name, key.public_key(), timedelta(0), [(issuer, False)])
        return self._keep("device.pem", certificate, key)

    def _keep(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Path:
        pem = self.folder / name
        pem.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pem
