"""From any starting state: plan and apply leave nothing to plan, and teardown gives it all back."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim.few import few_uplinks  # noqa: F401 - a fixture
from sim.support import ANCHOR, SlowMac, changed, picture, run, tokens

from simmac import Mac, build

pytestmark = pytest.mark.usefixtures("few_uplinks")
EXAMPLES = 20
modest = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Mac:
    return SlowMac(build(tmp_path_factory.mktemp("properties") / "base", "idle").path)


# -- any Mac


PF_LINES = st.lists(
    st.sampled_from(
        [
            "# a comment of theirs",
            "",
            "pass quick on lo0 all",
            "block in quick proto tcp to port 23",
            'anchor "theirs/*"',
            "pass in \\\n  on en0",
            "# >>> somebody else's block >>>",
        ]
    ),
    max_size=4,
)
SYSCTL_CONFS = st.none() | st.sampled_from(
    [
        "",
        "kern.maxfiles=65536\n",
        "kern.maxfiles=65536",
        "net.inet.ip.forwarding=0\n# theirs\n",
        "a=1\r\nb=2\r\n",
        "\n\n  # indented\n",
    ]
)
NETWORKS = st.lists(
    st.tuples(
        st.sampled_from(["192.168.70.0/24", "10.40.0.0/16", "172.20.5.0/24"]),
        st.sampled_from(["nat", "hostOnly"]),
        st.booleans(),
    ),
    max_size=2,
    unique_by=lambda row: row[0],
)
UPLINKS = st.sampled_from(
    ["wifi", "dock", "vpn", "split vpn", "vpn without address", "none", "two ports"]
)
MACS = st.fixed_dictionaries(
    {
        "vmnet": st.booleans(),
        "container": st.booleans(),
        "generation": st.sampled_from([1, 7, 12]),
        "networks": NETWORKS,
        "uplink": UPLINKS,
        "forwarding": st.sampled_from(["0", "1"]),
        "tokens": st.lists(st.sampled_from(["socketfilterfw", "pfctl", "some tool"]), max_size=2),
        "disabled": st.booleans(),
        "foreign_anchor": st.booleans(),
        "pf_lines": PF_LINES,
        "newline": st.booleans(),
        "reloaded": st.booleans(),
        "sysctl_conf": SYSCTL_CONFS,
    }
)


def lay(base: Mac, made: Dict[str, Any], place: Path) -> SlowMac:
    """A Mac in that starting state."""
    mac = SlowMac(base.snapshot(place).path)
    mac.vmnet_nat(made["vmnet"])
    mac.container_generation(made["generation"])
    uplinks: Dict[str, Callable[[], object]] = {
        "wifi": mac.wifi,
        "dock": mac.dock,
        "vpn": mac.vpn_on,
        "split vpn": lambda: mac.vpn_on(full=False),
        "vpn without address": lambda: mac.vpn_on(address=None),
        "none": mac.unplug,
        "two ports": lambda: mac.add_interface("en7", "10.3.0.5", 24, "USB", gateway="10.3.0.1"),
    }
    if made["container"]:
        mac.start_container()
    uplinks[made["uplink"]]()
    for number, (cidr, mode, running) in enumerate(made["networks"]):
        mac.add_network(f"net{number}", cidr, mode)
        if running:
            mac.start_container(f"c{number}", network=f"net{number}")
    text = (mac.path / "private/etc/pf.conf").read_text()
    text += "".join(line + "\n" for line in made["pf_lines"])
    if not made["newline"]:
        mac.lenient_newline()
        text = text.rstrip("\n")
    (mac.path / "private/etc/pf.conf").write_text(text)
    if made["sysctl_conf"] is not None:
        (mac.path / "private/etc/sysctl.conf").write_bytes(made["sysctl_conf"].encode())
    with mac.edit() as state:
        state["sysctl"]["net.inet.ip.forwarding"] = made["forwarding"]
    for name in made["tokens"]:
        mac.foreign_enable(name)
    if made["disabled"]:
        mac.foreign_disable()
    if made["reloaded"]:
        mac.reload_main()
    if made["foreign_anchor"]:
        rule = b"nat on en0 inet from 10.99.0.0/24 to any -> (en0:0)\npass all\n"
        mac.answer(["/sbin/pfctl", "-a", "com.apple/100.theirs", "-f", "-"], rule, root=True)
    return mac


def bridges(mac: Mac) -> List[str]:
    return [i["name"] for i in mac.state["interfaces"] if i["members"]]


def given_back(mac: Mac, before: Dict[str, Any]) -> None:
    """Everything as before; forwarding may stay 1 where a container network is up (promise 3)."""
    left = changed(before, picture(mac))
    allowed = ["sysctl net.inet.ip.forwarding: 0 -> 1"] if bridges(mac) else []
    assert left in ([], allowed), left


class Place:
    """A folder for one example, gone afterwards."""

    def __enter__(self) -> Path:
        self._folder = tempfile.mkdtemp(prefix="container-net-")
        return Path(self._folder) / "mac"

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)


@modest
@given(made=MACS, words=st.sampled_from([("--always",), ("--always", "--no-guard")]))
def test_setup_leaves_nothing_to_plan_and_teardown_gives_everything_back(
    base: Mac, made: Dict[str, Any], words: tuple[str, ...]
) -> None:
    with Place() as place:
        mac = lay(base, made, place)
        before = picture(mac)
        mine = tokens(mac)
        ran = run(mac, "net.setup", *words)
        assert ran.code == 0, ran
        assert run(mac, "net.plan", *words, "--json").changes == []
        assert len(tokens(mac)) == len(mine) + 1
        working = picture(mac)
        assert run(mac, "net.setup", *words).code == 0
        assert changed(working, picture(mac)) == []
        if (
            bridges(mac)
            and made["container"]
            and made["uplink"]
            not in (
                "none",
                "vpn without address",
            )
        ):
            assert mac.egress() == "ok"
        assert run(mac, "net.teardown").code == 0
        given_back(mac, before)
        assert run(mac, "net.plan", "--teardown", "--json").changes == []


@modest
@given(made=MACS)
def test_setup_without_always_does_no_harm(base: Mac, made: Dict[str, Any]) -> None:
    """Where a container got out it still does; where none did it does now."""
    with Place() as place:
        mac = lay(base, made, place)
        # The check that runs a container lets vmnet set forwarding.
        run(mac, "net.verify")
        before = picture(mac)
        worked: Optional[str] = mac.egress() if made["container"] else None
        ran = run(mac, "net.setup")
        assert ran.code == 0, ran
        if worked == "ok":
            assert mac.egress() == "ok"
        if made["container"] and made["uplink"] not in ("none", "vpn without address"):
            assert mac.egress() == "ok", worked
        assert run(mac, "net.plan", "--json").changes == []
        assert run(mac, "net.teardown").code == 0
        given_back(mac, before)


@modest
@given(
    made=MACS,
    words=st.sampled_from([(), ("--no-pf-conf",), ("--no-daemon",), ("--no-guard",)]),
    event=st.sampled_from(["none", "dock", "vpn", "network", "reload", "disable"]),
)
def test_persist_leaves_nothing_to_plan_and_teardown_gives_every_byte_back(
    base: Mac, made: Dict[str, Any], words: tuple[str, ...], event: str
) -> None:
    with Place() as place:
        mac = lay(base, made, place)
        before = picture(mac)
        ran = run(mac, "net.persist", "--always", *words)
        assert ran.code == 0, ran
        assert run(mac, "net.plan", "--persist", "--always", *words, "--json").changes == []
        checked = mac.answer(["/sbin/pfctl", "-n", "-f", "/etc/pf.conf"])
        assert checked.code == 0, checked
        kept = run(mac, "net.status", "--json").data["persistent"]
        assert set(kept.values()) <= {"ok", "absent"}
        if event == "network":
            mac.add_network("late", "192.168.99.0/24")
        elif event == "disable":
            mac.foreign_disable()
        elif event == "reload":
            mac.reload_main()
        elif event == "dock":
            mac.dock()
        elif event == "vpn":
            mac.vpn_on()
        if event != "none":
            ran = run(mac, "net.persist", "--always", *words)
            assert ran.code == 0, ran
            assert run(mac, "net.plan", "--persist", "--always", *words, "--json").changes == []
        assert run(mac, "net.teardown").code == 0
        after = picture(mac)
        assert after["files"] == before["files"] or event in ("dock", "vpn")
        assert mac.state["jobs"] == {}
        assert ANCHOR not in mac.state["pf"]["anchors"]
        if event == "none":
            given_back(mac, before)
