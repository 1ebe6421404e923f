"""sysctl, sudo's companions and the other small programs that say how the Mac is."""

from __future__ import annotations

import os

from .world import GID, UID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List

    from .world import Call

READ_ONLY = ("kern.bootsessionuuid", "kern.osproductversion", "kern.boottime", "hw.model")


def true(_: Call) -> int:
    """/usr/bin/true"""
    return 0


def false(_: Call) -> int:
    """/usr/bin/false"""
    return 1


# -- sysctl (macos.md, 2)


def sysctl(call: Call) -> int:
    """`sysctl [-n|-e] [-iqw] NAME[=VALUE]...`; exits with the number of failures."""
    flags = "".join(w[1:] for w in call.argv[1:] if w.startswith("-"))
    words = [w for w in call.argv[1:] if not w.startswith("-")]
    if not words:
        raise call.fail("usage: sysctl [-bdehiNnoqx] name[=value] ...")
    call.looked = not any("=" in word for word in words)
    return sum(0 if _one(call, word, flags) else 1 for word in words)


def _one(call: Call, word: str, flags: str) -> bool:
    name, assign, value = word.partition("=")
    values = call.state["sysctl"]
    if name not in values:
        if "i" in flags:
            return True
        if "q" not in flags:
            call.warn(f"sysctl: unknown oid '{name}'")
        return False
    before = values[name]
    lead = "" if "n" in flags else f"{name}=" if "e" in flags else f"{name}: "
    if not assign:
        call.say(f"{lead}{before}")
        return True
    return _assign(call, name, value, lead)


def _assign(call: Call, name: str, value: str, lead: str) -> bool:
    values = call.state["sysctl"]
    before = values[name]
    if name in READ_ONLY:
        call.warn(f"sysctl: oid '{name}' is read only")
        return False
    if not value.lstrip("-").isdigit():
        call.warn(f"sysctl: invalid integer '{value}'")
        return False
    if not call.root:
        # The old value is on standard output by then.
        call.say(f"{lead}{before}")
        call.warn(f"sysctl: {name}={value}: Operation not permitted")
        return False
    values[name] = str(int(value))
    call.world.effect()
    call.say(f"{lead}{before} -> {values[name]}")
    return True


# -- who and what


def sw_vers(call: Call) -> int:
    """`sw_vers [-productVersion]`."""
    system = call.state["os"]
    rows = (
        ("ProductName", "macOS"),
        ("ProductVersion", system["version"]),
        ("BuildVersion", system["build"]),
    )
    asked = [w.lstrip("-").lower() for w in call.argv[1:]]
    for name, value in rows:
        if not asked:
            call.say(f"{name + ':':<16}\t{value}")
        elif name.lower() in asked:
            call.say(value)
    return 0


def uname(call: Call) -> int:
    """`uname [-s|-m|-r]`."""
    flags = "".join(w[1:] for w in call.argv[1:]) or "s"
    words = {"s": "Darwin", "n": "mac.local", "r": "25.6.0", "m": "arm64", "p": "arm"}
    call.say(" ".join(words[f] for f in flags if f in words))
    return 0


def id_(call: Call) -> int:
    """`id [-u|-g] [-n]`."""
    flags = "".join(w[1:] for w in call.argv[1:])
    user = "root" if call.root else call.user
    if "u" in flags:
        call.say(user if "n" in flags else str(0 if call.root else UID))
    elif "g" in flags:
        call.say(("wheel" if call.root else "staff") if "n" in flags else str(_gid(call)))
    else:
        call.say(f"uid={0 if call.root else UID}({user}) gid={_gid(call)}")
    return 0


def _gid(call: Call) -> int:
    return 0 if call.root else GID


def logger(call: Call) -> int:
    """`logger [-t TAG] [-p PRI] MESSAGE...`: into the unified log."""
    words = call.argv[1:]
    tag = call.user
    text: List[str] = []
    while words:
        word = words.pop(0)
        if word in ("-t", "-p", "-f") and words:
            value = words.pop(0)
            tag = value if word == "-t" else tag
        elif word == "--":
            text += words
            break
        elif word.startswith("-") and not text:
            continue
        else:
            text.append(word)
    lines = [" ".join(text)] if text else call.stdin.decode("utf-8", "replace").splitlines()
    for line in lines:
        call.world.log("/usr/bin/logger", f"{tag}: {line}", pid=os.getpid())
    return 0


def date(call: Call) -> int:
    """`date [+FORMAT]`: the simulated clock."""
    import time

    now = time.gmtime(call.state["epoch"] + call.state["clock"])
    form = next((w[1:] for w in call.argv[1:] if w.startswith("+")), "%a %b %e %H:%M:%S UTC %Y")
    seconds = str(call.state["epoch"] + call.state["clock"])
    call.say(time.strftime(form.replace("%s", seconds), now))
    return 0


# -- filters of other programs (faults F05, F18, F19)


def systemextensionsctl(call: Call) -> int:
    """`systemextensionsctl list`."""
    if call.argv[1:] != ["list"]:
        raise call.fail("usage: systemextensionsctl list", 64)
    extensions = call.state["extensions"]
    call.say(f"{len(extensions)} extension(s)")
    if extensions:
        call.say("--- com.apple.system_extension.network_extension")
        call.say("enabled\tactive\tteamID\tbundleID (version)\tname\t[state]")
        for item in extensions:
            call.say(
                f"*\t*\t{item['team']}\t{item['bundle']} ({item['version']})\t{item['name']}"
                "\t[activated enabled]"
            )
    return 0


def socketfilterfw(call: Call) -> int:
    """`socketfilterfw --getglobalstate --getblockall --getstealthmode`; managed Macs exit 0 too."""
    state = call.state["firewall"]
    if state["managed"]:
        call.say("Firewall settings cannot be modified from command line on managed Mac computers.")
        return 0
    answers: Dict[str, Callable[[], str]] = {
        "--getglobalstate": lambda: (
            f"Firewall is {'enabled' if state['on'] else 'disabled'}. "
            f"(State = {2 if state['block_all'] else int(state['on'])})"
        ),
        "--getblockall": lambda: (
            "Firewall is set to block all non-essential incoming connections"
            if state["block_all"]
            else "Firewall has block all state set to disabled."
        ),
        "--getstealthmode": lambda: (
            f"Firewall stealth mode is {'on' if state['stealth'] else 'off'}"
        ),
    }
    for word in call.argv[1:]:
        if word in answers:
            call.say(answers[word]())
    return 0
