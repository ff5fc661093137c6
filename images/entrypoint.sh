#!/bin/sh
# Run a shell, Python or labelcycle as they are given, as Kubeflow's executor is; all else is a command of labelcycle.
case "${1:-}" in
    sh | bash | python | python3 | labelcycle) exec "$@" ;;
    *) exec labelcycle "$@" ;;
esac
