"""Signatures: made by export, append-only, checked with the public half alone."""

import json
import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from inventory.errors import UsageError
from inventory.seal import Seal, Sealer
from tests.conftest import ROOT, Command


def pems(key: Ed25519PrivateKey | X25519PrivateKey) -> tuple[str, str]:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def configured(folder: Path) -> str:
    """Write a key and a configuration with it; return the public half."""
    private, public = pems(Ed25519PrivateKey.generate())
    (folder / "key.pem").write_text(private)
    (folder / "public.pem").write_text(public)
    source = {"name": "sample", "replay": [str(ROOT / "samples/night-1"), str(ROOT / "samples/night-2")]}
    (folder / "c.yaml").write_text(json.dumps({"sources": [source], "signing": {"key": f"${{file:{folder}/key.pem}}"}}))
    return public


def test_a_signature_fits_its_digest_and_key_alone() -> None:
    private, public = pems(Ed25519PrivateKey.generate())
    signature = Sealer(private).sign("ab" * 32)
    assert Seal(public).fits("ab" * 32, signature)
    assert Seal(public).key_id == Sealer(private).key_id
    assert not Seal(public).fits("cd" * 32, signature)
    assert not Seal(public).fits("ab" * 32, signature[:-2] + "00")
    assert not Seal(public).fits("ab" * 32, "no hex")
    assert not Seal(pems(Ed25519PrivateKey.generate())[1]).fits("ab" * 32, signature)


@pytest.mark.parametrize("pem", ["", "nothing", *pems(X25519PrivateKey.generate())])
def test_another_key_is_refused(pem: str) -> None:
    with pytest.raises(UsageError, match="Ed25519"):
        Seal(pem)


def test_export_and_retire_sign_what_they_write(inventory: Command, tmp_path: Path) -> None:
    public = configured(tmp_path)
    done = inventory("--config", "c.yaml", "-v", "export")
    assert done.returncode == 0, done.stderr
    assert "PRIVATE KEY" not in done.stdout + done.stderr
    assert inventory("--config", "c.yaml", "sources", "retire", "sample").returncode == 0
    with sqlite3.connect("inventory.db") as connection:
        rows = connection.execute("SELECT digest, key_id, signature FROM snapshots JOIN signatures ON snapshot_id = id")
        signed = rows.fetchall()
        assert len(signed) == 3
        assert all(Seal(public).fits(digest, signature) for digest, _, signature in signed)
        assert {key_id for _, key_id, _ in signed} == {Seal(public).key_id}
        for statement in ("DELETE FROM signatures", "UPDATE signatures SET signature = ''"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
    connection.close()


def test_a_wrong_key_is_told_with_its_place(inventory: Command, tmp_path: Path) -> None:
    configured(tmp_path)
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    done = inventory("--config", "c.yaml", "export")
    assert done.returncode == 64
    assert "c.yaml:1: signing.key: " in done.stderr
    assert "c2VjcmV0" not in done.stderr
    assert inventory("--config", "c.yaml", "snapshots").returncode == 1
