"""What a command asks, however it is spelled: one key for one question."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from pathlib import PurePosixPath
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

__all__ = ["PROGRAMS", "Key", "key", "real"]

Key = Tuple[str, ...]

PROGRAMS = (
    *("pfctl", "ifconfig", "netstat", "route", "sysctl", "scutil", "lsof", "networksetup"),
    *("sw_vers", "launchctl", "container", "cat", "id", "systemextensionsctl", "socketfilterfw"),
)
_SHOWS = (
    *("nat", "queue", "rules", "Anchors", "Sources", "states", "info", "Interfaces", "labels"),
    *("timeouts", "memory", "Tables", "osfp", "References", "all"),
)
ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


def key(words: Sequence[str]) -> Optional[Key]:
    """What a command line asks, however it is spelled; None where it is no command that we know.

    Every word has to make sense: prose that begins with a program's name is no command.
    """
    if not words:
        return None
    name, rest = PurePosixPath(words[0]).name, list(words[1:])
    maker = _MAKERS.get(name)
    return maker(rest) if maker is not None else None


def _options(
    words: List[str], valued: str, flags: str
) -> Optional[Tuple[Dict[str, str], List[str]]]:
    """getopt: options with their values, and the words after them; None for a stranger."""
    found: Dict[str, str] = {}
    words = list(words)
    while words and words[0].startswith("-") and len(words[0]) > 1:
        letters = words.pop(0)[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in valued:
                if not letters and not words:
                    return None
                found[letter], letters = letters or words.pop(0), ""
            elif letter in flags:
                found[letter] = ""
            else:
                return None
    return found, words


def _pfctl(words: List[str]) -> Optional[Key]:
    parsed = _options(words, "aDFfiKkLopstTxX", "AdeEghmnNOPqRrvz")
    if parsed is None:
        return None
    given, rest = parsed
    anchor = given.get("a", "")
    if "t" in given and given.get("T") == "show":
        return ("pfctl", "table", anchor, given["t"])
    if rest:
        return None
    if "f" in given:
        # Loading a file says the same against it as checking it does.
        return ("pfctl", "check", anchor, real(given["f"]))
    if "s" in given:
        what = next((s for s in _SHOWS if s.startswith(given["s"])), None)
        verbose = "v" if "v" in given and what in ("nat", "rules") else ""
        return ("pfctl", "show", anchor, what, verbose) if what else None
    return ("pfctl", "other") if set(given) & set("eEdFxX") else None


def _ifconfig(words: List[str]) -> Optional[Key]:
    names = [w for w in words if re.fullmatch(r"[a-z]+[0-9]+", w)]
    if len(names) == len(words) == 1:
        return ("ifconfig", names[0])
    return ("ifconfig", "-a") if words in ([], ["-a"], ["-av"], ["-a", "-v"]) else None


def _netstat(words: List[str]) -> Optional[Key]:
    parsed = _options(words, "f", "rnalvW")
    if parsed is None or parsed[1] or "r" not in parsed[0]:
        return None
    return ("netstat", "inet6" if parsed[0].get("f") == "inet6" else "inet")


def _route(words: List[str]) -> Optional[Key]:
    words = [w for w in words if w not in ("-n", "-v", "-inet", "-host", "-4")]
    if len(words) != 2 or words[0] not in ("get", "show"):
        return None
    everywhere = ("default", str(IPv4Address(0)), "0", "0/0")
    target = "default" if words[1] in everywhere else words[1]
    return ("route", target) if target == "default" or ADDRESS.fullmatch(target) else None


def _sysctl(words: List[str]) -> Optional[Key]:
    words = [w for w in words if w not in ("-n", "-w", "-e", "-q")]
    if words == ["-a"]:
        return ("sysctl", "-a")
    if len(words) != 1 or not re.fullmatch(r"[a-z][a-z0-9_.]{1,80}(=[0-9]+)?", words[0]):
        return None
    return ("sysctl", words[0].split("=")[0])


def _scutil(words: List[str]) -> Optional[Key]:
    known = ("--dns", "--proxy", "--nwi")
    return ("scutil", words[0]) if len(words) == 1 and words[0] in known else None


def _lsof(words: List[str]) -> Optional[Key]:
    asked = [
        next(iter(words[n + 1 : n + 2]), "") if w == "-i" else w[2:]
        for n, w in enumerate(words)
        if w.startswith("-i")
    ]
    others = [w for w in words if not w.startswith("-") and w not in asked]
    ports = {re.sub(r"^(?:UDP|TCP|4|6)?:", "", part, flags=re.I) for part in asked}
    if others or len(ports) != 1 or not re.fullmatch(r"[0-9]{1,5}", next(iter(ports))):
        return None
    return ("lsof", next(iter(ports)))


def _networksetup(words: List[str]) -> Optional[Key]:
    return ("networksetup", "ports") if words == ["-listallhardwareports"] else None


def _sw_vers(words: List[str]) -> Optional[Key]:
    ok = all(re.fullmatch(r"--?[A-Za-z]+", w) for w in words)
    return ("sw_vers",) if ok else None


def _launchctl(words: List[str]) -> Optional[Key]:
    if words[:1] == ["print-disabled"] and len(words) == 2:
        return ("launchctl", "disabled")
    if words[:1] == ["print"] and len(words) == 2 and words[1].startswith("system/"):
        return ("launchctl", words[1][len("system/") :])
    return ("launchctl", "list") if words[:1] == ["list"] and len(words) < 3 else None


_CONTAINER_KEYS: Mapping[Tuple[str, ...], Key] = {
    ("--version",): ("container", "version"),
    ("-v",): ("container", "version"),
    ("system", "version"): ("container", "version"),
    ("system", "status"): ("container", "status"),
    ("system", "logs"): ("container", "logs"),
    ("network", "list"): ("container", "networks"),
    ("network", "ls"): ("container", "networks"),
    ("list",): ("container", "ls"),
    ("ls",): ("container", "ls"),
    ("ps",): ("container", "ls"),
}
_CONTAINER_VERBS = (
    *("system", "network", "image", "images", "run", "exec", "build", "builder", "start", "stop"),
    *("create", "delete", "rm", "kill", "logs", "inspect", "stats", "registry", "volume", "copy"),
)


def _container(words: List[str]) -> Optional[Key]:
    plain = [w for w in words if w not in ("--debug", "-a", "--all", "-q", "--quiet")]
    plain = re.sub(r"(?:^|\x00)--format(?:=|\x00)(?:json|table)", "", "\x00".join(plain)).split(
        "\x00"
    )
    plain = [w for w in plain if w]
    logs = plain[:2] == ["system", "logs"]
    known = _CONTAINER_KEYS.get(("system", "logs") if logs else tuple(plain))
    if known is not None:
        return known
    if plain[:1] == ["inspect"] and len(plain) == 2:
        return ("container", "inspect", plain[1])
    if plain[:2] in (["image", "inspect"], ["images", "inspect"]) and len(plain) == 3:
        return ("container", "image", plain[2])
    if plain[:2] == ["network", "inspect"] and len(plain) == 3:
        return ("container", "network", plain[2])
    if plain[:1] in (["run"], ["exec"]) and any("container-net-probe 1" in w for w in plain):
        # What stands before the script: the container's name, or `sh` and the image.
        asked = plain[: plain.index("-c")] if "-c" in plain else plain
        return ("container", "probe", asked[1] if plain[0] == "exec" else asked[-1])
    if plain in (["image", "list"], ["image", "ls"], ["images", "ls"], ["images", "list"]):
        return ("container", "images")
    return (
        ("container", "other")
        if plain[:1] and plain[0] in _CONTAINER_VERBS and len(plain) > 1
        else None
    )


def real(path: str) -> str:
    """A path of a Mac as it really is: /etc is /private/etc."""
    return re.sub(r"^/(etc|var|tmp)/", r"/private/\1/", path)


def _cat(words: List[str]) -> Optional[Key]:
    if len(words) == 1 and re.fullmatch(r"/[\w./-]{2,200}", words[0]):
        return ("file", real(words[0]))
    return None


_MAKERS: Mapping[str, Callable[[List[str]], Optional[Key]]] = {
    "pfctl": _pfctl,
    "ifconfig": _ifconfig,
    "netstat": _netstat,
    "route": _route,
    "sysctl": _sysctl,
    "scutil": _scutil,
    "lsof": _lsof,
    "networksetup": _networksetup,
    "sw_vers": _sw_vers,
    "launchctl": _launchctl,
    "container": _container,
    "cat": _cat,
    "id": lambda words: ("id",) if words == ["-u"] else None,
    "true": lambda words: ("true",) if not words else None,
    "systemextensionsctl": lambda words: ("extensions",) if words == ["list"] else None,
    "socketfilterfw": lambda words: (
        ("firewall",) if words and all(w.startswith("--get") for w in words) else None
    ),
}
