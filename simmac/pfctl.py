"""/sbin/pfctl (macos.md, 4 and 6): options, order of actions, streams, exit codes."""

from __future__ import annotations

from . import net, pf_kernel
from .pf_grammar import parse
from .pf_optimizer import AUTOMATIC, optimize
from .pf_rules import KINDS, echo, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple

    from .pf_grammar import Parsed
    from .pf_rules import Rule
    from .world import Call, World

__all__ = ["load_file", "pfctl"]

GETOPT = "a:AdD:eEqf:F:gGhi:k:K:mMnNOo:p:rRs:t:T:vx:X:w:z"
USAGE = (
    "usage: pfctl [-AdeEghMmNnOqRrvz] [-a anchor] [-D macro=value] [-F modifier]\n"
    "\t[-f file] [-i interface] [-K host | network] [-k host | network]\n"
    "\t[-o level] [-p device] [-s modifier] [-t table -T command [address ...]]\n"
    "\t[-X token] [-x level]"
)
BANNER = (
    "pfctl: Use of -f option, could result in flushing of rules\n"
    "present in the main ruleset added by the system at startup.\n"
    "See /etc/pf.conf for further details.\n"
)
ALTQ = "No ALTQ support in kernel\nALTQ related functions disabled"
SHOW = [
    "nat",
    "queue",
    "rules",
    "Anchors",
    "Sources",
    "states",
    "info",
    "Interfaces",
    "labels",
    "timeouts",
    "memory",
    "Tables",
    "osfp",
    "References",
    "Running",
    "dummynet",
    "all",
]
FLUSH = [
    "nat",
    "dummynet",
    "queue",
    "rules",
    "Sources",
    "states",
    "info",
    "Tables",
    "osfp",
    "Reset",
    "all",
]
NAME_LIMIT = 64  # PF_ANCHOR_NAME_SIZE


def pfctl(call: Call) -> int:
    """Read the options, then act in pfctl's fixed order, whatever the order given."""
    options = _Options(call)
    if options.words and not options.table_command:
        raise call.fail(USAGE)
    call.looked = options.dry or options.only_shows()
    if options.dry:
        return _load(call, options) if options.file is not None else 0
    if not call.root:
        raise call.fail("pfctl: /dev/pf: Permission denied")
    if not options.quiet:
        call.warn(ALTQ)
    return _act(call, options)


def _act(call: Call, options: _Options) -> int:
    code = 0
    if options.disable:
        code |= _disable(call)
    if options.token is not None:
        code |= _release(call, options.token)
    if options.show:
        _show(call, options)
    if options.zero:
        _zero(call)
    if options.flush:
        _flush(call, options)
    if options.kill:
        _kill(call, options.kill)
    if options.table_command:
        code |= _table(call, options)
    # A load that fails ends the program: nothing behind it is done.
    if options.file is not None and _load(call, options):
        return 1
    if options.enable:
        code |= _enable(call)
    if options.reference:
        pid = call.world.next_pid()
        token = pf_kernel.start_reference(call.state, pid, "pfctl")
        call.world.effect()
        call.warn(f"pf enabled\nToken : {token}")
    return code


class _Options:
    """What the command line asks for. Raises Exit where pfctl would end."""

    def __init__(self, call: Call) -> None:
        self.anchor = ""
        self.star = False
        self.disable = self.enable = self.reference = False
        self.quiet = self.dry = self.zero = False
        self.verbose = 0
        self.file: Optional[str] = None
        self.token: Optional[int] = None
        self.show = self.flush = self.table = self.table_command = ""
        self.optimization: Optional[str] = None
        self.kill: List[str] = []
        self.only: List[str] = []
        self.macros: Dict[str, str] = {}
        self.words: List[str] = []
        self._call = call
        for letter, value in self._letters(call.argv[1:]):
            self._take(letter, value)

    def only_shows(self) -> bool:
        """Whether pf and the state stay as they are."""
        acts = (self.disable, self.enable, self.reference, self.zero, self.flush, self.kill)
        return not any(acts) and self.token is None and self.file is None and not self.table_command

    def _letters(self, arguments: List[str]) -> List[Tuple[str, str]]:
        """getopt: (letter, value) pairs; what follows is left in `words`."""
        found = []
        words = list(arguments)
        while words and words[0] != "-" and words[0].startswith("-"):
            word = words.pop(0)
            if word == "--":
                break
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                place = GETOPT.find(letter)
                if place == -1 or letter == ":":
                    self._call.warn(f"pfctl: illegal option -- {letter}")
                    raise self._call.fail(USAGE)
                value = ""
                if GETOPT[place + 1 : place + 2] == ":":
                    if letters:
                        value, letters = letters, ""
                    elif words:
                        value = words.pop(0)
                    else:
                        self._call.warn(f"pfctl: option requires an argument -- {letter}")
                        raise self._call.fail(USAGE)
                found.append((letter, value))
        self.words = words
        return found

    def _take(self, letter: str, value: str) -> None:
        flags = {
            "d": "disable",
            "e": "enable",
            "E": "reference",
            "q": "quiet",
            "n": "dry",
            "z": "zero",
        }
        texts = {"t": "table", "T": "table_command"}
        only = {
            "N": ["nat", "rdr", "binat"],
            "R": ["scrub", "filter", "dummynet"],
            "O": [],
            "A": [],
        }
        if letter in flags:
            setattr(self, flags[letter], True)
        elif letter in texts:
            setattr(self, texts[letter], value)
        elif letter in only:
            self.only += only[letter] or ["option"]
        elif letter == "v":
            self.verbose += 1
        elif letter == "a":
            self._anchor(value)
        elif letter == "f":
            self.file = value
            self._call.warn(BANNER)
        elif letter == "k":
            self.kill.append(value)
        elif letter == "s":
            self.show = self._word(value, SHOW, "show")
        elif letter == "F":
            self.flush = self._word(value, FLUSH, "flush")
        elif letter == "o":
            if value not in ("none", "basic", "profile"):
                self._call.warn(f"pfctl: Unknown optimization modifier '{value}'")
                raise self._call.fail(USAGE)
            self.optimization = value
        elif letter == "X":
            self._token(value)
        elif letter == "D":
            name, _, text = value.partition("=")
            self.macros[name] = text
        elif letter == "h":
            raise self._call.fail(USAGE)

    def _word(self, value: str, words: List[str], what: str) -> str:
        for word in words:
            if value and word.startswith(value):
                return word
        self._call.warn(f"pfctl: Unknown {what} modifier '{value}'")
        raise self._call.fail(USAGE)

    def _token(self, value: str) -> None:
        if not value.isdigit() or int(value) >= 1 << 64:
            self._call.warn(f"pfctl: Invalid token value '{value}'")
            raise self._call.fail(USAGE)
        self.token = int(value)

    def _anchor(self, value: str) -> None:
        if value.startswith("_") or "/_" in value:
            raise self._call.fail(
                "pfctl: anchor names beginning with '_' cannot be modified from the command line"
            )
        self.star = value.endswith("/*")
        self.anchor = value[:-2] if self.star else value
        if any(len(part) >= NAME_LIMIT for part in self.anchor.split("/")):
            raise self._call.fail(f"pfctl: anchor name '{value}' too long")


# -- on and off


def _disable(call: Call) -> int:
    if not pf_kernel.stop(call.state):
        call.warn("pfctl: pf not enabled")
        return 1
    call.world.effect()
    call.warn("pf disabled")
    return 0


def _release(call: Call, token: int) -> int:
    if not call.state["pf"]["enabled"]:
        call.warn("pfctl: pf not enabled")
        return 1
    remaining = pf_kernel.stop_reference(call.state, token)
    if remaining is None:
        call.warn("pfctl: pf: token invalid")
        return 1
    call.world.effect()
    if remaining:
        call.warn(
            f"disable request successful. {remaining} more pf enable reference(s) remaining, "
            "pf still enabled."
        )
    else:
        call.warn("pf disabled")
    return 0


def _enable(call: Call) -> int:
    switched = pf_kernel.start(call.state)
    call.world.effect()
    call.warn("pf enabled" if switched else "pfctl: pf already enabled")
    return 0 if switched else 1


# -- showing


def _show(call: Call, options: _Options) -> None:
    """Exit status stays 0 whatever is shown, or not (macos.md, 4)."""
    pf = call.state["pf"]
    what = options.show
    if what == "info":
        _show_info(call)
    elif what == "References":
        _show_references(call)
    elif what == "Anchors":
        _show_anchors(call, options)
    elif what == "states":
        for row in pf["states"]:
            call.say(
                f"ALL tcp {row['to']}:443 <- {row['from']}:49152       ESTABLISHED:ESTABLISHED"
            )
            if options.verbose:
                call.say("   [12345 + 131072] wscale 6  [67890 + 65535] wscale 7")
                call.say(
                    "   age 00:00:01, expires in 23:59:59, 12:10 pkts, 1840:4200 bytes, rule 0"
                )
    elif what in ("nat", "rules", "dummynet"):
        _show_rules(call, options, what)
    elif what == "Tables":
        for name in pf["anchors"].get(options.anchor, pf_kernel.empty())["tables"]:
            call.say(name)
    elif what == "Interfaces":
        for item in call.state["interfaces"]:
            call.say(item["name"] + (" (skip)" if item["name"] in pf["skip"] else ""))
    elif what == "all":
        for part in ("nat", "rules", "info", "References"):
            options.show = part
            _show(call, options)


def _show_rules(call: Call, options: _Options, what: str) -> None:
    pf = call.state["pf"]
    if not pf_kernel.exists(pf, options.anchor):
        call.warn("pfctl: DIOCGETRULES: Invalid argument")
        return
    kinds = {"nat": ("nat", "rdr", "binat"), "rules": ("scrub", "filter")}.get(what, (what,))
    for kind in kinds:
        for rule in pf["anchors"].get(options.anchor, pf_kernel.empty())[kind]:
            call.say(echo(rule))
            if options.verbose:
                _show_counters(call, rule)


def _show_counters(call: Call, rule: Rule) -> None:
    states = sum(1 for row in call.state["pf"]["states"] if row.get("rule") == echo(rule))
    call.say(
        f"  [ Evaluations: {rule['evaluations']:<8d}  Packets: {rule['packets']:<8d}  "
        f"Bytes: {rule['bytes']:<10d}  States: {states:<6d}]"
    )
    call.say(f"  [ Inserted: uid 0 pid {rule['pid']} ]")


def _span(seconds: int) -> str:
    days, rest = divmod(int(seconds), 86400)
    return f"{days} days {rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"


INFO_COUNTERS = [
    "match",
    "bad-offset",
    "fragment",
    "short",
    "normalize",
    "memory",
    "bad-timestamp",
    "congestion",
    "ip-option",
    "proto-cksum",
    "state-mismatch",
    "state-insert",
    "state-limit",
    "src-limit",
    "synproxy",
    "dummynet",
    "invalid-port",
]


def _show_info(call: Call) -> None:
    pf = call.state["pf"]
    seconds = call.state["clock"] - pf["since"]
    status = f"Status: {'Enabled' if pf['enabled'] else 'Disabled'}"
    if pf["ever"]:
        status += f" for {_span(seconds)}"
    call.say(f"{status:<44}{'Debug: Urgent':>15}\n")
    call.say(f"{'State Table':<27}{'Total':>15}{'Rate':>17}")
    call.say(f"  {'current entries':<25}{len(pf['states']):>15}{'':15}")
    for name in ("searches", "inserts", "removals"):
        _show_counter(call, name, seconds)
    call.say("Counters")
    for name in INFO_COUNTERS:
        _show_counter(call, name, seconds)


def _show_counter(call: Call, name: str, seconds: int) -> None:
    pf = call.state["pf"]
    count = pf["counters"].get(name, 0)
    rate = count / seconds if pf["enabled"] and seconds > 0 else 0.0
    call.say(f"  {name:<25}{count:>15}{rate:>15.1f}/s")


def _show_references(call: Call) -> None:
    rows = call.state["pf"]["tokens"]
    if not rows:
        call.say("No pf starter references held")
        return
    call.say("TOKENS:")
    call.say(f"{'PID':<8} {'Process Name':<28} {'TOKEN':<24} TIMESTAMP")
    for row in rows:
        age = _span(call.state["clock"] - row["at"])
        call.say(f"{row['pid']:<8d} {row['name']:<28} {row['token']:<24d} {age}")


def _show_anchors(call: Call, options: _Options) -> None:
    if not pf_kernel.exists(call.state["pf"], options.anchor):
        call.warn(f"Anchor '{options.anchor}' not found.")
        return
    _show_children(call, options.anchor, deep=options.verbose > 0)


def _show_children(call: Call, path: str, deep: bool) -> None:
    for child in pf_kernel.children(call.state["pf"], path):
        # Anchors of pf's own making, with an underscore in front, are not shown.
        if not child.rsplit("/", 1)[-1].startswith("_"):
            call.say(f"  {child}")
            if deep:
                _show_children(call, child, deep)


# -- counters, flushing, states, tables


def _zero(call: Call) -> None:
    pf = call.state["pf"]
    pf["counters"] = dict.fromkeys(pf["counters"], 0)
    call.warn("pf: statistics cleared")


def _flush(call: Call, options: _Options) -> None:
    pf = call.state["pf"]
    what, anchor = options.flush, options.anchor
    ruleset = pf["anchors"].setdefault(anchor, pf_kernel.empty())
    if what in ("rules", "all"):
        ruleset["filter"], ruleset["scrub"] = [], []
        call.warn("rules cleared")
    if what in ("nat", "all"):
        ruleset["nat"], ruleset["rdr"], ruleset["binat"] = [], [], []
        call.warn("nat cleared")
    if what in ("dummynet", "all"):
        ruleset["dummynet"] = []
        call.warn("dummynet cleared")
    if what in ("Tables", "all"):
        call.warn(f"{len(ruleset['tables'])} tables deleted.")
        ruleset["tables"] = {}
    if what == "states" or (what == "all" and not anchor):
        call.warn(f"{len(pf['states'])} states cleared")
        pf["states"] = []
    if what == "all" and not anchor:
        pf["counters"] = dict.fromkeys(pf["counters"], 0)
        pf["skip"] = []
        call.warn("source tracking entries cleared\npf: statistics cleared")
        call.warn("pf: interface flags reset")
    pf_kernel.collect(pf)
    call.world.effect()


def _kill(call: Call, hosts: List[str]) -> None:
    """`-k SOURCE [-k DESTINATION]`: states by their addresses."""
    pf = call.state["pf"]
    try:
        nets = [net.network(host) for host in hosts]
    except ValueError:
        raise call.fail(f"pfctl: {hosts[0]}: cannot resolve host") from None
    kept = []
    for row in pf["states"]:
        ends = [net.address(row["from"]), net.address(row["to"])]
        if not all(net.holds(one, end) for one, end in zip(nets, ends)):
            kept.append(row)
    killed = len(pf["states"]) - len(kept)
    pf["states"] = kept
    pf["counters"]["removals"] += killed
    # A carrier of real packets has states of its own to end.
    pf["kills"] = pf.get("kills", 0) + 1
    call.world.effect()
    call.warn(
        f"killed {killed} states from {len(hosts[:1])} sources and {len(hosts[1:])} destinations"
    )


def _table(call: Call, options: _Options) -> int:
    pf = call.state["pf"]
    tables = pf["anchors"].get(options.anchor, pf_kernel.empty())["tables"]
    if options.table not in tables:
        call.warn("pfctl: Table does not exist.")
        return 1
    networks = tables[options.table]
    command = options.table_command
    if command == "show":
        for text in networks:
            call.say(f"   {text}")
        return 0
    if command in ("add", "delete"):
        before = set(networks)
        after = before | set(options.words) if command == "add" else before - set(options.words)
        tables[options.table] = sorted(after)
        call.world.effect()
        count, past = len(before ^ after), {"add": "added", "delete": "deleted"}[command]
        call.warn(f"{count}/{len(options.words)} addresses {past}.")
        return 0
    raise call.fail(USAGE)


# -- loading


def _load(call: Call, options: _Options) -> int:
    """Parse, and commit all or nothing."""
    name = options.file or ""
    text: Optional[str]
    if name == "-":
        name, text = "stdin", call.stdin.decode("latin-1")
    else:
        text = _read(call.world, name)
    kinds = [kind for kind in options.only if kind in KINDS] or (
        [] if options.only else list(KINDS)
    )
    files, lines, ok = _parse_all(
        call.world, text, name, options.anchor, dry=options.dry, level=options.optimization
    )
    for line in lines:
        call.warn(line)
    if options.verbose:
        for parsed in files:
            _show_parsed(call, parsed, options.dry)
    if not ok:
        return 1
    if not options.dry:
        pf_kernel.install(call.state, options.anchor, files, kinds, call.world.next_pid())
        call.world.effect()
    return 0


def _show_parsed(call: Call, parsed: Parsed, dry: bool) -> None:
    """The rules of a file as they are loaded; tables of the optimizer before the filter rules."""
    tables = [
        f"table <{name}> const {{ {' '.join(networks)} }}"
        for found in parsed.tables.values()
        for name, networks in found.items()
        if name.startswith(AUTOMATIC)
    ]
    for _, rule in parsed.rules:
        if kind_of(rule) == "filter":
            while tables:
                call.say(tables.pop(0))
        call.say(echo(rule, dry=dry))


def load_file(world: World, path: str) -> bool:
    """What com.apple.pfctl does at boot, and others at any time: `pfctl -f PATH`."""
    files, _, ok = _parse_all(world, _read(world, path), path, "")
    if ok:
        pf_kernel.install(world.state, "", files, KINDS, world.next_pid())
    return ok


def _read(world: World, path: str) -> Optional[str]:
    try:
        with open(world.host(world.mac(path)), encoding="latin-1", newline="") as file:
            return file.read()
    except OSError:
        return None


def _parse_all(
    world: World,
    text: Optional[str],
    name: str,
    anchor: str,
    *,
    dry: bool = False,
    level: Optional[str] = None,
) -> Tuple[List[Parsed], List[str], bool]:
    """A file and those it loads into anchors; the lines of stderr; whether all is well.

    `level` is that of `-o`, which no file overrides.
    """
    not_loaded = [] if dry else ["pfctl: Syntax error in config file: pf rules not loaded"]
    cannot_open = ["pfctl: cannot open the main config file!: No such file or directory"]
    if text is None:
        return [], cannot_open + not_loaded, False

    def addresses(iface: str) -> List[Tuple[str, int]]:
        item = net.find(world.state, iface)
        return [(one, prefix) for one, prefix in item["inet"]] if item else []

    def parse_one(body: str, called: str, path: str) -> Parsed:
        lenient = bool(world.state["lenient_newline"])
        return parse(
            body,
            called,
            path,
            addresses=addresses,
            read=lambda p: _read(world, p),
            lenient_end=lenient,
        )

    main = parse_one(text, name, anchor)
    if main.errors:
        return [main], main.errors + not_loaded, False
    level = level or main.optimization
    files = [optimize(main, level, dry)]
    for path, source in main.loads:
        body = _read(world, source)
        if body is None:
            return files, [*cannot_open, *not_loaded, "pfctl: load anchors"], False
        inner = parse_one(body, source, path)
        if inner.errors:
            return files, [*inner.errors, *not_loaded, "pfctl: load anchors"], False
        # What the first file sets holds for those it loads; what one of them sets, for itself.
        files.append(optimize(inner, level or inner.optimization, dry))
    return files, [], True
