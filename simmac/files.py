"""Programs that read and write files, with a Mac's owners, a full disk and read-only folders.

The host's own modes and users play no part in who may write: tests may run as the host's root,
whom no mode binds.
"""

from __future__ import annotations

import errno
import os
import stat as modes

from .world import GID, UID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Optional, Tuple

    from .world import Call, World

__all__ = ["owner", "wants_input"]

FREE_FOR_ALL = ("/Users/", "/private/tmp/", "/private/var/folders/")
NO_SPACE = "No space left on device"
DENIED = "Permission denied"
READ_ONLY = "Read-only file system"


# -- who may do what


def owner(world: World, path: str) -> Tuple[int, int]:
    """(uid, gid) of a file on the Mac: root's unless told otherwise, the user's below /Users."""
    path = world.real(path)
    told = world.state["owners"].get(path)
    if told is not None:
        return int(told[0]), int(told[1])
    return (UID, GID) if path.startswith(FREE_FOR_ALL) else (0, 0)


def _refusal(call: Call, path: str) -> Optional[str]:
    """Why nothing may be written at a path, or None."""
    world = call.world
    real = world.real(world.mac(path))
    for place in call.state["read_only"]:
        if real == place or real.startswith(place + "/"):
            return READ_ONLY
    if not call.root and not real.startswith(FREE_FOR_ALL):
        return DENIED
    return None


def _full(call: Call) -> bool:
    return call.state["disk"] is not None and call.state["disk"] <= 0


def _new_entry(call: Call, path: str) -> Optional[str]:
    """Why no new name can be made at a path, or None."""
    return _refusal(call, path) or (NO_SPACE if _full(call) else None)


def _place(call: Call, path: str) -> str:
    """The host's path of an argument."""
    mac = call.world.mac(path)
    return call.world.host(mac if mac.startswith("/") else f"/{mac}")


def _own(call: Call, path: str) -> None:
    """A new file belongs to who made it."""
    real = call.world.real(call.world.mac(path))
    natural = (UID, GID) if real.startswith(FREE_FOR_ALL) else (0, 0)
    made = (0, 0) if call.root else (UID, GID)
    if made != natural:
        call.state["owners"][real] = list(made)
    else:
        call.state["owners"].pop(real, None)


def _done(call: Call, path: str) -> None:
    """A file has changed: effects follow."""
    call.world.effect()
    call.world.touched(call.world.mac(path))


def _words(call: Call) -> Tuple[str, List[str]]:
    """(letters of the flags, other words)."""
    flags, words = "", []
    rest = call.argv[1:]
    while rest:
        word = rest.pop(0)
        if word == "--":
            words += rest
            break
        if word.startswith("-") and word != "-" and not words:
            flags += word[1:]
        else:
            words.append(word)
    return flags, words


def _why(error: OSError) -> str:
    return os.strerror(error.errno or errno.EIO)


def wants_input(argv: List[str]) -> bool:
    """Whether a program would read its standard input; it is read before the lock is taken."""
    name = argv[0].rsplit("/", 1)[-1]
    words = argv[1:]
    if name == "sudo":
        while words and words[0].startswith("-"):
            if words[0] == "-S":
                return True
            words = words[2:] if words[0] in ("-u", "-p") else words[1:]
        return bool(words) and wants_input(words)
    if name == "pfctl":
        return any(w == "-" or (w.startswith("-") and w.endswith("f-")) for w in words)
    if name == "cat":
        return not [w for w in words if not w.startswith("-")] or "-" in words
    if name == "logger":
        return not [w for w in words if not w.startswith("-")]
    return name == "tee"


# -- reading


def cat(call: Call) -> int:
    """`cat [FILE]...`"""
    _, words = _words(call)
    code = 0
    for word in words or ["-"]:
        if word == "-":
            call.say(call.stdin)
            continue
        place = _place(call, word)
        try:
            with open(place, "rb") as file:
                content = file.read()
            uid, _gid = owner(call.world, call.world.mac(word))
            if not call.root and uid == 0 and not os.stat(place).st_mode & modes.S_IROTH:
                raise PermissionError(errno.EACCES, "")
            call.say(content)
        except OSError as error:
            call.warn(f"cat: {word}: {_why(error)}")
            code = 1
    return code


def stat(call: Call) -> int:
    """`stat -f FORMAT FILE...` with %u %g %Su %Sg %p %Lp %OLp %z %m %i %l %f %N %HT %Y."""
    words = call.argv[1:]
    form = "%N"
    names: List[str] = []
    while words:
        word = words.pop(0)
        if word == "-f" and words:
            form = words.pop(0)
        elif word.startswith("-f"):
            form = word[2:]
        elif not word.startswith("-") or names:
            names.append(word)
    code = 0
    for name in names:
        try:
            call.say(_formatted(call, form, name))
        except OSError as error:
            call.warn(f"stat: {name}: stat: {_why(error)}")
            code = 1
    return code


def _formatted(call: Call, form: str, name: str) -> str:
    info = os.lstat(_place(call, name))
    uid, gid = owner(call.world, call.world.mac(name))
    kinds = {
        modes.S_IFREG: "Regular File",
        modes.S_IFDIR: "Directory",
        modes.S_IFLNK: "Symbolic Link",
    }
    values = {
        "u": str(uid),
        "g": str(gid),
        "Su": "root" if uid == 0 else call.user,
        "Sg": "wheel" if gid == 0 else "staff",
        "p": f"{info.st_mode:o}",
        "Op": f"{info.st_mode:o}",
        "Lp": f"{modes.S_IMODE(info.st_mode):o}",
        "OLp": f"{modes.S_IMODE(info.st_mode):o}",
        "A": f"{modes.S_IMODE(info.st_mode):o}",
        "z": str(info.st_size),
        "m": str(int(info.st_mtime)),
        "i": str(info.st_ino),
        "l": str(info.st_nlink),
        "f": "0",
        "N": name,
        "HT": kinds.get(modes.S_IFMT(info.st_mode), "Other"),
        "Y": os.readlink(_place(call, name)) if modes.S_ISLNK(info.st_mode) else "",
    }
    text = ""
    while form:
        if form[0] != "%":
            text, form = text + form[0], form[1:]
            continue
        key = next((k for k in sorted(values, key=len, reverse=True) if form[1:].startswith(k)), "")
        if key:
            text, form = text + values[key], form[1 + len(key) :]
        else:
            text, form = text + {"n": "\n", "t": "\t"}.get(form[1:2], form[1:2]), form[2:]
    return text


def readlink(call: Call) -> int:
    """`readlink LINK`"""
    _, words = _words(call)
    try:
        call.say(os.readlink(_place(call, words[0])))
    except (OSError, IndexError):
        return 1
    return 0


# -- writing


def tee(call: Call) -> int:
    """`tee [-a] FILE...`: an empty file first, then what the disk takes."""
    flags, words = _words(call)
    code = 0
    for word in words:
        why = _refusal(call, word) or _tee_one(call, word, "a" in flags)
        if why:
            call.warn(f"tee: {word}: {why}")
            code = 1
    call.say(call.stdin)
    return code


def _tee_one(call: Call, word: str, append: bool) -> Optional[str]:
    place = _place(call, word)
    new = not os.path.lexists(place)
    if new and _full(call):
        return NO_SPACE
    how = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    try:
        descriptor = os.open(place, how, 0o600)
    except OSError as error:
        return _why(error)
    try:
        if new:
            os.fchmod(descriptor, 0o666 & ~call.umask)
            _own(call, word)
        call.world.effect()
        content = call.stdin
        left = call.state["disk"]
        if left is not None:
            content = content[: max(left, 0)]
            call.state["disk"] = left - len(content)
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
    _done(call, word)
    return NO_SPACE if len(content) < len(call.stdin) else None


def touch(call: Call) -> int:
    """`touch FILE...`"""
    return _each(call, _touch)


def _touch(call: Call, word: str) -> Optional[str]:
    place = _place(call, word)
    new = not os.path.lexists(place)
    why = _new_entry(call, word) if new else _refusal(call, word)
    if why:
        return why
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT, 0o600)
    if new:
        os.fchmod(descriptor, 0o666 & ~call.umask)
        _own(call, word)
    os.close(descriptor)
    os.utime(place)
    _done(call, word)
    return None


def _each(call: Call, act: Callable[[Call, str], Optional[str]], skip: int = 0) -> int:
    """Apply to every word, and complain as the program does."""
    _, words = _words(call)
    code = 0
    for word in words[skip:]:
        try:
            why = act(call, word)
        except OSError as error:
            why = _why(error)
        if why:
            call.warn(f"{call.name}: {word}: {why}")
            code = 1
    return code


def chmod(call: Call) -> int:
    """`chmod MODE FILE...`, octal or such as `go-w`."""
    _, words = _words(call)
    mode = words[0] if words else ""

    def act(call: Call, word: str) -> Optional[str]:
        place = _place(call, word)
        before = modes.S_IMODE(os.stat(place).st_mode)
        why = _refusal(call, word)
        if why or (not call.root and owner(call.world, call.world.mac(word))[0] == 0):
            call.warn(
                f"chmod: Unable to change file mode on {word}: "
                f"{why if why == READ_ONLY else 'Operation not permitted'}"
            )
            raise _Said
        os.chmod(place, _mode(mode, before))
        _done(call, word)
        return None

    if not words or not _valid_mode(mode):
        raise call.fail(f"chmod: Invalid file mode: {mode}")
    try:
        return _each(call, act, skip=1)
    except _Said:
        return 1


class _Said(Exception):
    pass


def _valid_mode(text: str) -> bool:
    if text.isdigit():
        return all(c in "01234567" for c in text)
    return all(_clause(part) for part in text.split(","))


def _clause(text: str) -> Optional[Tuple[str, str, str]]:
    place = next((n for n, c in enumerate(text) if c in "+-="), -1)
    if place == -1 or set(text[:place]) - set("ugoa") or set(text[place + 1 :]) - set("rwxXst"):
        return None
    return text[:place] or "a", text[place], text[place + 1 :]


def _mode(text: str, before: int) -> int:
    if text.isdigit():
        return int(text, 8)
    mode = before
    for part in text.split(","):
        who, sign, what = _clause(part) or ("a", "+", "")
        bits = sum({"r": 4, "w": 2, "x": 1}.get(c, 0) for c in set(what))
        for person, shift in (("u", 6), ("g", 3), ("o", 0)):
            if person in who or "a" in who:
                if sign == "=":
                    mode &= ~(7 << shift)
                mode = mode & ~(bits << shift) if sign == "-" else mode | bits << shift
    return mode


IDS: Dict[str, int] = {"root": 0, "wheel": 0, "dev": UID, "staff": GID}


def chown(call: Call) -> int:
    """`chown [-h] UID:GID FILE...`, numbers or names; kept in the state, not in the host's file."""
    flags, words = _words(call)
    user, _, group = (words[0] if words else "").partition(":")
    if "R" in flags or not user:
        raise call.fail("usage: chown [-h] owner[:group] file ...")

    def act(call: Call, word: str) -> Optional[str]:
        os.lstat(_place(call, word))
        why = _refusal(call, word)
        if why == READ_ONLY:
            return why
        if not call.root:
            return "Operation not permitted"
        now = owner(call.world, call.world.mac(word))
        new_user = IDS.get(user, int(user) if user.isdigit() else -1)
        new_group = IDS.get(group, int(group) if group.isdigit() else -1) if group else now[1]
        # The host's own numbers come from who owns the folder: that one is root here.
        host = os.stat(call.world.root)
        pair = [
            0 if new_user == host.st_uid else new_user,
            0 if new_group == host.st_gid else new_group,
        ]
        if -1 in pair:
            return "illegal user or group name"
        call.state["owners"][call.world.real(call.world.mac(word))] = pair
        _done(call, word)
        return None

    return _each(call, act, skip=1)


def mv(call: Call) -> int:
    """`mv [-f] FROM TO`: one rename."""
    _, words = _words(call)
    if len(words) != 2:
        raise call.fail("usage: mv [-f | -i | -n] [-hv] source target", 64)
    source, target = words
    place, goal = _place(call, source), _place(call, target)
    if os.path.isdir(goal) and not os.path.islink(goal):
        target = f"{target}/{os.path.basename(source)}"
        goal = _place(call, target)
    if not os.path.lexists(place):
        raise call.fail(f"mv: rename {source} to {target}: No such file or directory")
    why = _refusal(call, source) or _refusal(call, target)
    if why:
        raise call.fail(f"mv: rename {source} to {target}: {why}")
    pair = list(owner(call.world, call.world.mac(source)))
    try:
        os.rename(place, goal)
    except OSError as error:
        raise call.fail(f"mv: rename {source} to {target}: {_why(error)}") from None
    owners = call.state["owners"]
    owners.pop(call.world.real(call.world.mac(source)), None)
    owners[call.world.real(call.world.mac(target))] = pair
    _done(call, target)
    return 0


def cp(call: Call) -> int:
    """`cp [-fp] FROM TO`; with `-p` the copy has mode and owner of the original."""
    flags, words = _words(call)
    if len(words) != 2:
        raise call.fail("usage: cp [-fp] source_file target_file", 64)
    source, target = words
    try:
        with open(_place(call, source), "rb") as file:
            content = file.read()
    except OSError as error:
        raise call.fail(f"cp: {source}: {_why(error)}") from None
    call.stdin = content
    why = _refusal(call, target) or _tee_one(call, target, False)
    if why:
        raise call.fail(f"cp: {target}: {why}")
    if "p" in flags:
        os.chmod(_place(call, target), os.stat(_place(call, source)).st_mode & 0o7777)
        owners, real = call.state["owners"], call.world.real
        owner = owners.get(real(call.world.mac(source)))
        if owner is not None:
            owners[real(call.world.mac(target))] = owner
    return 0


def rm(call: Call) -> int:
    """`rm [-fr] FILE...`"""
    flags, _ = _words(call)

    def act(call: Call, word: str) -> Optional[str]:
        place = _place(call, word)
        if not os.path.lexists(place):
            return None if "f" in flags else "No such file or directory"
        why = _refusal(call, word)
        if why:
            return why
        if os.path.isdir(place) and not os.path.islink(place):
            if "r" not in flags and "R" not in flags:
                return "is a directory"
            import shutil

            shutil.rmtree(place)
        else:
            os.unlink(place)
        call.state["owners"].pop(call.world.real(call.world.mac(word)), None)
        _done(call, word)
        return None

    return _each(call, act)


def mkdir(call: Call) -> int:
    """`mkdir [-p] [-m MODE] DIR...`"""
    flags, words = _words(call)
    mode = int(words[0], 8) if "m" in flags else 0o777 & ~call.umask

    def act(call: Call, word: str) -> Optional[str]:
        place = _place(call, word)
        if "p" in flags and os.path.isdir(place):
            return None
        if os.path.lexists(place):
            return "File exists"
        why = _new_entry(call, word)
        if why:
            return why
        if "p" in flags and not os.path.isdir(os.path.dirname(place)):
            act(call, os.path.dirname(word.rstrip("/")))
        os.mkdir(place)
        os.chmod(place, mode)
        _own(call, word)
        _done(call, word)
        return None

    return _each(call, act, skip=1 if "m" in flags else 0)


def rmdir(call: Call) -> int:
    """`rmdir DIR...`"""

    def act(call: Call, word: str) -> Optional[str]:
        place = _place(call, word)
        os.lstat(place)
        why = _refusal(call, word)
        if why:
            return why
        os.rmdir(place)
        call.state["owners"].pop(call.world.real(call.world.mac(word)), None)
        _done(call, word)
        return None

    return _each(call, act)


def ln(call: Call) -> int:
    """`ln -s [-f] TEXT LINK`: atomic, fails where there is something."""
    flags, words = _words(call)
    if "s" not in flags or len(words) != 2:
        raise call.fail("usage: ln -s [-f] source_file target_file", 64)
    text, link = words
    place = _place(call, link)
    why = _new_entry(call, link)
    if why:
        raise call.fail(f"ln: {link}: {why}")
    if "f" in flags and os.path.lexists(place):
        os.unlink(place)
        call.world.effect()
    try:
        os.symlink(text, place)
    except OSError as error:
        raise call.fail(f"ln: {link}: {_why(error)}") from None
    _own(call, link)
    _done(call, link)
    return 0


def mktemp(call: Call) -> int:
    """`mktemp [-d] [TEMPLATE]`"""
    flags, words = _words(call)
    template = words[-1] if words else call.world.host("/private/tmp/tmp.XXXXXXXXXX")
    stem = template.rstrip("X")
    name = stem + os.urandom(8).hex()[: len(template) - len(stem)]
    why = _new_entry(call, name)
    if why:
        raise call.fail(f"mktemp: mkstemp failed on {template}: {why}")
    if "d" in flags:
        os.mkdir(_place(call, name), 0o700)
    else:
        os.close(os.open(_place(call, name), os.O_CREAT | os.O_EXCL, 0o600))
    _own(call, name)
    _done(call, name)
    call.say(name)
    return 0


def kill(call: Call) -> int:
    """`kill [-SIGNAL] [--] PID...`: real processes, but never all of them."""
    import signal

    words = call.argv[1:]
    number = int(signal.SIGTERM)
    if words and words[0].startswith("-") and words[0] != "--":
        name = words.pop(0)[1:]
        if name == "s" and words:
            name = words.pop(0)
        if name.isdigit():
            number = int(name)
        else:
            number = int(getattr(signal, f"SIG{name.upper().replace('SIG', '')}", -1))
    words = words[1:] if words[:1] == ["--"] else words
    code = 0
    for word in words:
        why = _kill(call, word, number)
        if why:
            call.warn(f"kill: {word}: {why}")
            code = 1
    return code


def _kill(call: Call, word: str, number: int) -> Optional[str]:
    if number < 0 or not word.lstrip("-").isdigit():
        return "illegal process id"
    target = int(word)
    if target in (-1, 0, 1):
        return "Operation not permitted"
    try:
        if not call.root and call.world.store.root_session(os.getsid(abs(target))):
            return "Operation not permitted"
        os.kill(target, number)
    except OSError as error:
        return _why(error)
    return None
