#!/bin/sh
# Builds the wheel and runs, with no kernel of their own, the tests of what reads and packs numbers: what
# tests.vm.debian_root runs in a root of another architecture. The others start programs, which takes long there,
# or read documents, and do not care in which order the bytes of a number lie.
#
# usage: tools/test_emulated.sh [PYTEST_ARGUMENT...]
set -eu
tools/setup.sh build
python3 -m venv .venv
pip=".venv/bin/pip --quiet --disable-pip-version-check"
export PIP_NO_COMPILE=1 # which takes minutes here
$pip install 'setuptools>=77' cffi
$pip wheel --no-deps --no-build-isolation -w build/wheel .
wheel=$(echo build/wheel/*.whl)
$pip install "$wheel[test]"
.venv/bin/python -c 'import sys; print("byte order:", sys.byteorder, flush=True)'
set -- "$@" tests/native
for part in address connections_count_by connections_filter layout line listing_order values; do
	set -- "$@" "tests/unit/test_$part.py"
done
exec .venv/bin/pytest -p no:cacheprovider "$@"
