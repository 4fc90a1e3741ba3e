#!/bin/sh
# Tells what is missing for `make setup`, before anything is installed: check_machine.sh PYTHON
python=$1
needed_gigabytes=8 # .venv takes 6, the rest is unpacked beside it

fail() {
    echo "error: $1" >&2
    exit 1
}

command -v git >/dev/null || fail "found no git, expected it on the PATH (Debian: apt-get install git)"
command -v "$python" >/dev/null ||
    fail "found no $python, expected Python 3.11 (Debian: apt-get install python3.11 python3.11-venv); if it has another name: make setup PYTHON=..."
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "$python does not run, expected Python 3.11"
[ "$version" = 3.11 ] ||
    fail "found Python $version as $python, expected 3.11, for which requirements.lock holds; name another one: make setup PYTHON=..."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv, expected that module (Debian: apt-get install python3.11-venv)"
free_gigabytes=$(($(df -Pk . | awk 'NR == 2 { print $4 }') / 1000000))
[ -d .venv ] || [ "$free_gigabytes" -ge "$needed_gigabytes" ] ||
    fail "found $free_gigabytes GB free in $PWD, expected $needed_gigabytes for .venv and what the demo makes"
