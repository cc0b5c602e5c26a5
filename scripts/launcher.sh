#!/bin/sh
# The command where the native one could not be built: finds the Python part beside it, and runs it isolated
# from whatever the caller's environment says to Python. csrc/front/ says more.

fail() { # TEXT
	printf '%s: %s\n' "$0" "$1" >&2
	exit 127
}

own=$(readlink -f -- "$0")
case ${own##*/} in
ipvsfast | ipvsadm) name=${0##*/} ;;
*) name=${own##*/} ;;
esac
case $name in
ipvsfast-save | ipvsadm-save) program=save ;;
ipvsfast-restore | ipvsadm-restore) program=restore ;;
*) program=main ;;
esac

python=${own%/*}/ipvsfast-python
[ -e "$python" ] || python=$(command -v ipvsfast-python)
case $python in
/*) ;;
*) fail "cannot find ipvsfast-python, the other part of this program: it lies beside the installed one. Link to \
that instead of copying it, or have its folder in PATH." ;;
esac
{ read -r line && read -r second; } < "$python" || fail "cannot read $python"

line=${line#"#!"}
if [ "$line" = /bin/sh ]; then
	# As installers write it where the path of Python has a blank: '''exec' "/the path" "$0" "$@"
	second=${second#"'''exec' "}
	eval "line=${second%' "$0" "$@"'}"
fi
case $line in
/*) ;;
*) fail "the first line of $python names no Python: install ipvsfast again." ;;
esac

# What Python itself cannot see, or would not survive.
flags=
while read -r key mask; do
	if [ "$key" = SigIgn: ] && [ $((0x$mask & 0x1000)) -ne 0 ]; then
		flags=p # SIGPIPE came ignored
	fi
done < /proc/self/status
if [ -d /dev/stdin ]; then
	flags=${flags}d
	exec <&-
fi

# The kernel tells a script where it lies, not how it was called.
told=ipvsfast=$program,-1,$flags,${0##*/}
if [ -x "$line" ]; then
	exec "$line" -I -X "$told" "$python" "$@"
fi
set -f # the line is words: an interpreter with options
# shellcheck disable=SC2086
exec $line -I -X "$told" "$python" "$@"
