"""What a user types, in a copy of this checkout: ./onboard, the tasks that only look, and the undo.

The copy has a `.venv` of its own, made by the Python that comes first on its PATH; so the packages
are the user's, and so are macOS's own sh, sed and awk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, Sequence, Tuple

from integration.failure import NoAnswer
from integration.guests import Guest
from integration.host import ROOT, Ran, Said
from integration.story import Keeper

__all__ = ["LOOKS", "SYSTEM_PATH", "Checkout", "pythons", "use"]

SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
LOCALES = {"en": "C.UTF-8", "ko": "ko_KR.UTF-8"}
COPIED = ("container_net", "onboard", "requirements", "simmac", "tasks.py", "templates")
# Each task that changes nothing, and the exit codes that it may have where it was set up without
# the program `container`: 3 is "not all could be measured".
LOOKS: Tuple[Tuple[Tuple[str, ...], Tuple[int, ...]], ...] = (
    (("net.plan",), (0,)),
    (("net.status",), (0,)),
    (("net.verify",), (0, 3)),
    (("net.doctor", "--report", "report-{lang}.md"), (0, 1, 3)),
)


def pythons() -> Dict[str, str]:
    """Whose Python to the PATH on which it is the first `python3`."""
    base = Path(str(getattr(sys, "_base_executable", sys.executable))).parent
    found = {"Apple's": SYSTEM_PATH}
    if (base / "python3").exists() and base != Path("/usr/bin"):
        found["a newer one"] = f"{base}:{SYSTEM_PATH}"
    return found


class Checkout:
    """A copy of what a user has after `git clone`, and a way to type in it."""

    def __init__(self, keeper: Keeper, folder: Path, path: str, **more: str) -> None:
        self.keeper = keeper
        self.folder = folder
        told = {k: v for k, v in os.environ.items() if not k.startswith(("INVOKE_", "PIP_"))}
        told.pop("VIRTUAL_ENV", None)
        self.environ = {**told, **keeper.host.settings, "PATH": path, "LC_ALL": "C.UTF-8", **more}
        folder.mkdir(parents=True)
        for name in COPIED:
            place = ROOT / name
            if place.is_dir():
                # With what Python has compiled: the copies are as old as what they are copies of.
                shutil.copytree(place, folder / name, symlinks=True)
            else:
                shutil.copy(place, folder / name, follow_symlinks=False)

    def type(self, *words: str, limit: float = 300, **environ: str) -> Ran:
        """One command line in the copy; it is kept as evidence with all the others."""
        began = time.time()
        try:
            done = subprocess.run(
                list(words),
                cwd=self.folder,
                env={**self.environ, **environ},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limit,
                check=False,
            )
            out, err = (s.decode("utf-8", "replace") for s in (done.stdout, done.stderr))
            ran = Ran(words, done.returncode, out, err)
        except (OSError, subprocess.TimeoutExpired) as error:
            ran = Ran(words, 124, "", str(error))
        said = Said(words, False, ran.code, ran.out, ran.err, began, time.time() - began)
        self.keeper.evidence.command(said)
        return ran

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def use(keeper: Keeper, checkout: Checkout, guest: Guest) -> None:
    """From a fresh clone to the internet and back, by what a user types.

    Raises AssertionError, which the keeper names.
    """
    with keeper.named("./onboard --yes"):
        keeper.open(guest)
        _ended(_kept(keeper, lambda: checkout.type("./onboard", "--yes", limit=600)), (0, 3))
        about = "import sys; print(sys.version, sys.base_prefix)"
        python = checkout.type(".venv/bin/python", "-c", about).out
        keeper.evidence.note(f"the user's Python: {' '.join(python.split())}")
        answered = guest.internet()
        assert answered, "nothing was tried"
        if not all(answered.values()):
            raise NoAnswer(f"the guest does not get out: {answered}")
    for lang in LOCALES:
        with keeper.named(f"the tasks that only look, in {lang}"):
            for words, codes in LOOKS:
                _look(checkout, [word.format(lang=lang) for word in words], codes, lang)
            report = (checkout.folder / f"report-{lang}.md").read_text(encoding="utf-8")
            keeper.evidence.text(f"report-{lang}.md", report)
            _in_language(report, lang)
    with keeper.named("./onboard --yes again"):
        ran = _kept(keeper, lambda: checkout.type("./onboard", "--yes"))
        _ended(ran, (0, 3))
    with keeper.named("the undo"):
        keeper.close(guest)
        _ended(checkout.type(".venv/bin/invoke", "net.teardown", "--yes"), (0,))
        checkout.remove()
        keeper.as_it_was()


def _kept(keeper: Keeper, act: Callable[[], Ran]) -> Ran:
    """A run that may take a reference of pfctl's, which the keeper notes."""
    with keeper.noting():
        return act()


def _look(checkout: Checkout, words: Sequence[str], codes: Sequence[int], lang: str) -> None:
    ran = checkout.type(".venv/bin/invoke", *words, LC_ALL=LOCALES[lang])
    _ended(ran, codes)
    if "--report" not in words:
        _in_language(ran.out, lang)


def _in_language(text: str, lang: str) -> None:
    korean = any("가" <= letter <= "힣" for letter in text)
    assert text.strip(), "it said nothing"
    assert korean is (lang == "ko"), f"this is not {lang}: {text[:200]}"


def _ended(ran: Ran, codes: Sequence[int]) -> None:
    said = f"{' '.join(ran.words)}: exit {ran.code}\n{ran.out}{ran.err}"
    assert ran.code in codes, said
    assert "Traceback" not in ran.out + ran.err, said
