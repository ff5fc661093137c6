#!/bin/sh
# install_locked.sh LOCK ENVIRONMENT: make a virtual environment without pip, and put every package of the lock into it.
#
# pip stays outside, in an environment that no image copies. setuptools comes first and from the lock, because a package
# without a wheel is built with it; a build of its own environment would fetch another one, unlocked.
set -eu
lock=$1 environment=$2

found=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ "$found" != 3.11 ]; then
    echo "The base image has Python $found, and the lock is for 3.11. Give a BASE_IMAGE with Python 3.11." >&2
    exit 1
fi

python3 -m venv /build/tools
python3 -m venv --without-pip "$environment"
locked() {
    /build/tools/bin/python -m pip --python "$environment/bin/python" install --quiet --no-deps --no-compile \
        --use-pep517 --no-build-isolation --require-hashes --requirement "$1"
}
awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' "$lock" > /build/setuptools.lock
locked /build/setuptools.lock
locked "$lock"

# Bytecode that is valid whatever the files' times: the root is read-only, so Python can't write its own.
# Templates that are no valid Python are among the packages, hence no failure for a file that can't be compiled.
"$environment/bin/python" -m compileall -qq --workers 0 --invalidation-mode unchecked-hash "$environment/lib" || true
