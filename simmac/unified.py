"""`log show`: the unified log, filtered by a predicate."""

from __future__ import annotations

import re
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    from .world import Call

    Message = Dict[str, Any]
    Test = Callable[[Message], bool]

__all__ = ["log"]

UNITS = {"m": 60, "h": 3600, "d": 86400}
FORMS = ("%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
TOKEN = re.compile(r'\s*(?:(\(|\))|"((?:[^"\\]|\\.)*)"|([A-Za-z]+\b|==))')


def log(call: Call) -> int:
    """`log show [--style STYLE] [--last N[mhd] | --start TIME] [--predicate TEXT] [--info]`."""
    words = call.argv[1:]
    if words[:1] != ["show"]:
        raise call.fail("usage: log show ...", 64)
    given: Dict[str, str] = {}
    words = words[1:]
    while words:
        word = words.pop(0)
        if word in ("--info", "--debug"):
            continue
        if word not in ("--style", "--last", "--start", "--predicate") or not words:
            raise call.fail(f"log: unrecognized option `{word}'", 64)
        given[word] = words.pop(0)
    now = call.state["epoch"] + call.state["clock"]
    first = 0.0
    if "--last" in given:
        match = re.fullmatch(r"([0-9]+)([mhd])", given["--last"])
        if match is None:
            raise call.fail(f"log: Invalid time: {given['--last']}", 64)
        first = now - int(match[1]) * UNITS[match[2]]
    elif "--start" in given:
        first = _time(call, given["--start"])
    fits = _Predicate(call, given["--predicate"]).test if "--predicate" in given else _everything
    shown = [m for m in call.world.store.noted() if first <= m["at"] and fits(m)]
    if given.get("--style") == "ndjson":
        _ndjson(call, shown)
    else:
        _default(call, shown)
    return 0


def _everything(message: Message) -> bool:
    return bool(message["process"] != "timesync")


def _time(call: Call, text: str) -> float:
    for form in FORMS:
        try:
            read = time.strptime(text, form)
        except ValueError:
            continue
        if read.tm_gmtoff is None:
            return time.mktime(read)
        import calendar

        return float(calendar.timegm(read) - read.tm_gmtoff)
    raise call.fail(f"log: Invalid time: {text}", 64)


def _stamp(message: Message) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.000000%z", time.localtime(message["at"]))


def _ndjson(call: Call, shown: List[Message]) -> None:
    import json

    for message in shown:
        sync = message["process"] == "timesync"
        row = {
            "timezoneName": "",
            "messageType": "Default",
            "eventType": "timesyncEvent" if sync else "logEvent",
            "source": None,
            "formatString": "%s",
            "userID": 0,
            "activityIdentifier": 0,
            "subsystem": message["subsystem"],
            "category": "",
            "threadID": 92890,
            "senderImageUUID": "72E310F7-1A63-3C21-926C-BEF6061890C0",
            "bootUUID": message["boot"],
            "processImagePath": "" if sync else message["process"],
            "senderImagePath": "" if sync else message["process"],
            "timestamp": _stamp(message),
            "machTimestamp": int(message["at"]) * 24_000_000 % (1 << 62),
            "eventMessage": message["text"],
            "processImageUUID": "72E310F7-1A63-3C21-926C-BEF6061890C0",
            "traceID": 13353070231556,
            "processID": message["pid"],
            "senderProgramCounter": 1764,
            "parentActivityIdentifier": 0,
        }
        call.say(json.dumps(row, separators=(",", ":"), ensure_ascii=False).replace("/", "\\/"))
    call.say(json.dumps({"count": len(shown), "finished": 1}, separators=(",", ":")))


def _default(call: Call, shown: List[Message]) -> None:
    call.say(f"{'Timestamp':<32}{'Thread':<11}{'Type':<12}{'Activity':<21}{'PID':<7}{'TTL':<5}")
    for message in shown:
        if message["process"] == "timesync":
            who, kind = "", "Timesync"
        else:
            name = message["process"].rsplit("/", 1)[-1]
            who, kind = f"{name}: ", "Default"
            who += f"[{message['subsystem']}:] " if message["subsystem"] else ""
        call.say(
            f"{_stamp(message):<32}{'0x16ada':<11}{kind:<12}{'0x0':<21}{message['pid']:<7}"
            f"{0:<5}{who}{message['text']}"
        )


class _Predicate:
    """What `--predicate` selects: comparisons of a few fields with AND, OR and parentheses."""

    FIELDS = ("process", "subsystem", "eventMessage", "eventType")

    def __init__(self, call: Call, text: str) -> None:
        self._call, self._text = call, text
        self._tokens: List[List[str]] = []
        at = 0
        while text[at:].strip():
            match = TOKEN.match(text, at)
            if match is None:
                raise self._bad()
            self._tokens.append([match[1] or match[3] or "", match[2] or ""])
            at = match.end()
        self.test = self._any()
        if self._tokens:
            raise self._bad()

    def _bad(self) -> Exception:
        return self._call.fail(f'log: bad predicate (Unable to parse "{self._text}")', 64)

    def _next(self) -> List[str]:
        if not self._tokens:
            raise self._bad()
        return self._tokens.pop(0)

    def _word(self) -> Optional[str]:
        return self._tokens[0][0].upper() if self._tokens else None

    def _any(self) -> Test:
        tests = [self._all()]
        while self._word() == "OR":
            self._next()
            tests.append(self._all())
        return lambda message: any(test(message) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._word() == "AND":
            self._next()
            tests.append(self._one())
        return lambda message: all(test(message) for test in tests)

    def _one(self) -> Test:
        field = self._next()[0]
        if field == "(":
            inner = self._any()
            if self._next()[0] != ")":
                raise self._bad()
            return inner
        how, wanted = self._next()[0].upper(), self._next()
        value = wanted[0] or wanted[1]
        if field not in self.FIELDS or how not in ("==", "CONTAINS", "BEGINSWITH"):
            raise self._bad()

        def test(message: Message) -> bool:
            sync = message["process"] == "timesync"
            found = {
                "process": "" if sync else message["process"].rsplit("/", 1)[-1],
                "subsystem": message["subsystem"],
                "eventMessage": message["text"],
                "eventType": "timesyncEvent" if sync else "logEvent",
            }[field]
            if how == "==":
                return bool(found == value)
            return bool(value in found if how == "CONTAINS" else found.startswith(value))

        return test
