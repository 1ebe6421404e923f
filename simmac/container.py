"""The `container` command in its three generations (container.md, 1).

Generation 7 is 0.7 and before, 12 is 0.8 to 0.12, 1 is 1.0 and after.
"""

from __future__ import annotations

import json
import os

from . import carrier, net, packets, vmnet
from .pfctl import load_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from .world import Call, World

__all__ = [
    "GENERATIONS",
    "KERNEL",
    "container",
    "dns_create",
    "dns_delete",
    "dump",
    "run_start",
    "run_stop",
]

# A version that stands for each generation.
GENERATIONS = {7: "0.7.1", 12: "0.12.3", 1: "1.2.2"}
COMMIT = "5d1c0ae"
KERNEL = "/Users/dev/Library/Application Support/com.apple.container/kernels/default.kernel-arm64"
NOT_RUNNING = (
    'Error: interrupted: "XPC connection error: Connection invalid"\n'
    "Ensure container system service has been started with `container system start`."
)
CURL_SAYS = {
    6: "Could not resolve host: {host}",
    7: "Failed to connect to {host} port 443 after 3 ms: Could not connect to server",
    28: "Connection timed out after 5001 milliseconds",
    35: "TLS connect error: error:00000000:lib(0)::reason(0)",
    60: "SSL certificate problem: unable to get local issuer certificate",
}


def container(call: Call) -> int:
    """Dispatch by the words of the subcommand."""
    words = call.argv[1:]
    if words[:1] == ["--version"]:
        call.looked = True
        version = call.state["container"]["version"]
        call.say(f"container CLI version {version} (build: release, commit: {COMMIT})")
        return 0
    for length in (3, 2, 1):
        handler = COMMANDS.get(" ".join(words[:length]))
        if handler is not None and len(words) >= length:
            call.looked = handler in LOOKING
            return handler(call, words[length:])
    raise call.fail(f"Error: Unexpected argument '{words[0] if words else ''}'", 64)


def _generation(call: Call) -> int:
    return int(call.state["container"]["generation"])


def dump(value: Any) -> str:
    """JSON as Swift writes it: no blanks, and a backslash before every slash."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("/", "\\/")


def _json(words: List[str]) -> bool:
    return "json" in words or "--format=json" in words


def _service(call: Call) -> str:
    # Services live in the user's launchd domain: root sees none (fault F38).
    return "unregistered" if call.root else str(call.state["container"]["service"])


def _must_run(call: Call) -> None:
    if _service(call) != "running":
        raise call.fail(NOT_RUNNING)


# -- system


def _version_tuple(call: Call) -> Tuple[int, ...]:
    return tuple(int(part) for part in str(call.state["container"]["version"]).split("."))


def _system_status(call: Call, words: List[str]) -> int:
    service = _service(call)
    if words and _version_tuple(call) < (0, 10):
        call.warn(f"Error: Unknown option '{words[0]}'")
        raise call.fail("Usage: container system status [--prefix <prefix>]", 64)
    if _json(words):
        call.say(dump(_status(call, service)))
    elif service == "running":
        call.say("apiserver is running")
    elif service == "unregistered":
        call.say("apiserver is not running and not registered with launchd")
    else:
        call.say("apiserver is not running")
    return 0 if service == "running" else 1


def _status(call: Call, service: str) -> Dict[str, str]:
    version = call.state["container"]["version"]
    running = service == "running"
    return {
        "status": service,
        "appRoot": f"/Users/{call.user}/Library/Application Support/com.apple.container/"
        if running
        else "",
        "installRoot": "/usr/local/" if running else "",
        "apiServerVersion": f"container-apiserver version {version}" if running else "",
        "apiServerCommit": COMMIT if running else "",
        "apiServerBuild": "release" if running else "",
        "apiServerAppName": "container-apiserver" if running else "",
    }


def _kernel_set(call: Call, words: List[str]) -> int:
    """`system kernel set --recommended`, which downloads one."""
    _must_run(call)
    if "--recommended" not in words:
        raise call.fail("Error: Missing expected argument '--binary' or '--recommended'", 64)
    call.warn("Installing the recommended kernel from https://kernel.example.test/kata.tar.zst...")
    _write(call.world, KERNEL, "")
    return 0


def _needs_kernel(call: Call) -> None:
    if not os.path.lexists(call.world.host(KERNEL)):
        why = "default kernel not configured for architecture arm64, please use the "
        why += "`container system kernel set` command to configure it"
        raise call.fail(f'Error: notFound: "{why}"')


def _system_logs(call: Call, _words: List[str]) -> int:
    for line in call.state["container"]["logs"]:
        call.say(line)
    return 0


def _system_start(call: Call, _words: List[str]) -> int:
    if call.root:
        raise call.fail("Error: cannot start container services as root")
    call.state["container"]["service"] = "running"
    call.world.effect()
    return 0


def _system_stop(call: Call, _words: List[str]) -> int:
    for item in list(call.state["container"]["containers"]):
        run_stop(call.world, item["id"])
    call.state["container"]["service"] = "unregistered"
    call.world.effect()
    return 0


def _system_version(call: Call, words: List[str]) -> int:
    version = call.state["container"]["version"]
    rows = [{"appName": "container", "version": version, "buildType": "release", "commit": COMMIT}]
    if _service(call) == "running":
        rows.append({**rows[0], "appName": "container-apiserver"})
    call.say(dump(rows) if _json(words) else f"container {version}")
    return 0


def _property_list(call: Call, words: List[str]) -> int:
    subnet = call.state["container"]["subnet"]
    if _generation(call) == 1:
        config: Dict[str, Any] = {"dns": {}, "network": {"subnet": subnet} if subnet else {}}
        call.say(dump(config) if _json(words) else "[dns]\n\n[network]")
        return 0
    row = {
        "id": "network.subnet",
        "type": "String",
        "value": subnet or "192.168.64.1/24",
        "description": "Default subnet for IPv4 allocation.",
    }
    call.say(dump([row]) if _json(words) else f"network.subnet={row['value']}")
    return 0


# -- networks and containers


def _networks(call: Call, words: List[str]) -> int:
    _must_run(call)
    items = call.state["container"]["networks"]
    if _json(words):
        call.say(dump([_network(call, item) for item in items]))
        return 0
    newest = _generation(call) == 1
    call.say("NETWORK  SUBNET" if newest else "NETWORK  STATE    SUBNET")
    for item in items:
        state = "" if newest else "running  "
        call.say(f"{item['id']:<7}  {state}{item['cidr']}")
    return 0


def _network(call: Call, item: Dict[str, Any]) -> Dict[str, Any]:
    first = vmnet.gateway(item)
    if _generation(call) == 7:
        return {
            "id": item["id"],
            "state": "running",
            "config": {"id": item["id"], "mode": item["mode"]},
            "status": {"address": item["cidr"], "gateway": first},
        }
    status = {"ipv4Subnet": item["cidr"], "ipv4Gateway": first, "ipv6Subnet": "fd5a:3c1e:77::/64"}
    if _generation(call) == 12:
        return {
            "id": item["id"],
            "state": "running",
            "config": {"id": item["id"], "mode": item["mode"], "labels": {}},
            "status": status,
        }
    labels = {"com.apple.container.resource.role": "builtin"} if item["id"] == "default" else {}
    return {
        "id": item["id"],
        "configuration": {
            "name": item["id"],
            "creationDate": 792158400,
            "mode": item["mode"],
            "labels": labels,
            "plugin": "container-network-vmnet",
            "options": {},
        },
        "status": status,
    }


def _network_inspect(call: Call, words: List[str]) -> int:
    _must_run(call)
    found = vmnet.network_of(call.state, words[0] if words else "")
    if found is None:
        raise call.fail(f"Error: network not found: {words[0] if words else ''}")
    call.say(json.dumps([_network(call, found)], indent=2).replace("/", "\\/"))
    return 0


def _list(call: Call, words: List[str]) -> int:
    _must_run(call)
    everything = "-a" in words or "--all" in words
    items = [i for i in call.state["container"]["containers"] if i["running"] or everything]
    if _json(words):
        call.say(dump([_container(call, item) for item in items]))
        return 0
    call.say("ID   IMAGE                   OS     ARCH   STATE    ADDR")
    for item in items:
        state = "running" if item["running"] else "stopped"
        call.say(f"{item['id']}  {item['image']}  linux  arm64  {state}  {item['address']}")
    return 0


def _container(call: Call, item: Dict[str, Any]) -> Dict[str, Any]:
    state = "running" if item["running"] else "stopped"
    configuration = {
        "id": item["id"],
        "image": {"reference": item["image"]},
        "networks": [{"network": item["network"], "options": {"hostname": item["id"]}}],
        "dns": {"nameservers": item.get("dns", []), "searchDomains": [], "options": []},
    }
    attached = _attachments(call, item) if item["running"] else []
    if _generation(call) == 1:
        status = {"state": state, "networks": attached, "startedDate": 792158400}
        return {"id": item["id"], "configuration": configuration, "status": status}
    return {"status": state, "configuration": configuration, "networks": attached}


def _attachments(call: Call, item: Dict[str, Any]) -> List[Dict[str, Any]]:
    network = vmnet.network_of(call.state, item["network"])
    if network is None:
        return []
    length = network["cidr"].split("/")[1]
    keys = ("address", "gateway") if _generation(call) == 7 else ("ipv4Address", "ipv4Gateway")
    row: Dict[str, Any] = {
        "network": item["network"],
        "hostname": item["id"],
        keys[0]: f"{item['address']}/{length}",
        keys[1]: vmnet.gateway(network),
    }
    if _generation(call) == 1:
        row.update({"macAddress": "f2:5d:08:31:9a:77", "mtu": item.get("mtu", 1280)})
        row["variant"] = "reserved"
    return [row]


def _inspect(call: Call, words: List[str]) -> int:
    _must_run(call)
    items = [i for i in call.state["container"]["containers"] if i["id"] in words]
    if not items:
        raise call.fail(f"Error: container not found: {words[0] if words else ''}")
    call.say(dump([_container(call, item) for item in items]))
    return 0


# -- images


def _image(call: Call, name: str) -> Optional[Dict[str, Any]]:
    wanted = {name, f"{name}:latest"}
    for item in call.state["container"]["images"]:
        if item["name"] in wanted:
            found: Dict[str, Any] = item
            return found
    return None


def _image_list(call: Call, words: List[str]) -> int:
    _must_run(call)
    items = call.state["container"]["images"]
    if _json(words):
        call.say(dump([{"reference": item["name"]} for item in items]))
        return 0
    call.say("NAME            TAG     DIGEST")
    for item in items:
        name, _, tag = item["name"].partition(":")
        call.say(f"{name}  {tag}  9f1c0e7a52d4")
    return 0


def _image_inspect(call: Call, words: List[str]) -> int:
    _must_run(call)
    name = words[0] if words else ""
    found = _image(call, name)
    if found is None:
        raise call.fail(f"Error: image not found: {name}")
    config = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", *found["env"]], "WorkingDir": "/"}
    variant = {
        "platform": {"os": "linux", "architecture": "arm64"},
        "config": {"os": "linux", "architecture": "arm64", "config": config},
        "size": 81234567,
    }
    call.say(dump([{"name": found["name"], "variants": [variant]}]))
    return 0


# -- run


VALUED = ("--entrypoint", "--network", "--name", "--dns", "-e", "--env", "-v", "--volume", "-p")


def _run(call: Call, words: List[str]) -> int:
    """`run [OPTIONS] IMAGE [ARGUMENTS]`: the container comes, does one thing, and goes."""
    _must_run(call)
    options, image, arguments = _run_words(call, words)
    found = _image(call, image)
    if found is None:
        raise call.fail(f"Error: image not found: {image}")
    network = vmnet.network_of(call.state, options.get("--network", "default").split(",")[0])
    if network is None:
        raise call.fail(f"Error: network not found: {options.get('--network')}")
    _needs_kernel(call)
    command = [options["--entrypoint"], *arguments] if "--entrypoint" in options else arguments
    world = call.world
    name = options.get("--name") or f"run-{world.next_pid()}"
    run_start(world, name, network["id"], found["name"])
    world.effect()
    if "-d" in words or "--detach" in words:
        call.say(name)
        return 0
    try:
        env = [*found["env"], *options.get("-e", "").split("\n")]
        return _guest(call, command, network, {**found, "env": env})
    finally:
        run_stop(world, name)
        world.effect()


def _exec(call: Call, words: List[str]) -> int:
    """`exec NAME COMMAND...`: in a container that runs; nothing comes or goes."""
    _must_run(call)
    if len(words) < 2:
        raise call.fail("Error: Missing expected argument '<arguments> ...'", 64)
    name, *command = words
    found = next((c for c in call.state["container"]["containers"] if c["id"] == name), None)
    if found is None:
        raise call.fail(f'Error: notFound: "container with ID {name} not found"')
    if not found["running"]:
        raise call.fail(f'Error: invalidState: "container {name} is not running"')
    network = vmnet.network_of(call.state, found["network"])
    if network is None:
        raise call.fail(f"Error: network not found: {found['network']}")
    return _guest(call, command, network, _image(call, found["image"]) or {"env": []})


def _pull(call: Call, words: List[str]) -> int:
    """`image pull NAME`: over the Mac's own way out."""
    _must_run(call)
    name = words[-1] if words else ""
    if not call.state["internet"]:
        raise call.fail(f'Error: internalError: "HTTP request for {name} failed: not connected"')
    if _image(call, name) is None:
        call.state["container"]["images"].append({"name": name, "env": []})
    call.say(name)
    return 0


def _run_words(call: Call, words: List[str]) -> Tuple[Dict[str, str], str, List[str]]:
    options: Dict[str, str] = {}
    words = list(words)
    while words and words[0].startswith("-"):
        key, _, value = words.pop(0).partition("=")
        if key in VALUED:
            if not value:
                if not words:
                    raise call.fail(f"Error: Missing value for '{key}'", 64)
                value = words.pop(0)
            key = "-e" if key == "--env" else key
            options[key] = options[key] + "\n" + value if key in options else value
    if not words:
        raise call.fail("Error: Missing expected argument '<image>'", 64)
    return options, words[0], words[1:]


def run_start(world: World, name: str, network: str, image: str) -> None:
    """A container starts; with the first of its network comes the bridge."""
    state = world.state
    found = vmnet.network_of(state, network)
    if found is None:
        raise ValueError(f"there is no network {network}")
    items = state["container"]["containers"]
    items[:] = [item for item in items if item["id"] != name]
    taken = {item["address"] for item in items}
    number = net.network(found["cidr"])[0] + 2
    while net.dotted(number) in taken:
        number += 1
    items.append(
        {
            "id": name,
            "image": image,
            "network": network,
            "address": net.dotted(number),
            "running": True,
        }
    )
    vmnet.start(state, found, world.next_pid())


def run_stop(world: World, name: str) -> None:
    """A container stops and is removed; with the last of its network goes the bridge."""
    state = world.state
    items = state["container"]["containers"]
    stopped = [item for item in items if item["id"] == name]
    items[:] = [item for item in items if item["id"] != name]
    for item in stopped:
        found = vmnet.network_of(state, item["network"])
        if found is not None:
            vmnet.stop(state, found, world.next_pid())


def _delete(call: Call, words: List[str]) -> int:
    """`delete [--force] NAME...`"""
    _must_run(call)
    names = [word for word in words if not word.startswith("-")]
    known = {item["id"] for item in call.state["container"]["containers"]}
    for name in names:
        if name not in known:
            raise call.fail(f"Error: container not found: {name}")
        run_stop(call.world, name)
        call.world.effect()
        call.say(name)
    return 0


def _stop(call: Call, words: List[str]) -> int:
    _must_run(call)
    every = "-a" in words or "--all" in words
    for item in list(call.state["container"]["containers"]):
        if every or item["id"] in words:
            run_stop(call.world, item["id"])
            call.world.effect()
            call.say(item["id"])
    return 0


# -- what runs in a guest


def _guest(call: Call, command: List[str], network: Dict[str, Any], image: Dict[str, Any]) -> int:
    """A program in a guest of an image; `programs` are those of the image, all where not said."""
    program = os.path.basename(command[0]) if command else "true"
    if program not in image.get("programs", [program]):
        call.warn(f'Error: failed to find target executable "{program}"')
        return 1
    real = carrier.guest(call.world, network["id"], command)
    if real is not None:
        call.out.append(real["out"].encode("latin-1"))
        call.err.append(real["err"].encode("latin-1"))
        return int(real["code"])
    if program == "curl":
        return _curl(call, command[1:], network)
    if program == "sh":
        return _shell(call, command[1:], network)
    if program in ("env", "printenv"):
        for line in image["env"]:
            if line:
                call.say(line)
        return 0
    if program == "ping":
        target = command[-1]
        first = vmnet.gateway(network)
        ok = target == first or packets.trace(call.state, network["cidr"], target).result == "ok"
        call.say(f"1 packets transmitted, {int(ok)} packets received")
        return 0 if ok else 1
    if program in ("nslookup", "true", "echo", "sleep"):
        return 1 if program == "nslookup" and call.state["guest"]["dns_broken"] else 0
    call.warn(f'Error: failed to find target executable "{program}"')
    return 127


def _shell(call: Call, words: List[str], network: Dict[str, Any]) -> int:
    """`sh -c SCRIPT NAME GATEWAY ADDRESS PORT RESOLVER HOST URL`: the one script known here, whose
    table says what a guest reaches. The guest has every tool."""
    if len(words) != 9 or words[0] != "-c" or "container-net-probe 1" not in words[1]:
        call.warn("sh: this script is not simulated")
        return 2
    first, address, port, resolver, host, url = words[3:]
    guest = call.state["guest"]
    gateway_dead = bool(guest.get("gateway_dead"))
    out = not gateway_dead and _reaches(call, network, address, int(port))
    rows = {"resolver": (True, guest.get("resolver", first))}
    rows["gateway"] = (not gateway_dead and first == vmnet.gateway(network), first)
    rows["address"] = (out, address)
    rows["tcp"] = (out and not guest.get("tcp_dead"), f"{address}:{port}")
    rows["dns-gateway"] = (not gateway_dead and not guest["dns_broken"], "nslookup")
    rows["dns-public"] = (not gateway_dead and _reaches(call, network, resolver, 53), "nslookup")
    own = rows["dns-gateway"] if "resolver" not in guest else (False, "nslookup")
    rows["dns-own"] = own
    code, status = _fetch(call, url, host, network)
    if guest.get("tcp_dead") and not code:
        code = 28
    rows["https4"] = (not code, str(code or status))
    rows["https6"] = (bool(guest.get("ipv6")) and not code, status if guest.get("ipv6") else "7")
    rows["proxy"] = (True, "none")
    call.say("container-net-probe 1")
    # Where the address does not answer, nothing is known of sizes.
    call.say("mtu ok 1500" if out else f"mtu none {address}")
    for name, (good, detail) in rows.items():
        call.say(f"{name} {'ok' if good else 'failed'} {detail}")
    call.say("end")
    return 0


def _reaches(call: Call, network: Dict[str, Any], address: str, port: int) -> bool:
    return packets.trace(call.state, network["cidr"], address, port).result == "ok"


def _curl(call: Call, words: List[str], network: Dict[str, Any]) -> int:
    flags = "".join(w[1:] for w in words if w.startswith("-") and not w.startswith("--"))
    form = words[words.index("-w") + 1] if "-w" in words[:-1] else ""
    url = next((w for w in reversed(words) if "://" in w), words[-1] if words else "")
    host = url.split("://")[-1].split("/")[0].split(":")[0]
    code, status = _fetch(call, url, host, network)
    call.say(form.replace("%{http_code}", status).replace("\\n", "\n").encode())
    if code and ("s" not in flags or "S" in flags):
        call.warn(f"curl: ({code}) {CURL_SAYS.get(code, 'failed').format(host=host)}")
    return code


def _fetch(call: Call, url: str, host: str, network: Dict[str, Any]) -> Tuple[int, str]:
    """(curl's exit code, HTTP status as curl writes it)."""
    guest = call.state["guest"]
    if guest["curl"]:
        return int(guest["curl"]), "000"
    try:
        net.address(host)
        target = host
    except ValueError:
        if guest["dns_broken"]:
            return 6, "000"
        target = packets.INTERNET
    port = 80 if url.startswith("http://") else 443
    if packets.trace(call.state, network["cidr"], target, port).result != "ok":
        return 28, "000"
    return 0, str(guest["http"].get(host, guest["http"]["*"]))


# -- `container system dns` and what it does to pf (container.md, 3)


ANCHOR = "com.apple.container"
ANCHOR_FILE = f"/etc/pf.anchors/{ANCHOR}"
KEYWORDS = ("scrub-anchor", "nat-anchor", "rdr-anchor", "dummynet-anchor", "anchor", "load anchor")


def _dns_list(call: Call, _words: List[str]) -> int:
    for domain in call.state["domains"]:
        call.say(domain)
    return 0


def _dns_create(call: Call, words: List[str]) -> int:
    address = words[words.index("--localhost") + 1] if "--localhost" in words[:-1] else None
    plain = [w for w in words if not w.startswith("-") and w != address]
    if not call.root:
        raise call.fail("Error: cannot create domain (try sudo?)")
    if not plain:
        raise call.fail("Error: Missing expected argument '<domain-name>'", 64)
    if not dns_create(call.world, plain[0], address):
        raise call.fail('Error: invalid pf config "/etc/pf.conf"')
    call.say(plain[0])
    return 0


def _dns_delete(call: Call, words: List[str]) -> int:
    if not call.root:
        raise call.fail("Error: cannot delete domain (try sudo?)")
    if not words or words[0] not in call.state["domains"]:
        raise call.fail("Error: cannot delete domain")
    if not dns_delete(call.world, words[0]):
        raise call.fail('Error: invalid pf config "/etc/pf.conf"')
    call.say(words[0])
    return 0


def dns_create(world: World, domain: str, ip: Optional[str]) -> bool:
    """A domain is made; with an address, pf.conf is edited and loaded. False: it did not parse."""
    domains = world.state["domains"]
    if domain not in domains:
        domains.append(domain)
    port, extra = ("1053", f"options localhost:{ip}\n") if ip else ("2053", "")
    resolver = f"domain {domain}\nsearch {domain}\nnameserver 127.0.0.1\nport {port}\n{extra}"
    _write(world, f"/etc/resolver/containerization.{domain}", resolver)
    if ip is None:
        return True
    rules = _redirects(world, domain)
    rules.append(f"rdr inet from any to {ip} -> 127.0.0.1 # {domain}")
    _write(world, ANCHOR_FILE, "".join(rule + "\n" for rule in rules))
    _write(world, "/etc/pf.conf", _with_anchor(_read(world, "/etc/pf.conf")))
    return _reload(world)


def dns_delete(world: World, domain: str) -> bool:
    """A domain goes; with the last redirect go Apple's lines. False: pf.conf did not parse."""
    domains = world.state["domains"]
    if domain in domains:
        domains.remove(domain)
    _unlink(world, f"/etc/resolver/containerization.{domain}")
    if not _read(world, ANCHOR_FILE):
        return True
    rules = _redirects(world, domain)
    if rules:
        _write(world, ANCHOR_FILE, "".join(rule + "\n" for rule in rules))
    else:
        _unlink(world, ANCHOR_FILE)
        lines = _read(world, "/etc/pf.conf").split("\n")
        # Every line that holds the text goes, whoever wrote it.
        _write(world, "/etc/pf.conf", "\n".join(line for line in lines if ANCHOR not in line))
    return _reload(world)


def _redirects(world: World, domain: str) -> List[str]:
    """Redirects of the other domains."""
    lines = _read(world, ANCHOR_FILE).splitlines()
    return [line for line in lines if line and not line.endswith(f"# {domain}")]


def _with_anchor(text: str) -> str:
    """Apple's edit: each line before the first one of an equal or later keyword."""
    if ANCHOR in text:
        return text
    lines = text.split("\n")
    for rank, keyword in enumerate(KEYWORDS[:-1]):
        place = next(
            (n for n, line in enumerate(lines) if line.lstrip().startswith(KEYWORDS[rank:])),
            max(len(lines) - 1, 0),
        )
        lines.insert(place, f'{keyword} "{ANCHOR}"')
    # "Before the last line": where the file ends in a newline, the last line is the empty one.
    lines.insert(max(len(lines) - 1, 0), f'load anchor "{ANCHOR}" from "{ANCHOR_FILE}"')
    return "\n".join(lines)


def _reload(world: World) -> bool:
    """`pfctl -n -f /etc/pf.conf`, then `pfctl -f /etc/pf.conf`: vmnet's calls are lost (F01)."""
    world.effect()
    ok = load_file(world, "/etc/pf.conf")
    world.effect()
    return ok


def _read(world: World, path: str) -> str:
    try:
        with open(world.host(path), encoding="latin-1", newline="") as file:
            return file.read()
    except OSError:
        return ""


def _write(world: World, path: str, text: str) -> None:
    place = world.host(path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place + ".sb-new", "w", encoding="latin-1", newline="") as file:
        file.write(text)
    os.chmod(place + ".sb-new", 0o644)
    os.replace(place + ".sb-new", place)


def _unlink(world: World, path: str) -> None:
    if os.path.lexists(world.host(path)):
        os.unlink(world.host(path))


COMMANDS: Dict[str, Callable[[Call, List[str]], int]] = {
    "system status": _system_status,
    "system start": _system_start,
    "system stop": _system_stop,
    "system logs": _system_logs,
    "system version": _system_version,
    "system property list": _property_list,
    "system dns list": _dns_list,
    "system dns ls": _dns_list,
    "system dns create": _dns_create,
    "system dns delete": _dns_delete,
    "network list": _networks,
    "network ls": _networks,
    "network inspect": _network_inspect,
    "ls": _list,
    "list": _list,
    "inspect": _inspect,
    "system kernel set": _kernel_set,
    "image pull": _pull,
    "images pull": _pull,
    "images list": _image_list,
    "images ls": _image_list,
    "exec": _exec,
    "image list": _image_list,
    "image ls": _image_list,
    "image inspect": _image_inspect,
    "images inspect": _image_inspect,
    "run": _run,
    "stop": _stop,
    "delete": _delete,
}
LOOKING = frozenset(
    (
        _system_status,
        _system_logs,
        _system_version,
        _property_list,
        _dns_list,
        _networks,
        _network_inspect,
        _list,
        _inspect,
        _image_list,
        _image_inspect,
    )
)
