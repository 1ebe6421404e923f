"""Settings: options, `INVOKE_NET_…`, `net:` in invoke.yaml, defaults; in this order, parsed here.

Left to Invoke, `INVOKE_NET_GUARD=no` would mean True and a wrong type would be a traceback before
any task runs; so values arrive here as they were written, and leave as data or as one sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from .model import BadInput
from .text import LANGUAGES, _, language_of

__all__ = [
    "DEFAULT_UPLINKS",
    "KEYS",
    "Allowed",
    "Settings",
    "expand",
    "load",
    "parse_allowed",
    "parse_anchor",
    "parse_subnets",
]

ENVIRONMENT = "INVOKE_NET_"

# Never an uplink: vmnet's bridges and their members, loopback, Apple's own peer-to-peer and
# access-point interfaces. bridge0 to bridge9 are the Mac's own (macos.md, 7).
NEVER_UPLINK = re.compile(r"(bridge[0-9]{3,}|(vmenet|lo|awdl|llw|ap|gif|stf|anpi)[0-9]+)")
INTERFACE = re.compile(r"[a-z]{1,11}[0-9]{1,4}")
_RANGE = re.compile(r"([a-z]{1,11})([0-9]{1,4})-(?:([a-z]{1,11}))?([0-9]{1,4})")

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
_URL = re.compile(
    r"https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/%?=+,:@-]*)?"
)
# %h is a host of --hosts.
_SYSROOT = re.compile(r"/([A-Za-z0-9._/-]|%h)+")
# This network, loopback, link-local, multicast, reserved (RFC 6890); shared space (RFC 6598).
_NOBODYS = tuple(
    map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"))
)
_SHARED = IPv4Network("100.64.0.0/10")
_COMPONENT = re.compile(r"[A-Za-z0-9.-][A-Za-z0-9._-]{0,62}")
# Apple's own anchors under com.apple (macos.md, 5 and 6).
_RESERVED = ("200.airdrop", "250.applicationfirewall", "container")


def expand(words: Tuple[str, ...]) -> Tuple[str, ...]:
    """Interface names, ranges such as en0-en31 written out. A word that is no range stays."""
    names: List[str] = []
    for word in words:
        match = _RANGE.fullmatch(word)
        if match and match.group(3) in (None, match.group(1)):
            kind, first, last = match.group(1), int(match.group(2)), int(match.group(4))
            if first <= last <= first + 255:
                names += [f"{kind}{number}" for number in range(first, last + 1)]
                continue
        names.append(word)
    return tuple(dict.fromkeys(names))


# Every interface that can ever lead out: pf takes rules for interfaces that do not exist yet
# (macos.md, 12).
DEFAULT_UPLINKS = expand(
    ("en0-en31", "utun0-utun31", "ipsec0-ipsec7", "ppp0-ppp7", "bridge0-bridge9")
)


@dataclass(frozen=True)
class Allowed:
    """An exception to the fence: a private address or network, all ports where `port` is None."""

    network: IPv4Network
    port: Optional[int] = None

    def __str__(self) -> str:
        host = self.network.network_address if self.network.prefixlen == 32 else self.network
        return str(host) if self.port is None else f"{host}:{self.port}"


@dataclass(frozen=True)
class Settings:
    """What a run was asked to work with.

    Empty `subnets` mean: detect them. Empty `uplinks` mean: every interface that can lead out.
    `fence` None means: as it was set up last.
    """

    subnets: Tuple[IPv4Network, ...] = ()
    uplinks: Tuple[str, ...] = ()
    anchor: str = "com.apple/250.container-net"
    image: str = "nanoclaw-agent:latest"
    url: str = "https://api.anthropic.com"
    expect: Tuple[int, ...] = (404,)
    guard: bool = True
    fence: Optional[bool] = None
    fence_allow: Optional[Tuple[Allowed, ...]] = None
    force: bool = False
    sysroot: Optional[str] = None
    lang: str = "en"


def _refuse(name: str, value: object, right: str) -> BadInput:
    return BadInput(
        _("{name} is {value}: {right}.").format(name=name, value=_quote(value), right=right)
    )


def _quote(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    # A value is shown on one line and without control characters, whatever it holds.
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return '"' + (shown if len(shown) <= 120 else shown[:117] + "...") + '"'


def _words(name: str, value: object) -> Tuple[str, ...]:
    """Several values: a list from YAML, or text with commas; `auto` and nothing mean none."""
    if isinstance(value, (list, tuple)):
        items = list(value)
    elif isinstance(value, str):
        items = value.split(",")
    else:
        raise _refuse(name, value, _("give text, comma-separated for several values, or auto"))
    for item in items:
        if not isinstance(item, str):
            raise _refuse(name, item, _("give text, comma-separated for several values, or auto"))
    words = tuple(item.strip() for item in items)
    if words in ((), ("",), ("auto",)):
        return ()
    return words


def parse_subnets(name: str, value: object, force: bool) -> Tuple[IPv4Network, ...]:
    """Given subnets: IPv4, no host bits, /8 or narrower and private unless forced, apart.

    Raises BadInput.
    """
    found: List[IPv4Network] = []
    for word in _words(name, value):
        right = _("give IPv4 networks such as 192.168.64.0/24, comma-separated, or auto")
        try:
            if "/" not in word:
                raise ValueError
            network = IPv4Network(word)
        except ValueError:
            try:
                inside = IPv4Network(word, strict=False)
            except ValueError:
                raise _refuse(name, word, right) from None
            if "/" in word:
                right = _("host bits set; the network is {network}").format(network=inside)
            raise _refuse(name, word, right) from None
        if any(network.subnet_of(other) for other in _NOBODYS):
            raise _refuse(name, word, _("containers cannot use these addresses"))
        if network.prefixlen > 30:
            raise _refuse(name, word, _("too small for a gateway and a container"))
        if network.prefixlen < 8 and not force:
            raise _refuse(name, word, _("wider than /8; use --force to accept it"))
        if not (network.is_private or network.subnet_of(_SHARED)) and not force:
            raise _refuse(name, word, _("public addresses; use --force to accept them"))
        if network in found:
            continue
        if any(network.overlaps(other) for other in found):
            raise _refuse(name, word, _("overlaps another given subnet"))
        found.append(network)
    return tuple(found)


def _uplinks(name: str, value: object) -> Tuple[str, ...]:
    words = expand(_words(name, value))
    for word in words:
        if not INTERFACE.fullmatch(word):
            raise _refuse(
                name,
                word,
                _("give interface names such as en0 or utun0-utun7, comma-separated, or auto"),
            )
        if NEVER_UPLINK.fullmatch(word):
            raise _refuse(name, word, _("never an uplink"))
    return tuple(dict.fromkeys(words))


def parse_allowed(name: str, value: object) -> Tuple[Allowed, ...]:
    """Exceptions to the fence, each ADDRESS[/BITS][:PORT]. Raises BadInput."""
    found: List[Allowed] = []
    for word in _words(name, value):
        place, colon, port = word.partition(":")
        try:
            network = IPv4Network(place)
            number = int(port) if re.fullmatch("[0-9]{1,5}", port) else None
            if colon and (number is None or not 1 <= number <= 65535):
                raise ValueError
        except ValueError:
            raise _refuse(
                name, word, _("give ADDRESS[/BITS][:PORT], such as 192.168.64.1:3001")
            ) from None
        if network.prefixlen < 8:
            raise _refuse(name, word, _("wider than /8, which would open the fence"))
        found.append(Allowed(network, number))
    return tuple(dict.fromkeys(found))


def parse_anchor(name: str, value: object) -> str:
    """The anchor: a direct child of com.apple/, which the stock ruleset calls. Raises BadInput."""
    text = value if isinstance(value, str) else ""
    parent, slash, component = text.partition("/")
    named = _COMPONENT.fullmatch(component) and component not in (".", "..")
    if parent != "com.apple" or not slash or not named:
        raise _refuse(
            name,
            value,
            _(
                "give a direct child of com.apple/ of at most 63 letters, digits, dots and dashes, "
                "such as com.apple/250.container-net"
            ),
        )
    # The file bears the component's name: com.apple is Apple's, on a disk that ignores case.
    stock = component.lower() == "com.apple" or "com.apple." in component.lower()
    if component.lower() in _RESERVED or stock:
        raise _refuse(name, value, _("reserved for Apple's own software"))
    return text


def _image(name: str, value: object) -> str:
    if not isinstance(value, str) or not _IMAGE.fullmatch(value):
        raise _refuse(name, value, _("give an image such as nanoclaw-agent:latest"))
    return value


def _url(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > 2000 or not _URL.fullmatch(value):
        raise _refuse(
            name, value, _("give an http or https address without spaces or shell characters")
        )
    return value


def _expect(name: str, value: object) -> Tuple[int, ...]:
    if isinstance(value, (list, tuple)):
        value = [str(item) if type(item) is int else item for item in value]
    words = (
        (str(value),)
        if isinstance(value, int) and not isinstance(value, bool)
        else _words(name, value)
    )
    for word in words:
        if not re.fullmatch("[1-5][0-9][0-9]", word):
            raise _refuse(name, word, _("give an HTTP status such as 404"))
    if not words:
        raise _refuse(name, value, _("give an HTTP status such as 404"))
    return tuple(int(word) for word in words)


def _boolean(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("yes", "true", "on", "1"):
            return True
        if word in ("no", "false", "off", "0"):
            return False
    raise _refuse(name, value, _("give yes or no"))


def _sysroot(name: str, value: object) -> Optional[str]:
    if not isinstance(value, str):
        raise _refuse(name, value, _("give the absolute path of a folder"))
    if value == "":
        return None
    path = value.rstrip("/")
    if not _SYSROOT.fullmatch(path) or ".." in path.split("/"):
        raise _refuse(
            name, value, _("give an absolute path of letters, digits, dots, dashes and slashes")
        )
    return path


def _lang(name: str, value: object) -> str:
    if value not in LANGUAGES:
        raise _refuse(name, value, _("give en or ko"))
    return str(value)


_PARSERS: Dict[str, Callable[[str, object], Any]] = {
    "uplinks": _uplinks,
    "anchor": parse_anchor,
    "image": _image,
    "url": _url,
    "expect": _expect,
    "guard": _boolean,
    "fence": _boolean,
    "fence_allow": parse_allowed,
    "force": _boolean,
    "sysroot": _sysroot,
    "lang": _lang,
}
KEYS = ("subnets", *_PARSERS)


def load(configured: object, environ: Mapping[str, str], options: Mapping[str, object]) -> Settings:
    """The settings of one run.

    `configured` is what the Invoke configuration holds under `net` (None, or whatever a YAML file
    put there), `options` the task's own options where they were given. Raises BadInput, naming the
    setting by the name that its writer used.
    """
    if configured is None:
        configured = {}
    if not isinstance(configured, Mapping):
        raise _refuse(
            "net (invoke.yaml)", configured, _("give settings by name, such as net: {image: ...}")
        )
    named: Dict[str, Tuple[str, object]] = {}
    for key, value in configured.items():
        if key not in KEYS:
            raise BadInput(
                _("unknown setting net.{key}; known settings: {keys}.").format(
                    key=_quote(str(key)).strip('"'), keys=", ".join(KEYS)
                )
            )
        if value is not None:
            named[str(key)] = ("net." + str(key), value)
    for variable in sorted(environ):
        if not variable.startswith(ENVIRONMENT):
            continue
        key = variable[len(ENVIRONMENT) :].lower()
        if key not in KEYS:
            raise BadInput(
                _("unknown setting {variable}; known settings: {keys}.").format(
                    variable=_quote(variable).strip('"'),
                    keys=", ".join(ENVIRONMENT + k.upper() for k in KEYS),
                )
            )
        named[key] = (variable, environ[variable])
    for key, value in options.items():
        if value is not None:
            named[key] = ("--" + key.replace("_", "-"), value)
    values: Dict[str, Any] = {"lang": language_of(environ)}
    for key, parser in _PARSERS.items():
        if key in named:
            values[key] = parser(*named[key])
    if "subnets" in named:
        name, value = named["subnets"]
        values["subnets"] = parse_subnets(name, value, bool(values.get("force", False)))
    if "fence_allow" in values and values.get("fence") is None:
        # Who names exceptions wants the fence.
        values["fence"] = True
    return Settings(**values)
