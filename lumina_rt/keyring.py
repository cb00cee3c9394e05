"""What is encrypted before Postgres gets it, and found again without being opened.

AES-256-GCM (NIST SP 800-38D) with random nonces, and a blind index by HMAC-SHA256 (RFC 2104), each
under a key of its own that HKDF (RFC 5869) makes of one of the ring. The first key of the ring
encrypts; all of them decrypt and are looked up by, so keys are changed while everything runs.

A sealed value is bytes:

    1   version, 1
    8   id of the key: made of the key itself, so that a name may be changed or used again
    12  nonce
    ..  ciphertext and tag

Its associated data is the 9 bytes of its head, its column and its row: moved to another row or
column, or under another head, a value does not open.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = b"\x01"
ID_BYTES, NONCE_BYTES, TAG_BYTES, KEY_BYTES = 8, 12, 16, 32
HEAD_BYTES = len(VERSION) + ID_BYTES
"""What a value begins with that is under some key; sql/keys.sql counts by it."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,30}")
HEX = re.compile(r"[0-9A-Fa-f]{64}")
FORM = "write it as name:key, the key being 32 bytes in hex or base64"


class UnknownKey(Exception):
    """A value is under a key that is not in the ring. The message has its id, no secret."""


class Tampered(Exception):
    """A value is damaged, or of another row: its key is here, and it does not open."""


def _derived(secret: bytes, purpose: bytes, length: int = KEY_BYTES) -> bytes:
    return HKDF(hashes.SHA256(), length, None, b"lumina " + purpose).derive(secret)


@dataclass(frozen=True, slots=True)
class Key:
    """One of the ring: a name for people, and 32 bytes."""

    name: str
    secret: bytes = field(repr=False)
    head: bytes = field(init=False)
    """What every value under this key begins with."""
    cipher: AESGCM = field(init=False, repr=False)
    blind: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        key_id = _derived(self.secret, b"key id", ID_BYTES)
        object.__setattr__(self, "head", VERSION + key_id)
        object.__setattr__(self, "cipher", AESGCM(_derived(self.secret, b"encryption")))
        object.__setattr__(self, "blind", _derived(self.secret, b"blind index"))

    def index(self, value: str) -> bytes:
        return hmac.digest(self.blind, value.encode(), "sha256")


class Keyring:
    """The keys of a node, the one that encrypts first."""

    def __init__(self, keys: Iterable[Key]) -> None:
        """Raises ValueError when there is none."""
        self.keys = tuple(keys)
        if not self.keys:
            raise ValueError("a key ring needs a key")
        self._by_head = {key.head: key for key in self.keys}

    @property
    def first(self) -> Key:
        return self.keys[0]

    def seal(self, value: str, column: str, row: UUID | bytes) -> bytes:
        """Encrypt for one place: `column` as table.column, `row` by its primary key."""
        key, nonce = self.first, os.urandom(NONCE_BYTES)
        bound = _associated(key.head, column, row)
        return key.head + nonce + key.cipher.encrypt(nonce, value.encode(), bound)

    def open(self, sealed: bytes, column: str, row: UUID | bytes) -> str:
        """What was sealed for this place. Raises UnknownKey or Tampered."""
        key = self.key_of(sealed)
        nonce, rest = sealed[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES], sealed[HEAD_BYTES:]
        if len(rest) < NONCE_BYTES + TAG_BYTES:
            raise Tampered(f"a value of {column} is cut off")
        try:
            bound = _associated(key.head, column, row)
            return key.cipher.decrypt(nonce, rest[NONCE_BYTES:], bound).decode()
        except InvalidTag:
            raise Tampered(f"a value of {column} is damaged, or of another row") from None

    def key_of(self, sealed: bytes) -> Key:
        """Raises UnknownKey."""
        key = self._by_head.get(sealed[:HEAD_BYTES])
        if key is None:
            raise UnknownKey(f"key {sealed[1:HEAD_BYTES].hex()} is not in LUMINA_ENCRYPTION_KEYS")
        return key

    def index(self, value: str) -> bytes:
        """The blind index that is stored, 32 bytes; `value` in the form in which it is compared."""
        return self.first.index(value)

    def indexes(self, value: str) -> list[bytes]:
        """Those under which it may be stored, to be looked up with `= any (...)`. Sorted, so that
        whoever locks them locks them in one order, whatever the order of their rings."""
        return sorted(key.index(value) for key in self.keys)


def _associated(head: bytes, column: str, row: UUID | bytes) -> bytes:
    return head + column.encode() + b"\0" + (row.bytes if isinstance(row, UUID) else row)


def read_keys(text: str) -> list[Key]:
    """The keys of LUMINA_ENCRYPTION_KEYS. Raises ValueError, which quotes no key."""
    keys: list[Key] = []
    for number, item in enumerate(text.split(","), 1):
        name, colon, encoded = item.strip().partition(":")
        if not colon or not NAME.fullmatch(name):
            raise ValueError(f"key {number} has no name of letters, digits, - and _; {FORM}")
        secret = _decoded(encoded.strip())
        if secret is None or len(secret) != KEY_BYTES:
            raise ValueError(f"key {number} ({name}) is not 32 bytes in hex or base64")
        if len(set(secret)) < 10:
            raise ValueError(f"key {number} ({name}) can be guessed")
        if any(key.name == name or key.secret == secret for key in keys):
            raise ValueError(f"key {number} ({name}) is there twice")
        keys.append(Key(name, secret))
    return keys


def _decoded(text: str) -> bytes | None:
    if HEX.fullmatch(text):
        return bytes.fromhex(text)
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def development_keys(secret: str) -> list[Key]:
    """For who has set no key and may do without: as secret as LUMINA_SECRET is."""
    return [Key("development", _derived(secret.encode(), b"development key"))]
