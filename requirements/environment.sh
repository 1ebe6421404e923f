# shellcheck shell=sh
# A virtual environment inside the checkout, filled with pinned packages and nothing else.
# Sourced by ./onboard and ./check, which set `top` (the checkout) first.

# The Pythons that the pinned packages serve, the most usual first.
PYTHONS="3.13 3.12 3.14 3.11 3.10 3.9"

# POSIX order, as container_net.text.language_of.
korean() {
    case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in ko*) return 0 ;; *) return 1 ;; esac
}

# say ENGLISH KOREAN
say() {
    if korean; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi
}

# complain ENGLISH KOREAN: as say, for what went wrong
complain() {
    say "$@" >&2
}

on_a_mac() {
    [ "$(uname -s)" = Darwin ]
}

# serves PYTHON: it runs, is of a version that the pinned packages serve, and can make environments.
serves() {
    case "$1" in
    /usr/bin/python3*)
        # Without Apple's command line tools this file is there all the same, and opens a dialog.
        if on_a_mac && ! xcode-select -p >/dev/null 2>&1; then return 1; fi
        ;;
    esac
    "$1" -c 'import sys; sys.exit(not (3, 9) <= sys.version_info < (3, 15))' 2>/dev/null || return 1
    if ! "$1" -c 'import ensurepip, venv' 2>/dev/null; then
        without_venv="$1"
        return 1
    fi
}

# find_python: sets `python` to the first one that serves; false where there is none.
find_python() {
    without_venv=
    python=$(command -v python3) && serves "$python" && return 0
    for version in $PYTHONS; do
        python=$(command -v "python$version") && serves "$python" && return 0
    done
    for version in $PYTHONS; do
        for python in "${PYENV_ROOT:-${HOME:-/nonexistent}/.pyenv}"/versions/"$version".*/bin/python3; do
            [ -x "$python" ] && serves "$python" && return 0
        done
    done
    python=
    return 1
}

no_python() {
    complain "No usable Python was found: 3.9 to 3.14 is needed." \
        "쓸 수 있는 Python이 없습니다. 3.9부터 3.14까지 중 하나가 필요합니다."
    if on_a_mac; then
        complain "Get one with:  xcode-select --install   (Apple's), or  brew install python@3.13" \
            "설치:  xcode-select --install   (Apple 제공) 또는  brew install python@3.13"
    elif [ -n "$without_venv" ]; then
        complain "$without_venv is there, but cannot make environments. On Debian and Ubuntu:  sudo apt install python3-venv" \
            "$without_venv 은(는) 있지만 가상 환경을 만들 수 없습니다. Debian과 Ubuntu:  sudo apt install python3-venv"
    else
        complain "Get one with:  sudo apt install python3 python3-venv   or  pyenv install 3.13" \
            "설치:  sudo apt install python3 python3-venv   또는  pyenv install 3.13"
    fi
}

# environment FOLDER REQUIREMENTS PROGRAM: FOLDER holds just these packages, and PROGRAM runs.
# Does nothing, without the network, where that is so already. What `finished` holds is the
# requirements file as it was installed; `unfinished` is there from the first moment to the last.
# Exit status 3 where it cannot be done, after a sentence that says why.
environment() {
    folder=$1 requirements=$2 program=$3
    finished=$folder/.container-net-finished
    unfinished=$folder/.container-net-unfinished

    # What a caller's environment says about other Pythons is no business of this one.
    unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_REQUIREMENT
    if on_a_mac; then
        # Apple's Python keeps its bytecode in the home folder otherwise.
        PYTHONPYCACHEPREFIX=$folder/bytecode
        export PYTHONPYCACHEPREFIX
    fi

    if [ ! -e "$unfinished" ] && cmp -s "$requirements" "$finished" &&
        "$folder/bin/$program" --version >/dev/null 2>&1; then
        return 0
    fi
    if [ -L "$folder" ]; then
        complain "$folder is a link; nothing outside the checkout is written. Move it away and run again." \
            "$folder 은(는) 링크입니다. 저장소 밖에는 아무것도 쓰지 않습니다. 치운 뒤 다시 실행하세요."
        return 3
    fi
    if ! find_python; then
        no_python
        return 3
    fi
    if [ -e "$folder" ] && [ ! -e "$finished" ] && [ ! -e "$unfinished" ] &&
        [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then
        complain "$folder is there, but was not made here. Move it away and run again." \
            "$folder 이(가) 있지만 여기서 만든 것이 아닙니다. 치운 뒤 다시 실행하세요."
        return 3
    fi
    say "Making $folder with $("$python" -V 2>&1) ..." "$("$python" -V 2>&1)(으)로 $folder 을(를) 만듭니다 ..."
    # From the start each time: half an environment is not worth repairing.
    rm -rf "$folder" && mkdir -p "$folder/tmp" && : >"$unfinished" || return 3
    log=$folder/pip.log
    if ! TMPDIR=$folder/tmp "$python" -m venv "$folder" >"$log" 2>&1 ||
        ! TMPDIR=$folder/tmp PIP_DISABLE_PIP_VERSION_CHECK=1 "$folder/bin/python" -m pip install \
            --quiet --no-input --no-user --no-cache-dir --no-compile --no-warn-script-location \
            --only-binary :all: --require-hashes -r "$requirements" >>"$log" 2>&1; then
        complain "The packages could not be installed:" "패키지를 설치하지 못했습니다:"
        grep -v '^WARNING' "$log" | tail -n 4 | sed 's/^/    /' >&2
        complain "Is there a network? Run it again; it begins where it has to." \
            "네트워크를 확인하고 다시 실행하세요. 필요한 데서부터 이어 갑니다."
        return 3
    fi
    rm -rf "$folder/tmp" && cp "$requirements" "$finished" && rm -f "$unfinished"
}
