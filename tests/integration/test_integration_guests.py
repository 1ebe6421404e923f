"""The guests of a real Mac, as far as they can be tried without one."""

from __future__ import annotations

import ipaddress
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Callable, List, Sequence

import pytest
from integration import guests
from integration.guests import (
    BpfWire,
    Feth,
    FlushedShared,
    HelperGuest,
    SimShared,
    SmallLinux,
    Unsuited,
    mac_guests,
)
from integration.host import Evidence, Host, Said, SimHost

SUBNET = "192.168.200.0/24"
Asked = Callable[[Sequence[str]], Said]


class Scripted(Host):
    """A host whose programs are a function; kill is the real one."""

    name = "scripted"

    def __init__(self, answer: Asked) -> None:
        super().__init__(Evidence())
        self.answer = answer

    def _ask(self, argv: Sequence[str], root: bool, stdin: str) -> Said:
        if argv[0] == "/bin/kill":
            done = subprocess.run(list(argv), capture_output=True, check=False)
            return Said(argv, root, done.returncode, "", "")
        return self.answer(argv)


def silent(argv: Sequence[str]) -> Said:
    return Said(argv, True, 0, "", "")


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A vmnet-helper of ours, and the file that switches the internet on."""
    program = tmp_path / "vmnet-helper"
    fake = Path(__file__).with_name("fake_helper.py")
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("CONTAINER_NET_VMNET_HELPER", str(program))
    monkeypatch.setenv("FAKE_INTERNET", str(tmp_path / "internet"))
    monkeypatch.setattr(guests, "PUBLIC", ("198.51.100.10",))
    # Where sudo would stand: what is started is this user's own anyway.
    monkeypatch.setattr(guests, "SUDO", ("/usr/bin/env",))
    return tmp_path / "internet"


@pytest.mark.parametrize("macos", [26, 15])
def test_vmnet_helper_is_played_over_a_descriptor_and_over_a_socket(
    helper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, macos: int
) -> None:
    monkeypatch.setattr(guests, "_macos", lambda: macos)
    guest = HelperGuest(Scripted(silent), SUBNET, tmp_path / "logs", ("tcp",))
    for _ in range(2):
        with guest.up():
            process = guest._process
            assert process is not None
            assert guest.gateway() == {"arp": True, "icmp": True}
            assert guest.internet() == {"tcp": False}
            helper.touch()
            assert guest.internet() == {"tcp": True}
            helper.unlink()
        assert process.poll() is not None
    said = (tmp_path / "logs" / "vmnet-helper-host.log").read_text()
    assert ("--fd=" in said, "--socket=" in said) == (macos == 26, macos == 15)
    assert "--operation-mode=host --start-address=192.168.200.1" in said
    assert "--end-address=192.168.200.254 --subnet-mask=255.255.255.0" in said


def test_a_helper_that_ends_at_once_is_unsuited_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "vmnet-helper"
    program.write_text("#!/bin/sh\necho 'ERROR vmnet_start_interface: failed (1001)' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("CONTAINER_NET_VMNET_HELPER", str(program))
    monkeypatch.setattr(guests, "_macos", lambda: 26)
    guest = HelperGuest(Scripted(silent), SUBNET, tmp_path / "logs", ("tcp",))
    with pytest.raises(Unsuited, match=r"failed \(1001\)"):
        guest.open()
    assert guest._process is None
    monkeypatch.setenv("CONTAINER_NET_VMNET_HELPER", "/nonexistent")
    with pytest.raises(Unsuited, match="not installed"):
        guest.open()


# -- shared mode, its rules flushed


ANCHOR = ("/sbin/pfctl", "-a", FlushedShared.anchor, "-s", "nat")


@pytest.fixture
def sharing(sim: SimHost, helper: Path, monkeypatch: pytest.MonkeyPatch) -> SimHost:
    """A Mac on which an interface in shared mode makes vmnet translate."""
    monkeypatch.setattr(guests, "_macos", lambda: 26)
    shared, opened, closed = SimShared(sim), HelperGuest.open, HelperGuest.close

    def opens(guest: HelperGuest) -> None:
        shared.open()
        opened(guest)

    def closes(guest: HelperGuest) -> None:
        closed(guest)
        shared.close()

    monkeypatch.setattr(HelperGuest, "open", opens)
    monkeypatch.setattr(HelperGuest, "close", closes)
    return sim


@pytest.mark.parametrize("manner", ["prompt", "ticket"])
def test_vmnets_rules_are_flushed_and_looked_at_again_and_nothing_is_loaded(
    sharing: SimHost, tmp_path: Path, manner: str
) -> None:
    sharing.mac.vmnet_manner(manner)
    guest = FlushedShared(sharing, SUBNET, tmp_path / "logs", ("tcp",))
    with guest.up():
        assert sharing.ask(*ANCHOR, root=True).out == ""
        assert sharing.mac.egress("192.168.201.0/24") == "not translated"
        # vmnet writes them again, as after a change of network.
        sharing.mac.dock()
        assert "extfilter ei" in sharing.ask(*ANCHOR, root=True).out
        assert guest.internet() == {"tcp": False}
        assert sharing.ask(*ANCHOR, root=True).out == ""
    assert not any("-f" in said.argv for said in sharing.evidence.said)
    assert any("wrote its rules again" in note for note in sharing.evidence.notes)
    with guest.up():
        pass


def test_where_others_share_their_rules_are_not_flushed(sharing: SimHost, tmp_path: Path) -> None:
    sharing.mac.add_network("others", "192.168.70.0/24")
    sharing.mac.start_container("others", "others")
    before = sharing.ask(*ANCHOR, root=True).out
    with pytest.raises(Unsuited, match="others use"):
        FlushedShared(sharing, SUBNET, tmp_path / "logs", ("tcp",)).open()
    assert sharing.ask(*ANCHOR, root=True).out == before != ""


def test_without_rules_of_vmnets_there_is_nothing_to_flush(
    sim: SimHost, helper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "_macos", lambda: 26)
    guest = FlushedShared(sim, SUBNET, tmp_path / "logs", ("tcp",))
    with pytest.raises(Unsuited, match="nothing to flush"):
        guest.open()


# -- a feth pair


def test_a_read_of_bpf_is_taken_apart_into_frames() -> None:
    frames = [b"a" * 60, b"b" * 61, b"c" * 64]
    data = b""
    for frame in frames:
        head = struct.pack("=IIIIH", 1, 2, len(frame), len(frame), 20) + b"\0\0"
        data += head + frame + b"\0" * (-(len(head) + len(frame)) % 4)
    assert list(BpfWire.frames(data)) == frames
    # A record cut off, or one that makes no sense, ends it.
    assert list(BpfWire.frames(data[:-40])) == frames[:2]
    assert list(BpfWire.frames(b"\xff" * 64)) == []
    assert list(BpfWire.frames(b"")) == []


def test_a_feth_pair_is_taken_down_where_it_cannot_be_brought_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there: List[str] = []
    asked: List[str] = []

    def ifconfig(argv: Sequence[str]) -> Said:
        asked.append(" ".join(argv[1:]))
        if argv[2:3] == ["create"]:
            there.append(argv[1])
        elif argv[2:3] == ["destroy"]:
            there.remove(argv[1])
        out = "".join(f"{name}: flags=8863<UP> mtu 1500\n" for name in there)
        return Said(argv, True, int(argv[2:3] == ["addm"]), out if argv[1] == "-a" else "", "no")

    monkeypatch.setattr(os, "access", lambda *_: True)
    host = Scripted(lambda argv: ifconfig(list(argv)))
    with pytest.raises(Unsuited, match="addm"):
        Feth(host, SUBNET, ("tcp",)).open()
    assert there == []
    # The peer never gets an address: the kernel would answer for the guest.
    assert not any(re.match(r"feth4201 .*inet", line) for line in asked)


def test_without_bpf_there_is_no_feth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Unsuited, match="bpf"):
        Feth(Scripted(silent), SUBNET, ("tcp",)).open()


# -- the others


def test_the_guests_of_a_mac_come_in_their_order(tmp_path: Path) -> None:
    found = mac_guests(Scripted(silent), tmp_path, ("tcp",))
    assert [type(guest) for guest in found] == [SmallLinux, HelperGuest, FlushedShared, Feth]
    inside = ipaddress.IPv4Network(SUBNET)
    for guest in found:
        assert ipaddress.IPv4Address(guest.address) in inside
        assert guest.address not in (guest.gateway_address, guest.last_address)


def test_an_emulated_linux_is_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = SmallLinux(Scripted(silent), SUBNET, tmp_path)
    monkeypatch.delenv("CONTAINER_NET_LINUX", raising=False)
    with pytest.raises(Unsuited, match="CONTAINER_NET_LINUX"):
        guest.open()
    monkeypatch.setenv("CONTAINER_NET_LINUX", str(tmp_path))
    (tmp_path / "linux").touch()
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(Unsuited, match="QEMU"):
        guest.open()


QEMU = """\
import os, sys
fd = next(w for w in sys.argv if w.startswith("dgram")).rpartition("=")[2]
os.fstat(int(fd))
sys.stdout.write("booting\\n")
sys.stdout.flush()
if os.path.exists("{folder}/hangs"):
    sys.stdin.read()
    sys.exit()
print("\\r\\ncn-answer 0\\r", flush=True)
for line in sys.stdin:
    there = line.startswith("ping") or os.path.exists("{folder}/internet")
    said = "Connecting to it... connected." if there else "failed: Connection timed out."
    print(said + "\\r\\n\\r\\ncn-answer " + str(int(not there)) + "\\r", flush=True)
"""


def test_an_emulated_linux_is_asked_over_its_console(
    helper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a program of ours in QEMU's place; the real one is tried where there is a kernel."""
    monkeypatch.setattr(guests, "_macos", lambda: 26)
    (tmp_path / "images").mkdir()
    for name in ("linux", "initrd.gz"):
        (tmp_path / "images" / name).write_bytes(b"odd")
    program = tmp_path / "qemu-system-aarch64"
    (tmp_path / "qemu.py").write_text(QEMU.replace("{folder}", str(tmp_path)))
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path}/qemu.py" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("CONTAINER_NET_LINUX", str(tmp_path / "images"))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    guest = SmallLinux(Scripted(silent), SUBNET, tmp_path / "logs")
    with guest.up():
        process = guest._qemu
        assert guest.gateway() == {"icmp": True}
        assert guest.internet() == {"tcp": False}
        helper.touch()
        assert guest.internet() == {"tcp": True}
    assert process is not None
    assert process.poll() is not None
    made = (tmp_path / "logs" / "initrd").read_bytes()
    assert made.startswith(b"odd\0" + b"070701")
    assert len(made) % 4 == 0
    (tmp_path / "hangs").touch()
    monkeypatch.setattr(guest, "BOOT", 1.0)
    with pytest.raises(Unsuited, match="did not come up within 1 s"):
        guest.open()
    assert guest._process is None


@pytest.mark.timeout(400)
@pytest.mark.skipif(
    "CONTAINER_NET_LINUX" not in os.environ or sys.platform == "darwin",
    reason="no kernel for it here, or a Mac, on which the story tries it",
)
def test_a_real_linux_is_emulated(
    helper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "_macos", lambda: 26)
    guest = SmallLinux(Scripted(silent), SUBNET, tmp_path / "logs")
    with guest.up():
        assert guest.gateway() == {"icmp": True}
        assert guest.internet() == {"tcp": False}
        helper.touch()
        assert guest.internet() == {"tcp": True}
