#!/bin/sh
# Finds a Python that Kontinuum can use, and lets it make .venv: sh tools/bootstrap.sh run|dev
set -eu

cd "$(dirname "$0")/.."

# A name on the path may be a shim that starts nothing, so each is tried.
for python in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" -I tools/bootstrap.py "$@"
    fi
    if [ -n "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON is not a Python 3.11 or newer." >&2
        exit 1
    fi
done

found=$(python3 --version 2>/dev/null || echo "no python3")
echo "Kontinuum needs Python 3.11 or newer, and this machine has $found." >&2
echo "Install it, for example: sudo apt install python3 python3-venv   (macOS: brew install python)" >&2
echo "A Python that is not on the path can be named: make run PYTHON=/path/to/python3.12" >&2
exit 1
