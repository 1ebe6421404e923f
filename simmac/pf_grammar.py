"""The grammar of pf.conf, as far as the Mac's files and ours use it (macos.md, 4 and 5;
macos.md, 13).

A parser for one file. What it finds is a `Parsed`: rules with lists expanded, tables, `load anchor`
lines, and every complaint in pfctl's words. After an error it goes on with the next line, as pfctl
does, so that a file with three mistakes gets three messages.
"""

from __future__ import annotations

from itertools import product

from . import net
from .pf_lexer import END, NEWLINE, STRING, WORD, Lexer, PfError
from .pf_names import CODES, ICMP, ICMP6, SERVICES
from .pf_rules import ANY, anchor_call, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

    from .pf_lexer import Token
    from .pf_rules import Host, Rule

    Addresses = Callable[[str], List[Tuple[str, int]]]

__all__ = ["Parsed", "parse"]

ORDER_MESSAGE = "Rules must be in order: options, normalization, queueing, translation, filtering"
CALLABLE = ("scrub", "nat", "rdr", "binat", "dummynet")
# Dummynet anchors stand between translation and filtering in Apple's own file.
STAGE = {
    "option": 1,
    "scrub": 2,
    "queue": 3,
    "nat": 4,
    "rdr": 4,
    "binat": 4,
    "dummynet": 5,
    "filter": 6,
}
OPTIONS = [
    "block-policy",
    "debug",
    "fingerprints",
    "hostid",
    "limit",
    "loginterface",
    "optimization",
    "require-order",
    "ruleset-optimization",
    "skip",
    "state-defaults",
    "state-policy",
    "timeout",
    "reassemble",
    "fail-policy",
]
# Statements of options that may stand behind rules; and the words that some options take.
FREE_OPTIONS = ("hostid", "require-order", "ruleset-optimization", "skip", "state-policy")
VALUES = {
    "block-policy": ("drop", "return"),
    "require-order": ("yes", "no"),
    "ruleset-optimization": ("none", "basic", "profile"),
    "state-policy": ("if-bound", "floating"),
}
PROTOCOLS = ("tcp", "udp", "icmp", "icmp6", "ipv6-icmp", "esp", "ah", "gre", "igmp", "ipencap")
POOL_TYPES = ("bitmask", "random", "source-hash", "round-robin")
EXTFILTER = ("ei", "ad", "apd")  # endpoint-, address-, address-and-port-dependent
MODIFIERS = ("network", "broadcast", "peer", "0")


class Parsed:
    """What a file says.

    `rules` has (anchor path, rule) in the file's order; `tables` {anchor path: {name: networks}};
    `loads` (anchor path, file) of its `load anchor` lines; `optimization` its first `set
    ruleset-optimization`, if any; `errors` complete lines of stderr. Not to be changed: whoever
    reads the same text gets the same one.
    """

    def __init__(self) -> None:
        self.rules: List[Tuple[str, Rule]] = []
        self.tables: Dict[str, Dict[str, List[str]]] = {}
        self.loads: List[Tuple[str, str]] = []
        self.skip: List[str] = []
        self.optimization: Optional[str] = None
        self.errors: List[str] = []
        # What the optimizer has made of it, by its level.
        self.optimized: Dict[Optional[str], Parsed] = {}

    def with_(
        self, rules: List[Tuple[str, Rule]], tables: Dict[str, Dict[str, List[str]]]
    ) -> Parsed:
        """The same file with other rules and tables."""
        made = Parsed()
        made.rules, made.tables = rules, tables
        made.loads, made.skip = self.loads, self.skip
        made.optimization, made.errors = self.optimization, self.errors
        return made


# What was found in a text the last time, and what it was told then of the Mac around it.
_FOUND: Dict[Tuple[str, str, str, bool], Tuple[Parsed, Dict[str, Any], Dict[str, Any]]] = {}
_MANY = 500


def parse(
    text: str,
    name: str,
    anchor: str,
    *,
    addresses: Addresses,
    read: Callable[[str], Optional[str]],
    lenient_end: bool = False,
) -> Parsed:
    """Read one file for the ruleset `anchor` ("" is the main one).

    `name` is how messages call the file; `addresses` gives an interface's (address, prefix) pairs,
    an empty list where it is absent; `read` a file's text for `include` and tables.
    """
    key = (text, name, anchor, lenient_end)
    if key in _FOUND:
        found, had, files = _FOUND[key]
        if all(addresses(one) == pairs for one, pairs in had.items()) and all(
            read(one) == content for one, content in files.items()
        ):
            return found
    had, files = {}, {}

    def noted_addresses(interface: str) -> List[Tuple[str, int]]:
        had[interface] = pairs = addresses(interface)
        return pairs

    def noted_read(path: str) -> Optional[str]:
        files[path] = content = read(path)
        return content

    reader = _Reader(name, anchor, noted_addresses, noted_read, lenient_end)
    reader.file(text, name)
    if len(_FOUND) >= _MANY:
        _FOUND.clear()
    _FOUND[key] = reader.found, had, files
    return reader.found


class _Reader:
    """The statements of a file."""

    def __init__(
        self,
        name: str,
        anchor: str,
        addresses: Addresses,
        read: Callable[[str], Optional[str]],
        lenient_end: bool,
    ) -> None:
        self.name = name
        self.anchor = anchor
        self.addresses = addresses
        self.read = read
        self.lenient_end = lenient_end
        self.found = Parsed()
        self.macros: Dict[str, str] = {}
        self.stage = 0
        self.ordered = True
        self.policy = "drop"
        self.unnamed: List[str] = []
        self.inline: List[str] = []
        self.braces = 0
        self.lexer = Lexer("", self.macros)
        self.handlers = self._handlers()

    # -- statements

    def file(self, text: str, name: str) -> None:
        """Read a file, or an included one in the middle of it."""
        outer, outer_name = self.lexer, self.name
        self.name = name
        self.lexer = Lexer(text, self.macros)
        while self.lexer.peek().kind != END:
            self.statement()
        self.lexer, self.name = outer, outer_name

    def statement(self, closing: bool = False) -> None:
        """One line, with its end of line."""
        if self.lexer.peek().kind == NEWLINE:
            self.lexer.next()
            return
        try:
            self._statement()
            self._end_of_line(closing)
        except PfError as error:
            self._complain(error)
            self.lexer.skip_line()

    def _complain(self, error: PfError) -> None:
        # A macro that is not defined is said first, by the scanner.
        for earlier in self.lexer.messages:
            self.found.errors.append(f"{self.name}:{earlier.line}: {earlier.message}")
        self.lexer.messages.clear()
        line = error.line if error.line is not None else self.lexer.line
        if error.message.startswith("no IP address found"):
            # Said by the resolver, without a place, before the grammar says where.
            self.found.errors.append(error.message)
            error = PfError("could not parse host specification")
        self.found.errors.append(f"{self.name}:{line}: {error.message}")

    def _end_of_line(self, closing: bool) -> None:
        token = self.lexer.peek()
        if token.kind == NEWLINE:
            self.lexer.next()
        elif (token.kind == END and self.lenient_end) or (closing and token.is_("}")):
            pass
        else:
            raise PfError

    def _statement(self) -> None:
        token = self.lexer.peek()
        if token.kind != WORD:
            raise PfError
        if self.lexer.peek(1).is_("=") and not self.braces:
            self._macro()
            return
        handler = self.handlers.get(token.text)
        if handler is None or (self.braces and handler not in (self._anchor, self._filter)):
            raise PfError
        handler()

    def _handlers(self) -> Dict[str, Callable[[], None]]:
        calls = ("anchor", *(f"{kind}-anchor" for kind in CALLABLE))
        return {
            **dict.fromkeys(calls, self._anchor),
            "set": self._set,
            "include": self._include,
            "load": self._load,
            "table": self._table,
            "antispoof": self._antispoof,
            "altq": self._queue,
            "queue": self._queue,
            "scrub": self._scrub,
            "dummynet": self._dummynet,
            "nat": self._translation,
            "rdr": self._translation,
            "binat": self._translation,
            "no": self._no,
            "pass": self._filter,
            "block": self._filter,
        }

    def _order(self, stage: str) -> None:
        """The statement is read; is this its place? What follows it must be the end of a line."""
        token = self.lexer.peek()
        if token.kind == END and not self.lenient_end:
            raise PfError
        if token.kind not in (NEWLINE, END) and not (self.braces and token.is_("}")):
            raise PfError
        number = STAGE[stage]
        if self.ordered and number < self.stage:
            raise PfError(ORDER_MESSAGE)
        self.stage = number

    def _macro(self) -> None:
        name = self.lexer.next().text
        self.lexer.next()
        values = []
        while self.lexer.peek().kind in (WORD, STRING) or self.lexer.peek().is_("/"):
            values.append(self.lexer.next().text)
        if not values:
            raise PfError
        self.macros[name] = " ".join(values).replace(" / ", "/")

    def _set(self) -> None:
        self.lexer.next()
        option = self.word()
        if option not in OPTIONS:
            raise PfError(line=self.lexer.line)
        values: List[str] = []
        while self.lexer.peek().kind not in (NEWLINE, END):
            values.append(self.lexer.next().text)
        if not values or values[0] not in VALUES.get(option, values):
            raise PfError
        if option not in FREE_OPTIONS:
            self._order("option")
        if option == "require-order":
            self.ordered = values[0] == "yes"
        elif option == "ruleset-optimization":
            self.found.optimization = self.found.optimization or values[0]
        elif option == "block-policy":
            self.policy = values[0]
        elif option == "skip":
            self.found.skip += [v for v in values if v not in ("on", "{", "}", ",")]

    def _include(self) -> None:
        self.lexer.next()
        name = self.string()
        text = self.read(name)
        if text is None:
            raise PfError(f"failed to include file {name}")
        self.file(text, name)

    def _load(self) -> None:
        self.lexer.next()
        self.expect("anchor")
        name = self.string()
        self.expect("from")
        self.found.loads.append((self.under(name), self.string()))

    def _table(self) -> None:
        self.lexer.next()
        self.expect("<")
        name = self.word()
        self.expect(">")
        networks: List[str] = []
        while self.lexer.peek().kind == WORD or self.lexer.peek().is_("{"):
            if self.lexer.peek().is_("{"):
                networks += self._members()
            elif self.accept("file"):
                text = self.read(self.string())
                if text is None:
                    raise PfError
                networks += [w for line in text.splitlines() for w in line.split("#")[0].split()]
            elif not self.accept("persist", "const", "counters"):
                raise PfError
        self.found.tables.setdefault(self.anchor, {})[name] = sorted(networks, key=_by_number)

    def _members(self) -> List[str]:
        """The networks of a table, of which there may be none."""
        if self.lexer.peek(1).is_("}"):
            self.lexer.next()
            self.lexer.next()
            return []
        hosts = self.hosts()
        for host in hosts:
            if host["type"] not in ("any", "net", "net6"):
                raise PfError(f"{host['text']} is not permitted inside tables")
        return [str(host["text"]) for host in hosts]

    def _queue(self) -> None:
        while self.lexer.peek().kind not in (NEWLINE, END):
            self.lexer.next()
        self._order("queue")

    def _antispoof(self) -> None:
        self.lexer.next()
        rule: Rule = {"action": "block", "policy": self.policy, "dir": "in", "dst": ANY}
        self.log_quick(rule)
        self.expect("for")
        names = [name for name, _ in self.listed(self._interface)]
        family = self.family()
        self._order("filter")
        for name in names:
            for text, prefix in self.addresses(name):
                first = net.dotted(net.address(text) & net.mask_of(prefix))
                for source, extra in (
                    (f"{first}/{prefix}", {"iface": name, "iface_not": True}),
                    (text, {}),
                ):
                    if family != "inet6":
                        host = _network(source)
                        self.add({**rule, **extra, "af": "inet", "src": host})

    # -- anchors

    def under(self, name: str) -> str:
        """The full path of an anchor named in this ruleset."""
        return f"{self.anchor}/{name}" if self.anchor and not name.startswith("/") else name

    def _anchor(self) -> None:
        action = self.lexer.next().text
        kind = "filter" if action == "anchor" else action[: -len("-anchor")]
        name = ""
        if self.lexer.peek().kind in (STRING, WORD) and not self.lexer.peek().is_("in", "out"):
            name = self.lexer.next().text
        rule = anchor_call(kind, name)
        self._anchor_scope(rule)
        if kind == "filter":
            self.filter_options(rule)
            rule.pop("state", None)
            rule.pop("flags", None)
            if self.lexer.peek().is_("{"):
                rule["call"] = name = self._body(name)
        if not name:
            raise PfError
        if "/_" in name or (name.startswith("_") and name not in self.unnamed):
            raise PfError("anchor names beginning with '_' are reserved for internal use")
        self._order(kind)
        for variant in self._variants(rule):
            self.add(variant)

    def _anchor_scope(self, rule: Rule) -> None:
        self.direction(rule)
        self.log_quick(rule)
        rule["_ifaces"] = self.interfaces()
        self.family_into(rule)
        rule["_protos"] = self.protocols()
        self.from_to(rule)

    def _body(self, name: str) -> str:
        """Rules in braces behind an anchor: filters and calls only, in the order of the file."""
        if not name:
            name = f"_{len(self.unnamed) + 1}"
            self.unnamed.append(name)
        path = self.under(name)
        self.expect("{")
        outer = self.anchor
        self.anchor = path
        self.braces += 1
        while not self.lexer.peek().is_("}"):
            if self.lexer.peek().kind == END:
                raise PfError
            self.statement(closing=True)
        self.lexer.next()
        self.anchor = outer
        self.braces -= 1
        if path in self.inline:
            raise PfError(f"inline anchor '{path}' already exists")
        self.inline.append(path)
        return name

    # -- rules

    def _no(self) -> None:
        what = self.lexer.peek(1).text
        self.lexer.next()
        if what == "scrub":
            self._scrub(no=True)
        elif what in ("nat", "rdr", "binat"):
            self._translation(no=True)
        else:
            raise PfError

    def _scrub(self, no: bool = False) -> None:
        self.lexer.next()
        rule: Rule = {"action": "scrub", "no": no, "scrub": []}
        self._anchor_scope(rule)
        while self.lexer.peek().kind == WORD:
            word = self.lexer.next().text
            if word in ("no-df", "random-id"):
                rule["scrub"].append(word)
            elif word in ("min-ttl", "max-mss"):
                rule["scrub"].append(f"{word} {self.number()}")
            elif word == "reassemble":
                self.expect("tcp")
                rule["scrub"].append("reassemble tcp")
            elif word == "fragment":
                if not self.accept("reassemble", "crop", "drop-ovl"):
                    raise PfError
            else:
                raise PfError(line=self.lexer.line)
        rule["reassemble"] = not no
        self._order("scrub")
        for variant in self._variants(rule):
            self.add(variant)

    def _dummynet(self) -> None:
        self.lexer.next()
        rule: Rule = {"action": "dummynet"}
        self._anchor_scope(rule)
        if self.accept("pipe", "queue"):
            rule["pipe"] = self.number()
        self._order("dummynet")
        for variant in self._variants(rule):
            self.add(variant)

    def _translation(self, no: bool = False) -> None:
        rule: Rule = {"action": self.lexer.next().text, "no": no}
        if self.accept("pass"):
            rule["pass"] = True
        if self.accept("log"):
            rule["log"] = True
        rule["_ifaces"] = self.interfaces()
        self.family_into(rule)
        rule["_protos"] = self.protocols()
        self.from_to(rule)
        if self.accept("tag"):
            rule["tag"] = self.string()
        self.tagged(rule)
        if self.accept("rtable"):
            rule["rtable"] = self.number()
        if self.lexer.peek().is_("->"):
            self._target(rule)
        self._order(str(rule["action"]))
        if not no and "pool" not in rule:
            raise PfError("translation rule requires '-> address'")
        if no and "pool" in rule:
            raise PfError("'no' translation rules cannot have a redirection")
        for variant in self._variants(rule):
            self.add(variant)

    def _target(self, rule: Rule) -> None:
        self.lexer.next()
        pool = self.hosts()
        if any(host.get("not") or host["type"] == "any" for host in pool):
            raise PfError
        options: List[str] = []
        if self.accept("port"):
            options.append(f"port {self.ports()[0]}")
        while self.lexer.peek().is_(*POOL_TYPES, "static-port", "sticky-address", "extfilter"):
            word = self.lexer.next().text
            if word == "extfilter":
                kind = self.word()
                if kind not in EXTFILTER:
                    raise PfError(line=self.lexer.line)
                word = f"extfilter {kind}"
            options.append(word)
        several = len(pool) > 1 or (pool[0]["type"] == "dynamic" and not pool[0]["first_only"])
        if several and not any(word in POOL_TYPES for word in options):
            # (en0) may be several addresses, (en0:0) is one (DYNAIF_MULTIADDR in pf's parse.y).
            options.insert(0, "round-robin")
        rule["pool"] = pool
        rule["pool_options"] = options

    def _filter(self) -> None:
        rule: Rule = {"action": self.lexer.next().text}
        if rule["action"] == "block":
            rule["policy"] = self.policy
            if self.lexer.peek().is_("drop", "return", "return-rst", "return-icmp"):
                rule["policy"] = self.lexer.next().text
        self.direction(rule)
        self.log_quick(rule)
        rule["_ifaces"] = self.interfaces()
        if self.lexer.peek().is_("route-to", "reply-to", "dup-to"):
            rule["route"] = f"{self.lexer.next().text} {self._hops()}"
        self.family_into(rule)
        rule["_protos"] = self.protocols()
        self.from_to(rule)
        self.filter_options(rule)
        self._order("filter")
        for variant in self._variants(rule):
            self.add(variant)

    def _hops(self) -> str:
        """Where a rule routes to: `en0`, `(en0 10.0.0.1)`, or a list of those."""
        hops = list(self.listed(self._hop))
        if len(hops) == 1:
            return str(hops[0])
        return "{ " + ", ".join(hops) + " } round-robin"

    def _hop(self) -> str:
        return self._raw_group() if self.lexer.peek().is_("(") else self.string()

    def _raw_group(self) -> str:
        """`(en0 10.0.0.1)` of a route option, kept as written."""
        self.expect("(")
        words = []
        while not self.lexer.peek().is_(")"):
            if self.lexer.peek().kind in (NEWLINE, END):
                raise PfError
            words.append(self.lexer.next().text)
        self.lexer.next()
        return f"({' '.join(words)})"

    # -- parts of rules

    def direction(self, rule: Rule) -> None:
        if self.lexer.peek().is_("in", "out"):
            rule["dir"] = self.lexer.next().text

    def log_quick(self, rule: Rule) -> None:
        while self.lexer.peek().is_("log", "quick"):
            rule[self.lexer.next().text] = True

    def family(self) -> str:
        return self.lexer.next().text if self.lexer.peek().is_("inet", "inet6") else ""

    def family_into(self, rule: Rule) -> None:
        found = self.family()
        if found:
            rule["af"] = found

    def interfaces(self) -> List[Tuple[str, bool]]:
        """(name, negated) of `on IF`, `on ! IF`, `on { IF, IF }`; one empty name without."""
        if not self.accept("on"):
            return [("", False)]
        return list(self.listed(self._interface))

    def _interface(self) -> Tuple[str, bool]:
        negated = self.accept("!")
        return self.string(), negated

    def protocols(self) -> List[str]:
        if not self.accept("proto"):
            return [""]
        return list(self.listed(self._protocol))

    def _protocol(self) -> str:
        word = self.word()
        if word not in PROTOCOLS and not word.isdigit():
            raise PfError(f"unknown protocol {word}")
        return "ipv6-icmp" if word == "icmp6" else word

    def from_to(self, rule: Rule) -> None:
        rule["_src"], rule["_dst"] = [ANY], [ANY]
        rule["_sport"], rule["_dport"] = [""], [""]
        if self.accept("all"):
            return
        for word, host, port in (("from", "_src", "_sport"), ("to", "_dst", "_dport")):
            if self.accept(word):
                if not self.lexer.peek().is_("port"):
                    rule[host] = self.hosts()
                if word == "to" and any(h["type"] == "urpf-failed" for h in rule[host]):
                    raise PfError('"urpf-failed" is not permitted in a destination address')
                if self.accept("port"):
                    rule[port] = self.ports()

    def listed(self, one: Callable[[], Any]) -> Iterator[Any]:
        """One item, or a list in braces with or without commas."""
        if not self.accept("{"):
            yield one()
            return
        yield one()
        while not self.accept("}"):
            self.accept(",")
            yield one()

    def hosts(self) -> List[Host]:
        return [host for found in self.listed(self._host) for host in found]

    def _host(self) -> List[Host]:
        negated = self.accept("!")
        token = self.lexer.peek()
        if token.is_("<"):
            self.lexer.next()
            name = self.word()
            self.expect(">")
            found: List[Host] = [{"type": "table", "text": f"<{name}>", "table": name}]
        elif token.is_("("):
            self.lexer.next()
            found = [_dynamic(self.word())]
            self.expect(")")
        elif token.kind in (WORD, STRING):
            found = self._named(self.lexer.next().text)
        else:
            raise PfError
        return [{**host, "not": True} for host in found] if negated else found

    def _named(self, name: str) -> List[Host]:
        if name == "any":
            return [ANY]
        if name in ("no-route", "urpf-failed"):
            return [{"type": name, "text": name}]
        prefix = ""
        if self.accept("/"):
            prefix = f"/{self.number()}"
        if ":" in name and not self._modified(name):
            return [{"type": "net6", "text": name + prefix, "af": "inet6"}]
        try:
            return [_network(_padded(name) + prefix)]
        except ValueError:
            return self._of_interface(name)

    def _modified(self, name: str) -> bool:
        """Whether it is an interface with modifiers, as `en0:network`, and no IPv6 address."""
        first, *modifiers = name.split(":")
        return bool(first) and all(part in MODIFIERS for part in modifiers)

    def _of_interface(self, name: str) -> List[Host]:
        first, _, modifiers = name.partition(":")
        pairs = self.addresses(first)
        if "0" in modifiers.split(":"):
            pairs = pairs[:1]
        if not pairs:
            raise PfError(f"no IP address found for {name}")
        if "network" in modifiers.split(":"):
            return [_network(f"{text}/{prefix}") for text, prefix in pairs]
        return [_network(text) for text, _ in pairs]

    def ports(self) -> List[str]:
        return list(self.listed(self._port))

    def _port(self) -> str:
        sign = "="
        if self.lexer.peek().is_("=", "!=", "<", ">", "<=", ">="):
            sign = self.lexer.next().text
        first = self._port_number(self.word())
        if ":" in first:
            return first
        if self.lexer.peek().is_("><", "<>"):
            return f"{first} {self.lexer.next().text} {self._port_number(self.word())}"
        return f"{sign} {first}"

    def _port_number(self, word: str) -> str:
        parts = [str(SERVICES.get(part, part)) for part in word.split(":")]
        if not all(part.isdigit() and int(part) <= 65535 for part in parts):
            raise PfError(f"unknown port {word}")
        return ":".join(parts)

    def tagged(self, rule: Rule) -> None:
        if self.lexer.peek().is_("!") and self.lexer.peek(1).is_("tagged"):
            self.lexer.next()
            rule["tagged_not"] = True
        if self.accept("tagged"):
            rule["tagged"] = self.string()

    def filter_options(self, rule: Rule) -> None:
        while self.lexer.peek().kind == WORD or self.lexer.peek().is_("!"):
            token = self.lexer.peek()
            if token.is_("no", "keep", "modulate", "synproxy"):
                word = self.lexer.next().text
                self.expect("state")
                rule["state"] = f"{word} state"
                if self.lexer.peek().is_("("):
                    rule["state"] += f" {self._raw_group()}"
            elif token.is_("flags"):
                self.lexer.next()
                rule["flags"] = self._flags()
            elif token.is_("!", "tagged"):
                if token.is_("!") and not self.lexer.peek(1).is_("tagged"):
                    raise PfError
                self.tagged(rule)
            elif token.is_("fragment", "allow-opts"):
                rule[self.lexer.next().text] = True
            elif token.is_("label", "tag", "queue"):
                key = self.lexer.next().text
                rule[key] = self.string()
            elif token.is_("rtable", "probability", "tos"):
                key = self.lexer.next().text
                rule[key] = self.word()
            elif token.is_("icmp-type", "icmp6-type"):
                rule["_icmp"] = self._icmp_types()
            elif token.is_("user", "group"):
                key = self.lexer.next().text
                rule[key] = " ".join(self.listed(self.word))
            else:
                raise PfError

    def _icmp_types(self) -> List[Tuple[str, str]]:
        key = self.lexer.next().text
        return [(key, text) for text in self.listed(lambda: self._icmp_type(key))]

    def _icmp_type(self, key: str) -> str:
        """A type of ICMP with its code, if any, by names where they have one."""
        names = ICMP if key == "icmp-type" else ICMP6
        number = self._icmp_number(names, key)
        text = _name_of(number, names)
        if self.accept("code"):
            codes = CODES.get(number, {}) if names is ICMP else {}
            text += f" code {_name_of(self._icmp_number(codes, key[:-4] + 'code'), codes)}"
        return text

    def _icmp_number(self, names: Dict[str, int], what: str) -> int:
        word = self.word()
        if word in names:
            return names[word]
        if not (word.isdigit() and int(word) <= 255):
            raise PfError(f"unknown {what} {word}")
        return int(word)

    def _flags(self) -> str:
        first = "" if self.lexer.peek().is_("/") else self.word()
        if first == "any":
            return "any"
        self.expect("/")
        return f"{first}/{self.word()}"

    # -- making rules

    def _variants(self, rule: Rule) -> Iterator[Rule]:
        """The rules that a line with lists stands for, in pf's order."""
        parts = {key: rule.pop(key) for key in list(rule) if key.startswith("_")}
        made = 0
        ways = product(
            parts["_ifaces"],
            parts["_protos"],
            parts.get("_icmp", [("", "")]),
            parts["_src"],
            parts["_sport"],
            parts["_dst"],
            parts["_dport"],
        )
        for (name, negated), proto, (icmp, kind), src, sport, dst, dport in ways:
            if icmp and proto != {"icmp-type": "icmp", "icmp6-type": "ipv6-icmp"}[icmp]:
                raise PfError("icmp-type mismatch")
            one = dict(rule, src=src, dst=dst)
            _put(one, iface=name, proto=proto, sport=sport, dport=dport, **{icmp: kind})
            if negated:
                one["iface_not"] = True
            if _agree(one):
                made += 1
                yield _defaults(one)
        if not made:
            raise PfError("rule expands to no valid combination")

    def add(self, rule: Rule) -> None:
        self.found.rules.append((self.anchor, rule))

    # -- tokens

    def accept(self, *texts: str) -> bool:
        if self.lexer.peek().is_(*texts):
            self.lexer.next()
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise PfError

    def word(self) -> str:
        return self._of(WORD).text

    def string(self) -> str:
        token = self.lexer.peek()
        return self._of(STRING if token.kind == STRING else WORD).text

    def number(self) -> str:
        if not self.lexer.peek().text.isdigit():
            raise PfError
        return self._of(WORD).text

    def _of(self, kind: str) -> Token:
        if self.lexer.peek().kind != kind:
            raise PfError
        return self.lexer.next()


def _name_of(number: int, names: Dict[str, int]) -> str:
    return next((name for name, value in names.items() if value == number), str(number))


# -- hosts


def _by_number(text: str) -> Tuple[int, int]:
    """How pf orders a table. What is no IPv4 network comes last."""
    try:
        return net.network(text)
    except ValueError:
        return (1 << 32, 0)


def _padded(text: str) -> str:
    """`192.168.64` is `192.168.64.0`, `10` is `10.0.0.0`. Raises ValueError."""
    parts = text.split(".")
    if not all(part.isdigit() for part in parts):
        raise ValueError(text)
    return ".".join(parts + ["0"] * (4 - len(parts)))


def _network(text: str) -> Host:
    """A host of numbers; the bits outside the mask are cleared, as pf does. Raises ValueError."""
    first, prefix = net.network(text)
    if prefix == 0:
        return {**ANY, "af": "inet"}
    shown = net.dotted(first) + (f"/{prefix}" if prefix < 32 else "")
    return {"type": "net", "text": shown, "net": [first, prefix], "af": "inet"}


def _dynamic(text: str) -> Host:
    """An interface in parentheses: pf follows its addresses by itself."""
    name, _, modifiers = text.partition(":")
    parts = modifiers.split(":") if modifiers else []
    if any(part not in MODIFIERS for part in parts):
        raise PfError
    return {
        "type": "dynamic",
        "text": f"({text})",
        "iface": name,
        "first_only": "0" in parts,
        "network": "network" in parts,
    }


def _put(rule: Rule, **values: str) -> None:
    rule.update({key: value for key, value in values.items() if value})


def _agree(rule: Rule) -> bool:
    """Settle the address family; whether one fits all parts of the rule."""
    hosts = [rule["src"], rule["dst"], *rule.get("pool", [])]
    families = {host["af"] for host in hosts if host.get("af")}
    if rule.get("af"):
        families.add(rule["af"])
    if len(families) > 1:
        return False
    if families:
        rule["af"] = families.pop()
    return True


def _defaults(rule: Rule) -> Rule:
    """`keep state` and `flags S/SA`, which pf gives to a pass rule that says nothing of them."""
    if kind_of(rule) != "filter" or rule["action"] != "pass":
        return rule
    rule.setdefault("state", "keep state")
    stateful = rule["state"] != "no state"
    if rule.get("proto", "tcp") == "tcp" and stateful and not rule.get("fragment"):
        rule.setdefault("flags", "S/SA")
    return rule
