"""Cheap programs for simulated Macs: one engine stays and answers for all.

A program that starts Python takes 13 to 26 ms of a core, almost all of it the interpreter's own
start, which no program of a real Mac has. Here each is a little C (`program.c`) that hands words
and input to the engine of `simmac` in this process: a tenth. What a process has to be there for
(programs of the host, what hangs, sudo's tickets) starts as always.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Iterator, List, Optional, cast

from simmac import builder, files, launchd, program
from simmac.engine import PROGRAMS, Engine, _concerns

__all__ = ["Resident"]

CC = shutil.which("cc")
SOURCE = Path(__file__).with_name("program.c")
KEPT = 100


class _Server(socketserver.ThreadingUnixStreamServer):
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False
    resident: Resident

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A program that was ended in the middle is nobody's error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, EOFError)):
            super().handle_error(request, client_address)


class _Request(socketserver.StreamRequestHandler):
    """One program's start."""

    def handle(self) -> None:
        resident = cast(_Server, self.server).resident
        size = self.rfile.read(4)
        if len(size) < 4:
            raise EOFError
        (length,) = struct.unpack(">I", size)
        told = self.rfile.read(length).decode("utf-8", "surrogateescape")
        umask, pid, place, *words = told.split("\0")
        argv = [os.path.abspath(place), *words]
        with resident.engine(program.folder_of(place)) as asked:
            if not _here(asked, argv):
                self.wfile.write(b"s")
                return
            # As any program does: whoever writes to this pipe may be waiting for the lock.
            wanted = files.wants_input(argv)
            self.wfile.write(b"i" if wanted else b"a")
            stdin = self.rfile.read() if wanted else b""
            session = asked.store.root_session(os.getsid(int(pid)))
            found = asked.answer(argv, stdin, session, umask=int(umask))
        self.wfile.write(struct.pack(">II", found.code, len(found.out)) + found.out + found.err)


def _here(asked: Engine, argv: List[str]) -> bool:
    """Whether the engine can answer where it is: no other process is needed, or told about."""
    words = [asked.world.mac(argv[0]), *argv[1:]]
    with asked.store:
        state = asked.store.state
        if words[0] == "/usr/bin/sudo":
            if state["refuse_sudo"] or words[1:2] != ["-n"]:
                return False
            words = [asked.world.mac(words[2]), *words[3:]]
        faults = [fault for fault in state["faults"] if fault["kind"] == "hang"]
    hangs = "monitor" in words or any(_concerns(fault["words"], words) for fault in faults)
    return not hangs and PROGRAMS.get(words[0], "sudo") != "sudo"


class Resident:
    """The engine that stays, until `stop()`; Macs that are built meanwhile know of it.

    Without a C compiler that works each program stays what it was.
    """

    def __init__(self) -> None:
        # The name of a socket is 108 bytes long at most.
        self._folder = tempfile.mkdtemp(prefix="net-")
        door = os.path.join(self._folder, "door")
        self._server = _Server(door, _Request)
        self._server.resident = self
        self._guard = threading.Lock()
        self._jobs: List[subprocess.Popen[bytes]] = []
        self._idle: List[Engine] = []
        if CC is not None:
            made = os.path.join(self._folder, "program")
            names = {"DOOR": door, "PYTHON": sys.executable, "STUB": str(builder.STUB)}
            words = [f"-D{name}={json.dumps(text)}" for name, text in names.items()]
            command = [CC, "-O1", "-o", made, *words, str(SOURCE)]
            if subprocess.run(command, check=False).returncode == 0:
                builder.PROGRAM = f"#!{made}\n"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @contextlib.contextmanager
    def engine(self, root: str) -> Iterator[Engine]:
        """One that nobody uses just then: it has the state in memory unless that has changed."""
        with self._guard:
            found = [asked for asked in self._idle if asked.world.root == root]
            if found:
                self._idle.remove(found[-1])
        if found:
            asked = found[-1]
        else:
            asked = Engine(root)
            asked.launch = lambda target: self.launch(asked, target)
        yield asked
        with self._guard:
            self._idle.append(asked)
            # Each holds a file open, and most Macs are gone with their test.
            if len(self._idle) > KEPT:
                self._idle.pop(0).store.close()

    def launch(self, asked: Engine, target: str) -> None:
        """A job of launchd is a process of its own."""
        job: Optional[subprocess.Popen[bytes]] = launchd.launch(asked.world, target)
        self._jobs = [job for job in self._jobs if job.poll() is None]
        if job is not None:
            self._jobs.append(job)

    def stop(self) -> None:
        builder.PROGRAM = builder.STARTS
        self._server.shutdown()
        self._server.server_close()
        for job in self._jobs:
            job.wait(60)
        for asked in self._idle:
            asked.store.close()
        shutil.rmtree(self._folder)
