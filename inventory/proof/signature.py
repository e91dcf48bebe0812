"""Signatures of snapshots: Ed25519 over the chain's digest, with a key that only the exporter has.

A digest shows that a row was altered. A signature also shows that the digests were not recomputed: the owner of the
database does not have the key. Optional, because it needs `cryptography`. The signed text is the line
``inventory snapshot DIGEST``; a key's id is the first 16 hex digits of SHA-256 over its raw public key.
"""

import hashlib
from typing import TYPE_CHECKING, Any

from inventory.common.errors import InventoryError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["SigningKey", "VerifyKey"]

_INSTALL = "pip install 'drs-inventory[signing]'"


def _message(digest: str) -> bytes:
    return f"inventory snapshot {digest}\n".encode()


class VerifyKey:
    """A public key: verifies signatures."""

    def __init__(self, pem: str, *, private: bool | None = None) -> None:
        """Load a public key in PEM, or the public half of a private key.

        Args:
            private: whether it is a private key; None: decide by the PEM header.

        Raises:
            UsageError: not an Ed25519 key.
        """
        private = "PRIVATE KEY" in pem if private is None else private
        self._loaded = _loaded(pem, private=private)
        self._key: Ed25519PublicKey = self._loaded.public_key() if private else self._loaded
        self.key_id = hashlib.sha256(self._key.public_bytes_raw()).hexdigest()[:16]

    def verify(self, digest: str, signature: str) -> bool:
        """Return whether the signature, in hex, was made over this digest with this key."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(bytes.fromhex(signature), _message(digest))
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey(VerifyKey):
    """A private key: signs digests."""

    def __init__(self, pem: str) -> None:
        """Load a private key in PEM (PKCS 8, without a passphrase).

        Raises:
            UsageError: not an Ed25519 key.
        """
        super().__init__(pem, private=True)

    @classmethod
    def of(cls, pem: str | None) -> "SigningKey | None":
        """Return the signing key; None without one.

        Raises:
            UsageError: not an Ed25519 key.
        """
        return cls(pem) if pem else None

    def sign(self, digest: str) -> str:
        """Return the signature over a digest, in hex."""
        return str(self._loaded.sign(_message(digest)).hex())


def _loaded(pem: str, *, private: bool) -> Any:
    """Load a key. No message contains its text."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
    except ImportError:
        raise InventoryError("signatures need the package cryptography", f"Run: {_INSTALL}") from None
    half = "private" if private else "public"
    hint = f"An Ed25519 {half} key in PEM is needed: openssl genpkey -algorithm ed25519"
    try:
        content = pem.encode()
        key: Any = load_pem_private_key(content, password=None) if private else load_pem_public_key(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError(f"the {half} key cannot be read", hint) from None
    if not isinstance(key, Ed25519PrivateKey if private else Ed25519PublicKey):
        raise UsageError(f"the {half} key is not an Ed25519 key", hint)
    return key
