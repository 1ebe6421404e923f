"""The probe's script for real: in three shells, with one set of tools after the other.

A network namespace of its own has a resolver, a web server over IPv4 and IPv6, and nothing else.
Certificates are known to curl, Python and Node; GNU's wget has a list of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, Sequence

import pytest
import trustme

from container_net import probes
from container_net.machine import CommandResult

HERE = Path(__file__).parent
HOST = "api.lab.test"
ONLY_IPV4 = "old.lab.test"
NS = r"""
set -e
ip link set lo up
mount --bind "$1/resolv.conf" /etc/resolv.conf
dnsmasq --no-daemon --no-resolv --no-hosts --listen-address=127.0.0.1 --bind-interfaces \
    --address="/$2/127.0.0.1" --address="/$2/::1" \
    --address="/$5/127.0.0.1" --log-facility=/dev/null &
"$3" "$4" "$1/cert.pem" 127.0.0.1 ::1 &
wait
"""
ROWS = ("tcp", "dns-gateway", "dns-public", "dns-own", "https4", "https6", "mtu")
NONE = dict.fromkeys(ROWS, "none")
LOOKED_UP = {"dns-gateway": "ok", "dns-public": "ok", "dns-own": "ok"}
FETCHED = {"https4": "ok", "https6": "ok"}

# Tools, and what they measure; `busybox:NAME` is that applet.
SETS: Dict[str, Dict[str, str]] = {
    "": {},
    "curl": {"tcp": "ok", **FETCHED},
    "python3": {"tcp": "ok", **LOOKED_UP, **FETCHED},
    "node": {"tcp": "ok", **LOOKED_UP, **FETCHED},
    "perl": {"tcp": "ok"},
    "bash timeout": {"tcp": "ok"},
    "getent": {"dns-own": "ok"},
    "ping": {"mtu": "ok"},
    "wget": {"https4": "failed", "https6": "failed"},
    "busybox:wget busybox:nc busybox:nslookup busybox:ping busybox:timeout": {
        "tcp": "ok",
        **LOOKED_UP,
        # Debian's busybox has no TLS of its own.
        "https4": "none",
    },
}


@pytest.fixture(scope="module")
def place(able: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A namespace with its servers; ends with the module."""
    folder = tmp_path_factory.mktemp("probe")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = ca.issue_cert(HOST, ONLY_IPV4)
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "cert.pem"))
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    words = ["unshare", "-n", "-m", "-p", "--fork", "--kill-child", "sh", "-c", NS, "sh"]
    words += [str(folder), HOST, sys.executable, str(HERE / "serve.py"), ONLY_IPV4]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == "ready\n"
        held.folder = folder  # type: ignore[attr-defined]
        yield held
        held.kill()


def ask(
    place: subprocess.Popen[str],
    folder: Path,
    shell: Sequence[str],
    tools: str,
    *,
    address: str = "127.0.0.1",
    host: str = HOST,
) -> probes.Guest:
    """The table of the script, with no other tools on the PATH; skips where one is not here."""
    for tool in tools.split():
        program, _colon, applet = tool.partition(":")
        found = shutil.which(program, path="/usr/bin:/bin")
        found = sys.executable if program == "python3" else found
        if found is None:
            pytest.skip(f"{program} is not installed")
        (folder / (applet or program)).symlink_to(found)
    ca = str(place.folder / "ca.pem")  # type: ignore[attr-defined]
    env = {"PATH": str(folder), "SSL_CERT_FILE": ca, "NODE_EXTRA_CA_CERTS": ca}
    script = ["-c", probes.SCRIPT, "probe", address, address, "443", address, host]
    inside = ["nsenter", "-t", str(place.pid), "-n", "-m", *shell, *script, f"https://{host}/"]
    inside[0] = shutil.which("nsenter") or "nsenter"
    done = subprocess.run(inside, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return probes.guest_table(CommandResult("sh", done.returncode, done.stdout))


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
@pytest.mark.parametrize("tools", list(SETS))
def test_each_tool_measures_what_it_can(
    place: subprocess.Popen[str], tmp_path: Path, shell: str, tools: str
) -> None:
    program, *more = shell.split()
    found = shutil.which(program, path="/usr/bin:/bin")
    if found is None:
        pytest.skip(f"{program} is not installed")
    guest = ask(place, tmp_path, [found, *more], tools)
    assert {name: guest.state(name) for name in ROWS} == {**NONE, **SETS[tools]}
    details = {guest.rows[name].detail for name in ROWS[4:6] if guest.state(name) != "none"}
    # Over IPv6 as over IPv4, by whatever tool: the status, or that the certificate is not trusted.
    assert details <= ({"60"} if tools == "wget" else {"404"})
    assert guest.rows["resolver"].detail == "127.0.0.1"


@pytest.mark.parametrize("tools", [tools for tools in SETS if tools and tools != "ping"])
def test_where_nobody_answers_the_same_rows_fail(
    place: subprocess.Popen[str], tmp_path: Path, tools: str
) -> None:
    guest = ask(place, tmp_path, ["/bin/sh"], tools, address="127.0.0.9", host="nobody.lab.test")
    measured = [name for name, state in SETS[tools].items() if state != "none"]
    assert [guest.state(name) for name in measured] == ["failed"] * len(measured)
    for name in ("https4", "https6"):
        if name in measured:
            # curl's code for a name that does not resolve.
            assert guest.rows[name].detail == "6"


@pytest.mark.parametrize("tools", ["curl", "python3", "node"])
def test_ipv4_and_ipv6_are_told_apart(
    place: subprocess.Popen[str], tmp_path: Path, tools: str
) -> None:
    guest = ask(place, tmp_path, ["/bin/sh"], tools, host=ONLY_IPV4)
    assert (guest.state("https4"), guest.state("https6")) == ("ok", "failed")


def alpine(root: Path) -> None:
    """A user land as Alpine's: busybox, its applets, the libraries that it needs, and no more."""
    busybox = shutil.which("busybox", path="/usr/bin:/bin")
    if busybox is None:
        pytest.skip("busybox is not installed")
    listed = subprocess.run(["ldd", busybox], capture_output=True, text=True, check=False).stdout
    for file in [busybox, *re.findall(r"/\S+", listed), "/lib/x86_64-linux-gnu/libnss_dns.so.2"]:
        if os.path.exists(file):
            (root / file[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, root / file[1:])
    for folder in ("bin", "etc", "dev"):
        (root / folder).mkdir(exist_ok=True)
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for applet in applets.stdout.split():
        if not (root / "bin" / applet).exists():
            (root / "bin" / applet).symlink_to(busybox)
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    (root / "dev/null").touch()


def test_a_whole_user_land_of_busybox(place: subprocess.Popen[str], tmp_path: Path) -> None:
    alpine(tmp_path)
    within = [
        "nsenter",
        "-t",
        str(place.pid),
        "-n",
        shutil.which("chroot", path="/usr/sbin:/usr/bin") or "chroot",
        str(tmp_path),
        "/bin/sh",
        "-c",
    ]
    words = [probes.SCRIPT, "probe", "127.0.0.1", "127.0.0.1", "443", "127.0.0.1", HOST]
    done = subprocess.run(
        [*within, *words, f"https://{HOST}/"],
        env={"PATH": "/bin"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    guest = probes.guest_table(CommandResult("sh", done.returncode, done.stdout))
    assert {name: guest.state(name) for name in ROWS} == {
        **NONE, "tcp": "ok", **LOOKED_UP, "https4": "none", "https6": "none",
    }  # fmt: skip
    assert guest.state("gateway") == "ok"


def test_a_whole_user_land_of_debian(place: subprocess.Popen[str]) -> None:
    """This machine's own, with everything on its PATH."""
    ca = str(place.folder / "ca.pem")  # type: ignore[attr-defined]
    env = {"PATH": "/usr/bin:/bin", "CURL_CA_BUNDLE": ca, "SSL_CERT_FILE": ca}
    words = ["nsenter", "-t", str(place.pid), "-n", "-m", "sh", "-c", probes.SCRIPT, "probe"]
    words += ["127.0.0.1", "127.0.0.1", "443", "127.0.0.1", HOST, f"https://{HOST}/"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    guest = probes.guest_table(CommandResult("sh", done.returncode, done.stdout))
    assert {name for name in ROWS if guest.state(name) == "failed"} == set()
    assert {name: guest.state(name) for name in ("tcp", *FETCHED)} == {"tcp": "ok", **FETCHED}


def test_a_small_mtu_is_found(place: subprocess.Popen[str], tmp_path: Path) -> None:
    within = ["nsenter", "-t", str(place.pid), "-n", "ip", "link", "set", "lo", "mtu"]
    subprocess.run([*within, "1450"], check=True, timeout=10)
    try:
        guest = ask(place, tmp_path, ["/bin/sh"], "ping")
    finally:
        subprocess.run([*within, "65536"], check=True, timeout=10)
    assert (guest.state("mtu"), guest.rows["mtu"].detail) == ("ok", "1400")


def test_proxies_are_named_and_never_shown(tmp_path: Path) -> None:
    secret = "http://user:secret@proxy.lab.test:3128"
    env = {"PATH": str(tmp_path), "https_proxy": secret, "ALL_PROXY": secret, "HTTP_PROXY": ""}
    words = ["/bin/sh", "-c", probes.SCRIPT, "probe", *["127.0.0.1"] * 6]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=30, check=False)
    guest = probes.guest_table(CommandResult("sh", done.returncode, done.stdout))
    assert guest.rows["proxy"].detail == "https_proxy:ALL_PROXY"
    assert "secret" not in done.stdout
    assert os.listdir(tmp_path) == []
