"""./onboard: its options, its environment, and its story, without a network.

The Python that makes the environment is a stand-in that writes down what it was asked; the rest is
the real script in a copy of the checkout, whose path has a space and a quote in it. What a user
sees, with the real tasks behind it: tests/integration/test_integration_users.py.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List

import pytest

TOP = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.once
TOOLS = (
    "awk", "basename", "cat", "chmod", "cmp", "cp", "dirname", "grep", "ls", "mkdir", "rm", "sed",
    "sh", "tail", "touch",
)  # fmt: skip

# Stands in for a Python: answers the version probes, makes an environment, installs "packages".
PYTHON = """#!/bin/sh
echo "python $*" >>"$CALLS"
case "$1" in
-V) echo "Python 3.12.1" ;;
-c)
    case "$2" in
    *version_info*) exit "${STUB_VERSION:-0}" ;;
    *ensurepip*) exit "${STUB_VENV:-0}" ;;
    esac ;;
-m)
    case "$2" in
    venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    pip)
        echo "cache=${PIP_TARGET:-} tmp=${TMPDIR:-} path=${PYTHONPATH:-}" >>"$CALLS"
        if [ -n "${STUB_PIP:-}" ]; then echo "ERROR: no route to the packages" >&2; exit 1; fi
        folder=${0%/bin/python}
        cp "$STUB_INVOKE" "$folder/bin/invoke" ;;
    esac ;;
esac
"""

INVOKE = """#!/bin/sh
[ "$1" = --version ] || echo "invoke $*" >>"$CALLS"
case "$1" in
net.onboard) exit "${STUB_CODE:-0}" ;;
esac
"""


@dataclass
class Checkout:
    """A copy of the files that onboard reads, and a PATH that holds nothing but what is named."""

    path: Path
    tools: Path
    calls_file: Path
    system: str = "Linux"

    def stub(self, name: str, text: str) -> None:
        file = self.tools / name
        file.unlink(missing_ok=True)  # never through a link to the real tool
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)

    def run(self, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.run_from(self.path, *options, **environ)

    def run_from(
        self, folder: Path, *options: str, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        self.stub("uname", f"#!/bin/sh\necho {self.system}\n")
        given: Dict[str, str] = {
            "PATH": str(self.tools),
            "HOME": str(self.tools.parent / "home"),
            "LANG": "C.UTF-8",
            "CALLS": str(self.calls_file),
            "STUB_INVOKE": str(self.tools.parent / "invoke"),
            **environ,
        }
        return subprocess.run(
            [str(self.path / "onboard"), *options],
            cwd=str(folder),
            env=given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def calls(self, program: str) -> List[str]:
        """What was asked of a program, without its name."""
        if not self.calls_file.exists():
            return []
        lines = self.calls_file.read_text(encoding="utf-8").splitlines()
        return [line[len(program) + 1 :] for line in lines if line.startswith(program + " ")]

    def forget(self) -> None:
        self.calls_file.unlink()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    path = tmp_path / "a user's clone"
    path.mkdir()
    shutil.copy(TOP / "onboard", path / "onboard")
    shutil.copytree(TOP / "requirements", path / "requirements")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tmp_path / "home").mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    made = Checkout(path, tools, tmp_path / "calls")
    made.stub("python3", PYTHON)
    (tmp_path / "invoke").write_text(INVOKE, encoding="utf-8")
    (tmp_path / "invoke").chmod(0o755)
    return made


def pip_runs(checkout: Checkout) -> List[str]:
    return [call for call in checkout.calls("python") if call.startswith("-m pip")]


def lines(text: str) -> List[str]:
    return [line for line in text.splitlines() if line]


# Options


def test_help_is_shown_and_nothing_is_made(checkout: Checkout) -> None:
    done = checkout.run("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: ./onboard [--yes] [--persist] [--pull]")
    assert not (checkout.path / ".venv").exists()


def test_an_unknown_option_is_exit_2_and_nothing_is_made(checkout: Checkout) -> None:
    done = checkout.run("--persits")
    assert done.returncode == 2
    assert "--persits" in done.stderr
    assert not (checkout.path / ".venv").exists()


# The environment


def test_packages_are_installed_by_hash_into_the_checkout_alone(checkout: Checkout) -> None:
    checkout.run(PIP_TARGET="/elsewhere", PYTHONPATH="/elsewhere")
    (call,) = pip_runs(checkout)
    assert "--require-hashes" in call
    assert "--no-cache-dir" in call
    assert call.endswith("/requirements/run.txt")
    (seen,) = [c for c in checkout.calls_file.read_text().splitlines() if c.startswith("cache=")]
    assert seen == f"cache= tmp={checkout.path}/.venv/tmp path="
    assert list((checkout.tools.parent / "home").iterdir()) == []


def test_a_second_run_needs_no_pip_and_no_network(checkout: Checkout) -> None:
    checkout.run()
    checkout.forget()
    done = checkout.run(STUB_PIP="fails")
    assert done.returncode == 0
    assert checkout.calls("python") == []


def test_with_fleet_fabric_is_there_and_stays(checkout: Checkout) -> None:
    checkout.run("--fleet")
    (call,) = pip_runs(checkout)
    assert call.endswith("/requirements/fleet.txt")
    checkout.run()
    assert len(pip_runs(checkout)) == 1


def test_new_requirements_are_installed(checkout: Checkout) -> None:
    checkout.run()
    with (checkout.path / "requirements" / "run.txt").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    checkout.run()
    assert len(pip_runs(checkout)) == 2


def test_a_failed_installation_says_why_and_is_repaired_by_the_next_run(
    checkout: Checkout,
) -> None:
    done = checkout.run(STUB_PIP="fails")
    assert done.returncode == 3
    assert "no route to the packages" in done.stderr
    assert checkout.calls("invoke") == []
    done = checkout.run()
    assert done.returncode == 0
    assert checkout.calls("invoke") == ["net.onboard"]


def test_a_set_up_that_was_cut_off_is_repaired_by_the_next_run(checkout: Checkout) -> None:
    checkout.run()
    # As a kill leaves it: begun, with everything but the last package in place.
    (checkout.path / ".venv" / ".container-net-unfinished").touch()
    assert checkout.run().returncode == 0
    assert len(pip_runs(checkout)) == 2
    assert not (checkout.path / ".venv" / ".container-net-unfinished").exists()


def test_an_environment_that_lost_its_python_is_made_anew(checkout: Checkout) -> None:
    checkout.run()
    (checkout.path / ".venv" / "bin" / "invoke").write_text("#!/nowhere/python\n")
    assert checkout.run().returncode == 0
    assert len(pip_runs(checkout)) == 2


def test_somebody_elses_environment_is_left_alone(checkout: Checkout) -> None:
    (checkout.path / ".venv").mkdir()
    (checkout.path / ".venv" / "precious").touch()
    done = checkout.run()
    assert done.returncode == 3
    assert "was not made here" in done.stderr
    assert (checkout.path / ".venv" / "precious").exists()


def test_a_link_in_the_place_of_the_environment_is_not_followed(checkout: Checkout) -> None:
    outside = checkout.tools.parent / "outside"
    outside.mkdir()
    (checkout.path / ".venv").symlink_to(outside)
    assert checkout.run().returncode == 3
    assert list(outside.iterdir()) == []


# Finding a Python


def test_without_a_python_it_says_how_to_get_one(checkout: Checkout) -> None:
    (checkout.tools / "python3").unlink()
    done = checkout.run()
    assert done.returncode == 3
    assert "pyenv install" in done.stderr


def test_a_python_that_is_too_old_is_passed_over(checkout: Checkout) -> None:
    checkout.stub("python3", "#!/bin/sh\nexit 1\n")
    checkout.stub("python3.11", PYTHON)
    assert checkout.run().returncode == 0
    assert checkout.run().returncode == 0


def test_pyenvs_python_is_found_without_its_shims(checkout: Checkout) -> None:
    folder = checkout.tools.parent / "home" / ".pyenv" / "versions" / "3.12.1" / "bin"
    folder.mkdir(parents=True)
    (checkout.tools / "python3").rename(folder / "python3")
    assert checkout.run().returncode == 0


def test_a_python_without_venv_is_named_with_what_is_missing(checkout: Checkout) -> None:
    done = checkout.run(STUB_VENV="1")
    assert done.returncode == 3
    assert "apt install python3-venv" in done.stderr


def test_on_a_mac_apples_python_is_not_touched_before_its_tools_are_there(
    checkout: Checkout,
) -> None:
    # Asked of the function itself: it is about one path, which is another Python's here.
    checkout.stub("uname", "#!/bin/sh\necho Darwin\n")
    checkout.stub("xcode-select", '#!/bin/sh\necho "xcode-select $*" >>"$CALLS"\nexit 2\n')
    script = f'. "{checkout.path}/requirements/environment.sh"; serves /usr/bin/python3'
    environ = {"PATH": str(checkout.tools), "CALLS": str(checkout.calls_file)}
    done = subprocess.run(["/bin/sh", "-c", script], env=environ, check=False)
    assert done.returncode == 1
    assert checkout.calls("xcode-select") == ["-p"]


def test_on_a_mac_without_a_python_apples_tools_are_named(checkout: Checkout) -> None:
    checkout.system = "Darwin"
    (checkout.tools / "python3").unlink()
    done = checkout.run()
    assert done.returncode == 3
    assert "xcode-select --install" in done.stderr


# The story, which tests/sim/test_onboarding.py knows


def test_the_options_reach_the_task(checkout: Checkout) -> None:
    checkout.run("--yes", "--persist", "--pull")
    assert checkout.calls("invoke") == ["net.onboard --yes --persist --pull"]


@pytest.mark.parametrize("code", ["1", "3", "130"])
def test_its_exit_code_is_that_of_the_task(checkout: Checkout, code: str) -> None:
    assert checkout.run(STUB_CODE=code).returncode == int(code)


def test_from_another_folder_it_says_where_commands_are_typed(checkout: Checkout) -> None:
    done = checkout.run_from(checkout.tools.parent)
    assert str(checkout.path) in lines(done.stdout)[-1]
    assert checkout.calls("invoke") == ["net.onboard"]
    assert str(checkout.path) not in lines(checkout.run().stdout)


@pytest.mark.parametrize(
    ("environ", "korean"),
    [
        ({"LANG": "ko_KR.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "ko_KR.UTF-8"}, True),
        ({"LANG": "ko_KR.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, False),
    ],
)
def test_korean_follows_the_locale(
    checkout: Checkout, environ: Dict[str, str], korean: bool
) -> None:
    done = checkout.run_from(checkout.tools.parent, **environ)
    assert done.returncode == 0
    assert ("입력하세요" in lines(done.stdout)[-1]) is korean
