#!/bin/sh
# Prints the first python3 of PATH that is 3.10 or newer; exits 1 if there is none.
IFS=:
for folder in $PATH:/usr/local/bin:/usr/bin; do
	python=$folder/python3
	[ -x "$python" ] || continue
	if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
		echo "$python"
		exit 0
	fi
done
exit 1
