"""The plane's certificate: read with its key, checked, and turned into what a server needs.

The names in the certificate are the only names under which a plane with TLS answers. Nothing below TLS 1.2 is spoken.
"""

from __future__ import annotations

import ssl
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from console.domain.errors import InputError


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, ready to serve.

    Attributes:
        names: host names (lower case, `*.` for one label) and addresses (IPv6 in brackets) that it is made for.
        expires: its end, UTC.
    """

    context: ssl.SSLContext
    names: tuple[str, ...]
    expires: datetime


def read_certificate(cert: Path | None, key: Path | None) -> Certificate | None:
    """The pair, None when neither is named; raises InputError with one sentence for a pair that cannot be used."""
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise InputError("TLS needs both a certificate and its key; give --tls-cert FILE and --tls-key FILE.")
    _check_secret(key)
    names, expires = _described(cert)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise InputError(f"The key in {key} is not the one of the certificate in {cert}; give its pair.") from error
        raise InputError(
            f"{cert} and {key} cannot be used as a pair; both must be in PEM form, and the key without a passphrase."
        ) from error
    except OSError as error:
        raise InputError(f"{cert} or {key} cannot be read: {error.strerror}.") from error
    return Certificate(context, names, expires)


def _no_passphrase() -> bytes:
    return b""


def _check_secret(key: Path) -> None:
    try:
        mode = stat.S_IMODE(key.stat().st_mode)
    except OSError as error:
        raise InputError(f"The TLS key in {key} cannot be read: {error.strerror}.") from error
    if mode & 0o077:
        raise InputError(f"{key} can be read by others than its owner; run `chmod 600` on it and make a new key.")


def _described(cert: Path) -> tuple[tuple[str, ...], datetime]:
    try:
        read = x509.load_pem_x509_certificates(cert.read_bytes())[0]
        named = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except OSError as error:
        raise InputError(f"The TLS certificate in {cert} cannot be read: {error.strerror}.") from error
    except x509.ExtensionNotFound as error:
        raise InputError(f"The certificate in {cert} names no host (subjectAltName); make one that does.") from error
    except ValueError as error:
        raise InputError(f"{cert} is not a certificate in PEM form; give the plane's certificate.") from error
    hosts = [name.lower() for name in named.get_values_for_type(x509.DNSName)]
    addresses = [f"[{ip}]" if ip.version == 6 else str(ip) for ip in named.get_values_for_type(x509.IPAddress)]
    if not hosts and not addresses:
        raise InputError(f"The certificate in {cert} names no host (subjectAltName); make one that does.")
    return (*hosts, *addresses), read.not_valid_after_utc
