"""A certificate for one study's connections, made when it listens; no authority signs it.

Agents know it for the right one by the handshake, whose proofs cover it.
"""

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

VALID = timedelta(days=365)


def new_certificate() -> tuple[ssl.SSLContext, bytes]:
    """What a server needs to encrypt with a new key, and the certificate that it will show (DER)."""
    from cryptography import x509  # only where it is asked for
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sweeper study")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = (
        builder.not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.TemporaryDirectory(prefix="sweeper-") as folder:  # 0700; ssl reads files only
        file = Path(folder) / "both.pem"
        file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(file)
    return context, certificate.public_bytes(serialization.Encoding.DER)
