#!/bin/sh
# install_project.sh PROJECT ENVIRONMENT PREFIX: install labelcycle for the environment, into a folder of its own.
set -eu
project=$1 environment=$2 prefix=$3

/build/tools/bin/python -m pip --python "$environment/bin/python" install --quiet --no-index --no-deps --no-compile \
    --no-build-isolation --prefix "$prefix" "$project"
# The bytecode names the place where the files will be.
"$environment/bin/python" -m compileall -q --invalidation-mode unchecked-hash \
    -s "$prefix" -p "$environment" "$prefix/lib"
