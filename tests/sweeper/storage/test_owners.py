import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.storage import owners
from sweeper.storage.owners import is_gone, new_owner


def test_a_process_that_lives_is_not_gone_and_its_name_fits_the_column() -> None:
    assert not is_gone(new_owner())
    assert len(new_owner()) <= 64
    assert len(f"{'h' * 18}:4194304:{'r' * 12}:{10**12}:{'n' * 8}") <= 64
    assert new_owner() != new_owner()


def test_a_process_that_ended_is_gone() -> None:
    code = "from sweeper.storage.owners import new_owner; print(new_owner())"
    owner = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert is_gone(owner.strip())


def test_the_same_number_in_another_container_is_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of another namespace may live although its number is nobody's here."""
    theirs = proc(tmp_path / "theirs", "a boot", "pid:[4026532001]")
    monkeypatch.setattr(owners, "PROC", theirs)
    name = f"host:999999999:{owners._realm()}:17:abc"
    assert is_gone(name)
    monkeypatch.setattr(owners, "PROC", proc(tmp_path / "ours", "a boot", "pid:[4026531836]"))
    assert not is_gone(name)
    monkeypatch.setattr(owners, "PROC", proc(tmp_path / "later", "next boot", "pid:[4026532001]"))
    assert not is_gone(name)


def test_a_number_that_is_used_again_is_another_process() -> None:
    host, pid, realm, begun, nonce = new_owner().split(":")
    assert int(pid) == os.getpid()
    if begun != owners.UNKNOWN:
        assert is_gone(f"{host}:{pid}:{realm}:{int(begun) - 1}:{nonce}")


@pytest.mark.parametrize("name", ["", "host:12:abc", "a:b:c:d:e"])
def test_a_name_of_another_making_is_waited_for(name: str) -> None:
    assert not is_gone(name)


def proc(folder: Path, boot: str, namespace: str) -> Path:
    (folder / "sys/kernel/random").mkdir(parents=True)
    (folder / "sys/kernel/random/boot_id").write_text(f"{boot}\n")
    (folder / "self/ns").mkdir(parents=True)
    (folder / "self/ns/pid").symlink_to(namespace)
    return folder
