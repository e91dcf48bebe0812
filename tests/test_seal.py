"""Signatures: made by export, append-only, checked with the public half alone."""

import hashlib
import json
import sqlite3
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from inventory.common.errors import InventoryError, UsageError
from inventory.proof.signature import SigningKey, VerifyKey
from inventory.render.bundle import LONGEST, check
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
    signature = SigningKey(private).sign("ab" * 32)
    assert VerifyKey(public).verify("ab" * 32, signature)
    assert VerifyKey(public).key_id == SigningKey(private).key_id
    assert not VerifyKey(public).verify("cd" * 32, signature)
    other = "00" if signature[-2:] != "00" else "01"
    assert not VerifyKey(public).verify("ab" * 32, signature[:-2] + other)
    assert not VerifyKey(public).verify("ab" * 32, "no hex")
    assert not VerifyKey(pems(Ed25519PrivateKey.generate())[1]).verify("ab" * 32, signature)


@pytest.mark.parametrize("pem", ["", "nothing", *pems(X25519PrivateKey.generate())])
def test_another_key_is_refused(pem: str) -> None:
    with pytest.raises(UsageError, match="Ed25519"):
        VerifyKey(pem)


def test_export_and_retire_sign_what_they_write(inventory: Command, tmp_path: Path) -> None:
    public = configured(tmp_path)
    done = inventory("--config", "c.yaml", "-v", "export")
    assert done.returncode == 0, done.stderr
    assert "PRIVATE KEY" not in done.stdout + done.stderr
    assert inventory("--config", "c.yaml", "sources", "retire", "sample", "--yes").returncode == 0
    with sqlite3.connect("inventory.db") as connection:
        rows = connection.execute(
            "SELECT digest, key_id, signature FROM snapshots JOIN internal_signatures ON snapshot_id = id"
        )
        signed = rows.fetchall()
        assert len(signed) == 3
        assert all(VerifyKey(public).verify(digest, signature) for digest, _, signature in signed)
        assert {key_id for _, key_id, _ in signed} == {VerifyKey(public).key_id}
        for statement in ("DELETE FROM internal_signatures", "UPDATE internal_signatures SET signature = ''"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
    connection.close()


def test_a_wrong_key_is_told_with_its_place(inventory: Command, tmp_path: Path) -> None:
    configured(tmp_path)
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    done = inventory("--config", "c.yaml", "export")
    assert done.returncode == 64
    assert "c.yaml:1: signing.key: " in done.stderr
    assert "the private key cannot be read" in done.stderr
    assert "c2VjcmV0" not in done.stderr
    public = (tmp_path / "public.pem").read_text()
    (tmp_path / "key.pem").write_text(public)
    assert "the private key cannot be read" in inventory("--config", "c.yaml", "export").stderr
    assert inventory("--config", "c.yaml", "snapshots").returncode == 1


def test_verify_wants_the_last_snapshot_signed(inventory: Command, tmp_path: Path) -> None:
    configured(tmp_path)
    assert inventory("--config", "c.yaml", "export").returncode == 0
    whole = inventory("verify", "--public-key", "public.pem")
    assert (whole.returncode, "2 snapshots (2 signed)" in whole.stdout) == (0, True), whole.stdout
    (tmp_path / "other.pem").write_text(pems(Ed25519PrivateKey.generate())[1])
    assert "is not valid for the key" in failed(inventory, "--public-key", "other.pem")
    # Whoever owns the database can recompute every digest; but not sign.
    with sqlite3.connect("inventory.db") as connection:
        connection.executescript(
            "DROP TRIGGER internal_signatures_no_delete; DELETE FROM internal_signatures WHERE snapshot_id = 2"
        )
    connection.close()
    assert inventory("verify").returncode == 0
    assert "not signed" in failed(inventory, "--public-key", "public.pem")
    assert inventory("verify", "--public-key", "nowhere.pem").returncode == 64


def failed(inventory: Command, *options: str) -> str:
    done = inventory("verify", *options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_a_bundle_is_checked_offline(inventory: Command, tmp_path: Path, database: str) -> None:
    configured(tmp_path)
    if database.startswith("postgresql"):
        assert inventory("--database", database, "db", "upgrade").returncode == 0
    assert inventory("--config", "c.yaml", "--database", database, "export").returncode == 0
    rows = json.loads(inventory("--database", database, "snapshots", "--json").stdout)["snapshots"]
    for ref, row in (("1", rows[0]), ("latest", rows[1])):
        done = inventory("--database", database, "bundle", ref, "--out", f"{ref}.zip")
        assert done.returncode == 0, done.stderr
        assert row["digest"] in done.stdout
        checked = json.loads(
            inventory("verify", "--bundle", f"{ref}.zip", "--public-key", "public.pem", "--json").stdout
        )
        assert (checked["problems"], checked["digest"], checked["jobs"]) == ([], row["digest"], row["jobs"])
        assert inventory("verify", "--bundle", f"{ref}.zip", "--expect", row["digest"]).returncode == 0
    assert "not the expected" in failed(inventory, "--bundle", "1.zip", "--expect", rows[1]["digest"])
    assert inventory("--database", database, "bundle", "1", "--out", "1.zip").returncode == 1
    assert inventory("--database", database, "bundle", "99", "--out", "99.zip").returncode == 1
    assert not (tmp_path / "99.zip").exists()
    with zipfile.ZipFile("latest.zip") as bundle:
        by_hand(bundle, rows[1]["digest"])
        assert b"<script" in bundle.read("diff.html")


def by_hand(bundle: zipfile.ZipFile, expected: str) -> None:
    """Follow the bundle's own README with nothing of the package."""

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    manifest = json.loads(bundle.read("manifest.json"))
    assert {n: hashlib.sha256(bundle.read(n)).hexdigest() for n in manifest["files"]} == manifest["files"]
    jobs: dict[str, list[str]] = {}
    for name in manifest["files"]:
        for line in bundle.read(name).decode().splitlines() if name.startswith("tables/") else ():
            key = json.loads(line)["key"]
            jobs.setdefault(key["id"] if name == "tables/jobs.jsonl" else key["job_id"], []).append(sha(line))
    lines = [f"{job}\t{sha(''.join(f'{d}{chr(10)}' for d in sorted(rows)))}\n" for job, rows in sorted(jobs.items())]
    chain = [json.loads(line) for line in bundle.read("chain.jsonl").decode().splitlines()]
    assert sha("".join(lines)) == chain[-1]["content_digest"]
    previous = ""
    for link in chain:
        assert link["digest"] == sha(f"{previous}\n{link['content_digest']}\n{sha(link['row'])}\n")
        previous = link["digest"]
    assert previous == expected == manifest["digest"]


def test_an_altered_bundle_is_found(inventory: Command, tmp_path: Path) -> None:
    seal = VerifyKey(configured(tmp_path))
    assert inventory("--config", "c.yaml", "export").returncode == 0
    assert inventory("bundle", "latest", "--out", "b.zip").returncode == 0
    assert check(tmp_path / "b.zip", [seal]).problems == []
    with zipfile.ZipFile("b.zip") as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    for name, content in files.items():
        altered = content.replace(b"1", b"2", 1) if b"1" in content else content + b"x"
        assert is_refused(tmp_path, {**files, name: altered}, seal), name
        assert is_refused(tmp_path, {each: content for each, content in files.items() if each != name}, seal), name
    whole = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[: len(whole) // 2])
    done = inventory("verify", "--bundle", "b.zip")
    assert (done.returncode, "not a complete bundle" in done.stderr) == (1, True)


def test_a_bundle_that_unpacks_to_too_much_is_refused_with_little_memory(inventory: Command, tmp_path: Path) -> None:
    configured(tmp_path)
    assert inventory("--config", "c.yaml", "export").returncode == 0
    assert inventory("bundle", "latest", "--out", "b.zip").returncode == 0
    with zipfile.ZipFile("b.zip") as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    for name in ("manifest.json", "tables/jobs.jsonl"):
        with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
            for each, content in files.items():
                bundle.writestr(each, content if each != name else b" " * (3 * LONGEST))
        tracemalloc.start()
        try:
            with pytest.raises(InventoryError, match="not a complete bundle"):
                check(tmp_path / "bomb.zip")
            assert tracemalloc.get_traced_memory()[1] < 2.5 * LONGEST
        finally:
            tracemalloc.stop()


def is_refused(folder: Path, files: dict[str, bytes], seal: VerifyKey) -> bool:
    with zipfile.ZipFile(folder / "altered.zip", "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    try:
        return bool(check(folder / "altered.zip", [seal]).problems)
    except InventoryError:
        return True
