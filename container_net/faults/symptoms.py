"""What programs print when the network fails them, by the layer that it speaks of.

A layer leads to faults in order of likelihood; facts of the machine reorder them. One row is one
text of one program: add a row by its pattern (as `fault.Symptom` has it), an example that the
pattern finds, the layer, and where the text comes from: an issue, or the program's own source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Dict, Mapping, Optional, Tuple

from . import BY_NAME, FAULTS, GUIDE, stories
from .fault import Searched, Symptom, compiled, weight
from .layers import LAYERS, Layer
from .match import Match, bounded, explained, quote

__all__ = ["WORDS", "Lead", "Words", "leads"]

_GITHUB = "https://github.com/"


@dataclass(frozen=True)
class Words:
    """A text of a program. `first` are faults that come before those of its layer."""

    layer: str
    program: str
    pattern: str
    example: str
    source: str
    first: Tuple[str, ...] = ()


# Texts that stand around another one, or for any: they count where no other text is found.
_VAGUE = (
    r"spurious network error",
    r"TypeError.{0,3}fetch failed",
    r"API Error.{0,3}Connection error",
    r"\bUnable to connect to API",
    r"\bFailed to establish a new connection",
    r"\bFailed to connect to \S{1,60} port",
    r"\bAll connection attempts failed",
    r"\bAPIConnectionError",
    r"\berror sending request for url",
    r"\bnetwork This is a problem related to network connectivity",
    r"\bi/o timeout\b",
    r"temporary error .try again later",
)


@dataclass(frozen=True)
class Lead:
    """A layer that a text speaks of, the line where it does, and the row that knows it."""

    layer: Layer
    quote: str
    words: Words


# Faults that count only where the text has these words too.
_NEEDS: Mapping[str, str] = {"asked-as-root": r"\bsudo\b|\broot\b|루트"}


def _issue(repository: str, number: int) -> str:
    return f"{_GITHUB}{repository}/issues/{number}"


def _file(repository: str, path: str) -> str:
    return f"{_GITHUB}{repository}/blob/HEAD/{path}"


_MUSL = _file("bminor/musl", "src/network/gai_strerror.c")
_MUSL_ERRNO = _file("bminor/musl", "src/errno/__strerror.h")
_GLIBC = _file("bminor/glibc", "sysdeps/posix/gai_strerror-strs.h")
_GLIBC_ERRNO = _file("bminor/glibc", "sysdeps/gnu/errlist.h")
_CURL = _file("curl/curl", "lib/strerror.c")
_LIBUV = _file("libuv/libuv", "include/uv.h")
_GO_NET = _file("golang/go", "src/net/net.go")
_GO_DNS = _file("golang/go", "src/net/dnsclient_unix.go")
_GO_HTTP = _file("golang/go", "src/net/http/transport.go")
_GO_X509 = _file("golang/go", "src/crypto/x509/verify.go")
_SSH = _file("openssh/openssh-portable", "sshconnect.c")
_APT = _file("Debian/apt", "methods/connect.cc")
_BUSYBOX = _file("mirror/busybox", "networking/wget.c")
_PYTHON = _file("python/cpython", "Lib/socket.py")
_RUST = _file("rust-lang/rust", "library/std/src/sys/net/connection/socket/unix.rs")
_CONTAINER = _file("apple/container", "Sources/ContainerCommands/Application.swift")
_PF = _file("apple/container", "Sources/Services/ContainerAPIService/Client/PacketFilter.swift")

WORDS: Tuple[Words, ...] = (
    # -- names
    Words("name", "glibc", r"\bName or service not known", "Name or service not known", _GLIBC),
    Words(
        "name",
        "glibc",
        r"\bNo address associated with hostname",
        "No address associated with hostname",
        _GLIBC,
    ),
    Words(
        "name",
        "glibc",
        r"\bTemporary failure in name resolution",
        "Temporary failure in name resolution",
        _GLIBC,
    ),
    Words("name", "musl", r"\bName does not resolve", "Name does not resolve", _MUSL),
    Words(
        "name",
        "musl",
        r"\blookup address information: Try again",
        "dns error: failed to lookup address information: Try again",
        _issue("seanmonstar/reqwest", 1595),
    ),
    Words(
        "name",
        "macOS",
        r"nodename nor servname provided",
        "nodename nor servname provided, or not known",
        _issue("seanmonstar/reqwest", 1285),
    ),
    Words(
        "name",
        "macOS",
        r"\bcannot resolve \S{1,60}: Unknown host",
        "ping: cannot resolve web.cont: Unknown host",
        _issue("apple/container", 1693),
    ),
    Words(
        "name",
        "Node",
        r"\bgetaddrinfo ENOTFOUND",
        "Error: getaddrinfo ENOTFOUND example.test",
        _LIBUV,
    ),
    Words("name", "Node", r"\bENOTFOUND\b", "npm error code ENOTFOUND", _LIBUV),
    Words(
        "name",
        "Node",
        r"\bEAI_AGAIN\b",
        "getaddrinfo EAI_AGAIN example.test:80",
        _issue("npm/npm", 12090),
    ),
    Words(
        "name",
        "Node",
        r"\bqueryA {0,1}ETIMEOUT",
        "queryA ETIMEOUT example.test",
        _file("nodejs/node", "doc/api/dns.md"),
    ),
    Words(
        "name",
        "Python",
        r"\bsocket\.gaierror",
        "socket.gaierror: [Errno -3] Try again",
        _issue("microsoft/nni", 1100),
    ),
    Words(
        "name",
        "Python",
        r"\bNameResolutionError",
        "urllib3.exceptions.NameResolutionError",
        _file("urllib3/urllib3", "src/urllib3/exceptions.py"),
    ),
    Words(
        "name",
        "Go",
        r"\blookup .{1,90}:53: ",
        "dial tcp: lookup example.test on 192.168.64.1:53: server misbehaving",
        _GO_DNS,
    ),
    Words(
        "name",
        "Go",
        r"\blookup \S{1,60}: i/o timeout",
        "lookup example.test: i/o timeout",
        _issue("bazelbuild/rules_docker", 1585),
    ),
    Words(
        "name",
        "Go",
        r":53: read udp .{1,90}: i/o timeout",
        "on 10.0.2.3:53: read udp 10.0.2.15:33821->10.0.2.3:53: i/o timeout",
        _issue("docker-archive-public/docker.kitematic", 2992),
    ),
    Words(
        "name",
        "Go",
        r"\blookup \S{1,90}: no such host",
        "dial tcp: lookup example.test: no such host",
        _issue("apple/container", 2135),
    ),
    Words(
        "name",
        "Go",
        r"read udp .{1,90}: connection refused",
        "read udp [::1]:50843->[::1]:53: read: connection refused",
        _issue("docker-archive-public/docker.kitematic", 3427),
        ("port-53-taken",),
    ),
    Words(
        "name",
        "Rust",
        r"\bfailed to lookup address information",
        "failed to lookup address information: Name or service not known",
        _RUST,
    ),
    Words(
        "name",
        "cargo",
        r"\[6\] Could ?n.?o?t resolve host",
        "warning: spurious network error (2 tries remaining): [6] Couldn't resolve host name",
        _issue("rust-lang/cargo", 13291),
    ),
    Words(
        "name", "curl", r"\bCould ?n.?o?t resolve host", "Could not resolve host: github.com", _CURL
    ),
    Words(
        "name",
        "curl",
        r"\bResolving timed out after",
        "curl: (28) Resolving timed out after 5000 ms",
        _file("curl/curl", "lib/connect.c"),
    ),
    Words(
        "name",
        "Node",
        r"\bENOTFOUND host\.docker\.internal",
        "getaddrinfo ENOTFOUND host.docker.internal",
        _issue("nanocoai/nanoclaw", 2589),
        ("host-docker-internal",),
    ),
    Words(
        "name",
        "curl",
        r"\bresolve host: host\.docker\.internal",
        "Could not resolve host: host.docker.internal",
        _issue("nanocoai/nanoclaw", 2589),
        ("host-docker-internal",),
    ),
    Words(
        "name",
        "Go",
        r"\blookup host\.docker\.internal",
        "dial tcp: lookup host.docker.internal: no such host",
        _issue("nanocoai/nanoclaw", 2589),
        ("host-docker-internal",),
    ),
    Words(
        "name",
        "Java",
        r"\bUnknownHostException",
        "java.net.UnknownHostException: services.gradle.org",
        _issue("Netflix/conductor", 1201),
    ),
    Words(
        "name",
        "Ruby",
        r"\bSocketError.{0,30}getaddrinfo",
        "SocketError (getaddrinfo: Name or service not known)",
        _issue("jpoz/APNS", 49),
    ),
    Words(
        "name",
        "Ruby",
        r"\bSocket::ResolutionError",
        "Socket::ResolutionError (Failed to open)",
        _issue("ruby/www.ruby-lang.org", 3540),
    ),
    Words(
        "name",
        "busybox",
        r"\bbad address '",
        "ping: bad address 'apple.com'",
        _issue("apple/container", 480),
    ),
    Words(
        "name",
        "wget",
        r"\bunable to resolve host address",
        "wget: unable to resolve host address 'github.com'",
        _issue("B83C/max2140_bin", 3),
    ),
    Words(
        "name",
        "apt",
        r"\bTemporary failure resolving",
        "Temporary failure resolving 'mirror.example.test'",
        _issue("apple/container", 90),
    ),
    Words("name", "apt", r"\bCould not resolve '", "Could not resolve 'mirror.example.test'", _APT),
    Words(
        "name",
        "ssh",
        r"\bCould not resolve hostname",
        "ssh: Could not resolve hostname git.test: Try again",
        _SSH,
    ),
    Words(
        "name",
        "nslookup",
        r"\bno servers could be reached",
        ";; connection timed out; no servers could be reached",
        _issue("apple/container", 402),
    ),
    Words(
        "name",
        "nslookup",
        r"nslookup: read: Connection refused",
        "nslookup: read: Connection refused",
        _issue("apple/container", 402),
        ("port-53-taken",),
    ),
    Words(
        "name",
        "dig",
        r"communications error to .{1,60}: timed out",
        ";; communications error to 114.114.114.114#53: timed out",
        _issue("apple/container", 469),
        ("ruleset-replaced", "forwarding-off"),
    ),
    Words(
        "name",
        "nslookup",
        r"server can't find",
        "** server can't find example.test: SERVFAIL",
        _issue("apple/container", 2135),
    ),
    Words(
        "name",
        "Docker",
        r"\bserver misbehaving",
        "lookup example.test: server misbehaving",
        _issue("docker/for-mac", 1317),
    ),
    # -- no answer
    Words("no-answer", "glibc", r"\bConnection timed out", "Connection timed out", _GLIBC_ERRNO),
    Words("no-answer", "musl", r"\bOperation timed out", "Operation timed out", _MUSL_ERRNO),
    Words(
        "no-answer",
        "curl",
        r"\bOperation timed out after",
        "Operation timed out after 10000 ms",
        _file("curl/curl", "lib/progress.c"),
    ),
    Words(
        "no-answer",
        "curl",
        r"\bFailed to connect to \S{1,60} port",
        "Failed to connect to github.com port 443 after 75003 ms: Couldn't connect to server",
        _issue("spdk/spdk", 3744),
    ),
    Words(
        "no-answer",
        "cargo",
        r"\[7\] Could ?n.?o?t connect to server",
        "spurious network error (2 tries remaining): [7] Couldn't connect to server",
        _issue("rust-lang/cargo", 5894),
    ),
    Words(
        "no-answer",
        "cargo",
        r"spurious network error",
        "warning: spurious network error",
        _issue("rust-lang/cargo", 12365),
    ),
    Words("no-answer", "cargo", r"\[28\] Timeout was reached", "[28] Timeout was reached", _CURL),
    Words(
        "no-answer",
        "Node",
        r"\bETIMEDOUT\b",
        "connect ETIMEDOUT 104.16.16.35:443",
        _issue("npm/cli", 1240),
        ("node-ipv6-first",),
    ),
    Words(
        "no-answer",
        "undici",
        r"\bUND_ERR_CONNECT_TIMEOUT",
        "code: 'UND_ERR_CONNECT_TIMEOUT'",
        _issue("nodejs/undici", 2362),
        ("node-ipv6-first",),
    ),
    Words(
        "no-answer",
        "undici",
        r"\bConnectTimeoutError",
        "ConnectTimeoutError: Connect Timeout Error",
        _issue("nodejs/undici", 2213),
        ("node-ipv6-first",),
    ),
    Words(
        "no-answer",
        "undici",
        r"TypeError.{0,3}fetch failed",
        "TypeError: fetch failed",
        _issue("nodejs/undici", 1248),
        ("ruleset-replaced", "node-ipv6-first"),
    ),
    Words(
        "no-answer",
        "Node",
        r"\bERR_SOCKET_CONNECTION_TIMEOUT",
        "[ERR_SOCKET_CONNECTION_TIMEOUT]: Socket connection timeout",
        _issue("nodejs/undici", 2182),
        ("node-ipv6-first",),
    ),
    Words(
        "no-answer",
        "Node",
        r"\bsocket hang up",
        "Error: socket hang up",
        _file("nodejs/node", "lib/_http_client.js"),
    ),
    Words(
        "no-answer",
        "npm",
        r"\bnetwork This is a problem related to network connectivity",
        "npm ERR! network This is a problem related to network connectivity.",
        _issue("synzen/MonitoRSS", 382),
    ),
    Words(
        "no-answer",
        "Claude Code",
        r"API Error.{0,3}Connection error",
        "API Error (Connection error.)",
        _issue("anthropics/claude-code", 6596),
    ),
    Words(
        "no-answer",
        "Claude Code",
        r"API Error: Request timed out",
        "API Error: Request timed out.",
        _issue("anthropics/claude-code", 30805),
    ),
    Words(
        "no-answer",
        "Claude Code",
        r"\bUnable to connect to API",
        "API Error: Unable to connect to API",
        _issue("anthropics/claude-code", 57222),
    ),
    Words(
        "no-answer",
        "OpenAI",
        r"\bAPIConnectionError",
        "openai.APIConnectionError: Connection error.",
        _issue("jupyterlab/jupyter-ai", 684),
    ),
    Words(
        "no-answer",
        "OpenAI",
        r"\bAPITimeoutError",
        "openai.APITimeoutError: Request timed out.",
        _issue("langchain-ai/langchain", 21919),
    ),
    Words(
        "no-answer",
        "httpx",
        r"\bAll connection attempts failed",
        "httpx.ConnectError: All connection attempts failed",
        _issue("BerriAI/litellm", 1789),
    ),
    Words(
        "no-answer",
        "httpx",
        r"\bConnectTimeout\b",
        "httpx.ConnectTimeout: timed out",
        _file("encode/httpx", "httpx/_exceptions.py"),
    ),
    Words(
        "no-answer",
        "Python",
        r"\[Errno 110\]",
        "TimeoutError: [Errno 110] Connection timed out",
        _PYTHON,
    ),
    Words(
        "no-answer",
        "Python",
        r"\bConnectTimeoutError\b.{0,60}timed out",
        "ConnectTimeoutError(<pip>, 'Connection to example.test timed out')",
        _file("urllib3/urllib3", "src/urllib3/connection.py"),
    ),
    Words(
        "no-answer",
        "pip",
        r"\bReadTimeoutError\b",
        "ReadTimeoutError: HTTPSConnectionPool",
        _file("urllib3/urllib3", "src/urllib3/exceptions.py"),
        ("large-mtu",),
    ),
    Words(
        "no-answer",
        "pip",
        r"\bFailed to establish a new connection",
        "Failed to establish a new connection: [Errno 110]",
        _file("urllib3/urllib3", "src/urllib3/connection.py"),
    ),
    Words(
        "no-answer",
        "Go",
        r"\bdial tcp \S{1,60}: i/o timeout",
        "dial tcp 142.250.1.1:443: i/o timeout",
        _issue("UKHomeOffice/kb8or", 48),
    ),
    Words("no-answer", "Go", r"\bi/o timeout\b", "i/o timeout", _GO_NET),
    Words(
        "no-answer",
        "Go",
        r"\bcontext deadline exceeded",
        "context deadline exceeded",
        _file("golang/go", "src/context/context.go"),
    ),
    Words(
        "no-answer",
        "Docker",
        r"request canceled while waiting for connection",
        "net/http: request canceled while waiting for connection",
        _issue("docker/for-linux", 1078),
    ),
    Words(
        "no-answer",
        "Docker",
        r"\bClient\.Timeout exceeded",
        "(Client.Timeout exceeded while awaiting headers)",
        _issue("moby/buildkit", 4536),
    ),
    Words(
        "no-answer",
        "Java",
        r"\bSocketTimeoutException",
        "java.net.SocketTimeoutException: connect timed out",
        _issue("Netflix/conductor", 3339),
    ),
    Words(
        "no-answer",
        "Java",
        r"\bConnectException: Connection timed out",
        "java.net.ConnectException: Connection timed out",
        _issue("mozilla-mobile/fenix", 10959),
    ),
    Words(
        "no-answer",
        "Java",
        r"\bConnectTimeoutException",
        "ConnectTimeoutException: Connect to 10.5.1.5:80",
        _issue("RocketChat/Rocket.Chat.Android", 1502),
    ),
    Words(
        "no-answer",
        "Gradle",
        r"-bin\.zip failed: timeout",
        "gradle-7.5.1-bin.zip failed: timeout",
        _issue("google/tsunami-security-scanner", 91),
    ),
    Words(
        "no-answer",
        "Ruby",
        r"\bNet::OpenTimeout",
        "execution expired (Net::OpenTimeout)",
        _issue("DeployGate/deploygate-cli", 284),
    ),
    Words(
        "no-answer",
        "Rust",
        r"operation timed out",
        "error sending request for url: operation timed out",
        _issue("seanmonstar/reqwest", 1595),
    ),
    Words(
        "no-answer",
        "Rust",
        r"\berror sending request for url",
        "error sending request for url (https://example.test/)",
        _issue("seanmonstar/reqwest", 1595),
    ),
    Words("no-answer", "wget", r"\bdownload timed out", "wget: download timed out", _BUSYBOX),
    Words(
        "no-answer",
        "apk",
        r"temporary error .try again later",
        "ERROR: https://example.test/alpine/main: temporary error (try again later)",
        _issue("apple/container", 345),
        ("gateway-dns",),
    ),
    Words(
        "no-answer",
        "apt",
        r"\bconnection timed out",
        "Could not connect to deb.test:80, connection timed out",
        _issue("eza-community/eza", 1397),
    ),
    Words(
        "no-answer",
        "apt",
        r"\bUnable to connect to \S{1,60}:",
        "Unable to connect to mirror.example.test:http:",
        _issue("Zero6992/chatGPT-discord-bot", 304),
    ),
    Words(
        "no-answer",
        "git",
        r"errno=Operation timed out",
        "github.com[0: 140.82.121.4]: errno=Operation timed out",
        _issue("travelping/docker-nettools", 7),
    ),
    Words(
        "no-answer",
        "ssh",
        r"port 22: Connection timed out",
        "ssh: connect to host github.com port 22: Connection timed out",
        _SSH,
    ),
    Words(
        "no-answer",
        "ping",
        r"\b100% packet loss",
        "3 packets transmitted, 0 received, 100% packet loss",
        _file("iputils/iputils", "ping/ping_common.c"),
    ),
    Words(
        "no-answer",
        "bun",
        r"Is the computer able to access the url",
        "Unable to connect. Is the computer able to access the url?",
        _issue("oven-sh/bun", 1425),
    ),
    # -- refused
    Words("refused", "glibc", r"\bConnection refused", "Connection refused", _GLIBC_ERRNO),
    Words(
        "refused",
        "curl",
        r"\bFailed to connect to 192\.168\.\d{1,3}\.1 port",
        "curl: (7) Failed to connect to 192.168.64.1 port 3001 after 1 ms",
        _issue("nanocoai/nanoclaw", 1103),
    ),
    Words("refused", "Node", r"\bECONNREFUSED\b", "connect ECONNREFUSED 192.168.64.1:3001", _LIBUV),
    Words(
        "refused",
        "Go",
        r"connect: connection refused",
        "dial tcp 192.168.64.1:80: connect: connection refused",
        _issue("moby/moby", 20611),
    ),
    Words(
        "refused",
        "Python",
        r"\[Errno 111\]",
        "[Errno 111] Connection refused",
        _issue("thp/urlwatch", 262),
    ),
    Words(
        "refused",
        "bun",
        r"\bConnectionRefused\b",
        "ConnectionRefused: http://127.0.0.1",
        _issue("oven-sh/bun", 2802),
    ),
    # -- no route inside
    Words(
        "unreachable",
        "glibc",
        r"\bNetwork is unreachable",
        "[Errno 101] Network is unreachable",
        _GLIBC_ERRNO,
    ),
    Words(
        "unreachable",
        "musl",
        r"\bNetwork unreachable",
        "ping: sendto: Network unreachable",
        _MUSL_ERRNO,
    ),
    Words(
        "unreachable",
        "Node",
        r"\bENETUNREACH\b",
        "connect ENETUNREACH 203.0.113.113:3001 - Local (0.0.0.0:0)",
        _issue("Heavrnl/nexus-terminal", 13),
    ),
    Words(
        "unreachable",
        "Go",
        r"connect: network is unreachable",
        "dial tcp: connect: network is unreachable",
        _issue("grpc/grpc", 10956),
    ),
    Words(
        "unreachable",
        "ping",
        r"\bDestination Net Unreachable",
        "Destination Net Unreachable",
        _file("iputils/iputils", "ping/ping.c"),
    ),
    # -- no route from the Mac
    Words(
        "no-route",
        "macOS",
        r"\[Errno 65\]",
        "OSError: [Errno 65] No route to host",
        _issue("damiafuentes/DJITelloPy", 244),
    ),
    Words(
        "no-route",
        "macOS",
        r"errno: 65\b",
        "No route to host) (errno: 65)",
        _issue("apple/container", 2029),
    ),
    Words(
        "no-route",
        "Node",
        r"\bEHOSTUNREACH\b",
        "connect EHOSTUNREACH 192.168.64.5:8080",
        _issue("nicobailon/pi-mcp-adapter", 543),
    ),
    Words(
        "no-route",
        "glibc",
        r"\bNo route to host",
        "connect: No route to host",
        _issue("apple/container", 1702),
    ),
    Words(
        "no-route",
        "ping",
        r"\bping: sendto: No route to host",
        "ping: sendto: No route to host",
        _issue("utmapp/UTM", 7343),
        ("wrong-interface",),
    ),
    Words("no-route", "musl", r"\bHost is unreachable", "Host is unreachable", _MUSL_ERRNO),
    Words(
        "no-route",
        "ping",
        r"\bDestination Host Unreachable",
        "Destination Host Unreachable",
        _issue("langgenius/dify", 14202),
    ),
    Words(
        "no-route",
        "Java",
        r"\bNoRouteToHostException",
        "java.net.NoRouteToHostException",
        _file("openjdk/jdk", "src/java.base/share/classes/java/net/NoRouteToHostException.java"),
    ),
    Words(
        "no-route",
        "Chrome",
        r"\bERR_ADDRESS_UNREACHABLE",
        "net::ERR_ADDRESS_UNREACHABLE",
        _issue("anthropics/claude-code", 27174),
    ),
    # -- reset
    Words(
        "reset",
        "glibc",
        r"\bConnection reset by peer",
        "Recv failure: Connection reset by peer",
        _issue("apple/container", 2029),
    ),
    Words(
        "reset",
        "Node",
        r"\bECONNRESET\b",
        "read ECONNRESET",
        _issue("anthropics/claude-code", 42949),
    ),
    Words("reset", "Python", r"\[Errno 104\]", "ConnectionResetError: [Errno 104]", _GLIBC_ERRNO),
    Words(
        "reset",
        "curl",
        r"\bEmpty reply from server",
        "curl: (52) Empty reply from server",
        _file("curl/curl", "lib/transfer.c"),
        ("local-network-denied",),
    ),
    Words(
        "reset",
        "git",
        r"\bRPC failed; curl",
        "error: RPC failed; curl 56 GnuTLS recv error",
        _file("git/git", "remote-curl.c"),
    ),
    Words(
        "reset", "git", r"early EOF", "fatal: early EOF", _file("git/git", "builtin/index-pack.c")
    ),
    Words(
        "reset",
        "ssh",
        r"kex_exchange_identification",
        "kex_exchange_identification: read: Connection reset by peer",
        _issue("microsoft/vscode-remote-release", 3736),
    ),
    Words(
        "reset",
        "Go",
        r"\bunexpected EOF\b",
        "Get https://example.test/v2/: unexpected EOF",
        _issue("docker/for-mac", 3312),
    ),
    Words(
        "reset",
        "Python",
        r"\bRemote end closed connection",
        "Remote end closed connection without response",
        _file("python/cpython", "Lib/http/client.py"),
    ),
    # -- TLS
    Words(
        "tls",
        "curl",
        r"\bSSL_ERROR_SYSCALL",
        "curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL",
        _issue("curl/curl", 14154),
    ),
    Words(
        "tls",
        "curl",
        r"\bTLS connect error",
        "curl: (35) TLS connect error: error:00000000:lib(0)",
        _file("curl/curl", "lib/vtls/openssl.c"),
    ),
    Words(
        "tls",
        "curl",
        r"\bSSL certificate problem",
        "SSL certificate problem: self signed certificate",
        _issue("npm/npm", 14105),
    ),
    Words(
        "tls",
        "Go",
        r"\bTLS handshake timeout",
        "net/http: TLS handshake timeout",
        _GO_HTTP,
        ("large-mtu", "ruleset-replaced", "node-ipv6-first"),
    ),
    Words(
        "tls",
        "Go",
        r"x509: certificate signed by unknown authority",
        "x509: certificate signed by unknown authority",
        _issue("moby/moby", 20912),
    ),
    Words("tls", "Go", r"\bx509: ", "tls: failed to verify certificate: x509: expired", _GO_X509),
    Words(
        "tls",
        "Node",
        r"\bSELF_SIGNED_CERT_IN_CHAIN",
        "npm error code SELF_SIGNED_CERT_IN_CHAIN",
        _issue("huggingface/chat-ui", 1283),
    ),
    Words(
        "tls",
        "Node",
        r"\bUNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        _file("nodejs/node", "doc/api/tls.md"),
    ),
    Words(
        "tls",
        "Node",
        r"\bUNABLE_TO_GET_ISSUER_CERT",
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        _file("nodejs/node", "doc/api/tls.md"),
    ),
    Words(
        "tls",
        "OpenSSL",
        r"self.signed certificate in certificate chain",
        "self-signed certificate in certificate chain",
        _issue("npm/npm", 7519),
    ),
    Words(
        "tls",
        "Python",
        r"\bCERTIFICATE_VERIFY_FAILED",
        "[SSL: CERTIFICATE_VERIFY_FAILED]",
        _file("python/cpython", "Modules/_ssl.c"),
    ),
    Words(
        "tls",
        "Java",
        r"\bPKIX path building failed",
        "PKIX path building failed",
        _issue("gradle/gradle", 14019),
    ),
    Words(
        "tls",
        "Java",
        r"\bSSLHandshakeException",
        "javax.net.ssl.SSLHandshakeException",
        _issue("craigburke/client-dependencies-gradle", 103),
    ),
    Words(
        "tls",
        "GnuTLS",
        r"\bgnutls_handshake\b",
        "gnutls_handshake() failed: Error in the pull function.",
        _issue("phusion/baseimage-docker", 397),
    ),
    Words(
        "tls",
        "Ruby",
        r"\bOpenSSL::SSL::SSLError",
        "OpenSSL::SSL::SSLError",
        _file("ruby/openssl", "ext/openssl/ossl_ssl.c"),
    ),
    Words(
        "tls",
        "git",
        r"server certificate verification failed",
        "server certificate verification failed. CAfile: none",
        _file("curl/curl", "lib/vtls/gtls.c"),
    ),
    # -- permission
    Words(
        "denied",
        "macOS",
        r"not allowed to use local network",
        "nehelper: not allowed to use local network",
        _issue("NousResearch/hermes-agent", 71206),
    ),
    Words(
        "denied",
        "people",
        r"\blocal network privacy",
        "macOS Local Network privacy",
        _issue("nicobailon/pi-mcp-adapter", 543),
    ),
    Words(
        "denied",
        "people",
        r"\bIn Terminal the same",
        "In Terminal the same command works",
        _issue("anthropics/claude-code", 37994),
    ),
    Words(
        "denied",
        "people",
        r"\bworks in Terminal",
        "the same binary works in Terminal",
        _issue("NousResearch/hermes-agent", 71206),
    ),
    Words(
        "denied",
        "people",
        r"\bin Terminal works\b",
        "the same script in Terminal works",
        _issue("NousResearch/hermes-agent", 71206),
    ),
    # -- IPv6
    Words(
        "ipv6",
        "Node",
        r"\bENETUNREACH [0-9a-f]{1,4}:",
        "connect ENETUNREACH 2001:db8::1:443 - Local (:::0)",
        _GITHUB + "nanocoai/nanoclaw/pull/2045",
    ),
    Words(
        "ipv6",
        "Go",
        r"\bdial tcp \[[0-9a-f:]{3,40}\]",
        "dial tcp [2001:db8::1]:443: connect: network is unreachable",
        _GO_NET,
    ),
    # -- vmnet
    Words(
        "vmnet",
        "vmnet",
        r"\bvmnet_return_t 1\d\d\d\b",
        "start(): vmnet_return_t 1009",
        _issue("lima-vm/vde_vmnet", 36),
    ),
    Words(
        "vmnet",
        "vmnet",
        r"\bvmnet_start_interface\b",
        "vmnet_start_interface failed with 1001",
        _issue("lima-vm/vde_vmnet", 36),
    ),
    Words(
        "vmnet",
        "QEMU",
        r"\bcannot create vmnet interface",
        "-netdev vmnet-shared,id=net0: cannot create vmnet interface: general failure",
        _issue("utmapp/UTM", 4290),
    ),
    Words(
        "vmnet",
        "multipass",
        r"\bCould not create vmnet interface",
        "virtio_net: Could not create vmnet interface, permission denied or no entitlement?",
        _issue("canonical/multipass", 1505),
    ),
    Words(
        "vmnet",
        "InternetSharing",
        r"\bVMNet in NAT mode can't be started",
        "VMNet in NAT mode can't be started now due to an active InternetSharing session on en0",
        _issue("gyf304/vmcli", 5),
    ),
    Words(
        "vmnet",
        "container",
        r"\bfailed to create vmnet network",
        'failed to create vmnet network with status vmnet_return_t(rawValue: 1001)"',
        _issue("apple/container", 863),
    ),
    # -- the service
    Words(
        "service",
        "nanoclaw",
        r"\bcontainer runtime .{0,8}not running",
        "container runtime is not running",
        _issue("nanocoai/nanoclaw", 1067),
    ),
    Words(
        "service",
        "container",
        r"\bXPC connection error\b",
        "everything says XPC connection error",
        _issue("apple/container", 36),
    ),
    Words(
        "service",
        "container",
        r"\bXPC connection error: Connection in",
        'Error: interrupted: "XPC connection error: Connection invalid"',
        _issue("apple/container", 80),
    ),
    Words(
        "service",
        "container",
        r"\bEnsure container system service has been started",
        "Ensure container system service has been started with `container system start`.",
        _issue("apple/container", 1721),
    ),
    Words(
        "service",
        "container",
        r"ensure container system has been started",
        "ensure container system has been started with `container system start`",
        _GITHUB + "apple/container/pull/179",
    ),
    Words(
        "service",
        "container",
        r"apiserver is not running",
        "apiserver is not running and not registered with launchd",
        _issue("apple/container", 1721),
    ),
    Words(
        "service",
        "container",
        r'"status" ?: ?"unregistered"',
        '{"status":"unregistered"}',
        _CONTAINER,
    ),
    Words(
        "service",
        "container",
        r"\bfailed to get a response from apiserver",
        "failed to get a response from apiserver after 10 seconds",
        _issue("apple/container", 205),
    ),
    Words(
        "service",
        "Docker",
        r"\bCannot connect to the Docker daemon",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock",
        _issue("docker/for-mac", 1641),
    ),
    # -- pf
    Words(
        "ruleset",
        "container",
        r"pf config has no rdr-anchor",
        'Error: invalidState: "pf config has no rdr-anchor for "com.apple/*""',
        _PF,
    ),
    Words(
        "ruleset",
        "container",
        r"active pf rules have no rdr-anchor",
        'Error: invalidState: "active pf rules have no rdr-anchor for "com.apple/*""',
        _PF,
    ),
    # -- overlap
    Words(
        "overlap",
        "people",
        r"\bconflicts? with .{0,40}network",
        "conflicts with my local network",
        _issue("canonical/multipass", 4383),
    ),
    Words(
        "overlap",
        "people",
        r"\bconflicts? with .{0,40}\bLAN\b",
        "conflicts with common LAN ranges",
        _issue("anthropics/claude-code", 29340),
    ),
    Words(
        "overlap",
        "people",
        r"\boverlaps? .{0,40}network",
        "the subnet overlaps my home network",
        _issue("nirs/vmnet-broker", 18),
    ),
    Words(
        "overlap",
        "people",
        r"\bLAN is 192\.168\.",
        "The LAN is 192.168.0.0/16",
        _issue("anthropics/claude-code", 29340),
    ),
    # -- anything else about the network
    Words(
        "network",
        "people",
        r"\bnetwork\b",
        "no network in the container",
        _issue("apple/container", 469),
    ),
    Words(
        "network",
        "people",
        r"\binternet\b",
        "the container has no internet",
        _issue("apple/container", 469),
    ),
    Words(
        "network", "people", r"\bconnection\b", "connection problem", _issue("apple/container", 469)
    ),
    Words("network", "people", r"\btimed out\b", "it timed out", _issue("apple/container", 469)),
    Words("network", "people", r"\btime ?out\b", "a timeout", _issue("apple/container", 469)),
    Words(
        "network",
        "people",
        r"\bunreachable\b",
        "the site is unreachable",
        _issue("apple/container", 469),
    ),
)


def _found(searched: Searched) -> Dict[str, Tuple[int, str, Words]]:
    """For every layer that a text speaks of: the weight of its best row, the line, the row."""
    best: Dict[str, Tuple[int, str, Words]] = {}
    for words in WORDS:
        worth = weight(words.pattern)
        if words.layer in best and worth <= best[words.layer][0]:
            continue
        hit = searched.search(words.pattern)
        if hit is not None:
            line = quote(searched.text, hit.start(), hit.end())
            best[words.layer] = (worth, line, words)
    if "ipv6" in best and best.get("unreachable", ("", ""))[1] == best["ipv6"][1]:
        del best["unreachable"]
    for unclear in ({"network"}, {name for name, hit in best.items() if hit[2].pattern in _VAGUE}):
        if set(best) - unclear:
            best = {name: hit for name, hit in best.items() if name not in unclear}
    return best


# A message of its own kind names a fault more surely than any story does; a story more surely than
# what many faults print.
_STORY, _EXACT, _NAME = 100_000.0, 200_000.0, 9.5
_EXACT_LENGTH = 16
_EXACT_LAYERS = ("service", "ruleset", "overlap", "vmnet")


# The faults whose own messages are printed for nothing else.
_OWN_WORDS = (
    *("vpn-filter", "forwarding-off", "no-container", "private-relay"),
    *("firewall-blocks-all", "port-53-taken", "local-network-denied", "local-network-never-asked"),
    *("host-docker-internal", "service-not-running", "vmnet-refuses", "pf-helper-hangs"),
    *("command-hangs", "no-kernel", "anchor-file-missing", "pf-conf-rejected", "pf-disabled"),
    "host-program-denied",
)


@cache
def _exact_symptoms(fault: str) -> Tuple[Symptom, ...]:
    """The texts that one program prints for this fault alone."""
    others = {s.pattern for f in FAULTS if f.name != fault for s in f.symptoms}
    others |= {s.pattern for row in GUIDE for s in row.symptoms}
    # What a layer knows, any of its faults prints.
    common = [words.example for words in WORDS if words.layer not in _EXACT_LAYERS]
    return tuple(
        symptom
        for symptom in (BY_NAME[fault].symptoms if fault in _OWN_WORDS else ())
        if symptom.verbatim
        and symptom.pattern not in others
        and weight(symptom.pattern) >= _EXACT_LENGTH
        and not any(compiled(symptom.pattern).search(example) for example in common)
    )


def leads(
    text: str,
    system: Optional[int] = None,
    version: Optional[Tuple[int, ...]] = None,
    prose: str = "",
) -> Tuple[Tuple[Lead, ...], Tuple[Match, ...]]:
    """The layers that a text speaks of, the surest first; and faults, the likeliest first.

    A text that only one fault prints comes first, then what the text tells as a whole, then what
    the catalogue knows of it otherwise; a layer's faults stand by the length of the text found,
    halved with each place in its order. `system` is the major version of macOS and `version`
    container's, where they are known: what cannot be in them is left out. `prose` is the text with
    the commands in it, where it is at hand.
    """
    text = bounded(text)
    searched = Searched(text)
    found = _found(searched)
    ranked: Dict[str, Tuple[float, Match]] = {}
    for match in explained(searched):
        # What says no more than `sudo` does not make it F38.
        if _counts(match.fault.name, text):
            exact = any(searched.search(s.pattern) for s in _exact_symptoms(match.fault.name))
            ranked[match.fault.name] = (match.score + (_EXACT if exact else 0.0), match)
    prose = bounded(prose) or text
    tales = stories.told(searched if prose == text else Searched(prose), version)
    for length, line, words in found.values():
        order = dict.fromkeys((*words.first, *LAYERS[words.layer].faults))
        counted = [fault for fault in order if _counts(fault, text)]
        exact = words.layer in _EXACT_LAYERS and length >= _EXACT_LENGTH
        for place, fault in enumerate(counted):
            score = (length + 1) / (1 + place) + (_EXACT if exact and not place else 0)
            if words.layer == "network" and tales:
                score /= 10  # it says less than any of them
            _rank(ranked, Match(BY_NAME[fault], 0, line, None, None), score)
    for number, (story, start, end) in enumerate(tales):
        line = quote(prose, start, end)
        # A name alone is no more than a layer.
        worth = _STORY + 100 * len(story.tells) - number if len(story.tells) > 1 else _NAME
        for place, name in enumerate(story.faults):
            score = worth - place * (20 if len(story.tells) > 1 else 5)
            _rank(ranked, Match(BY_NAME[name], 0, line, None, None, True), score)
    layers = sorted(found.values(), key=lambda entry: -entry[0])
    chosen = tuple(Lead(LAYERS[words.layer], line, words) for _w, line, words in layers)
    ordered = sorted(ranked.values(), key=lambda entry: -entry[0])
    return chosen, tuple(m for _score, m in ordered if m.fault.fits(system, version))


def _rank(ranked: Dict[str, Tuple[float, Match]], match: Match, score: float) -> None:
    """Let a fault be ranked where it is not better ranked yet; its own symptom stays the reason."""
    known = ranked.get(match.fault.name)
    if known is None:
        ranked[match.fault.name] = (score, match)
    elif score > known[0]:
        kept = known[1] if known[1].symptom is not None else match
        ranked[match.fault.name] = (score, replace(kept, story=kept.story or match.story))


def _counts(fault: str, text: str) -> bool:
    needed: Optional[str] = _NEEDS.get(fault)
    return needed is None or re.search(needed, text) is not None
