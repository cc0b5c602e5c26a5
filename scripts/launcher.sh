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
search=$PATH:
while [ ! -e "$python" ] && [ -n "$search" ]; do
	# A relative folder would be the caller's current one.
	case $search in
	/*) python=${search%%:*}/ipvsfast-python ;;
	esac
	search=${search#*:}
done
[ -e "$python" ] || fail "cannot find ipvsfast-python, the other part of this program: it lies beside the installed \
one. Link to that instead of copying it, or have its folder in PATH."
# A last line without an end is read, too, though that fails.
{ read -r line || [ -n "$line" ] && read -r second || :; } < "$python" || fail "cannot read $python"

case $line in
"#!"*) line=${line#"#!"} ;;
*) line= ;;
esac
line=${line#"${line%%[![:blank:]]*}"}
# shellcheck disable=SC2016
case $line$second in
"/bin/sh'''exec' "*' "$0" "$@"')
	# As installers write it where the path of Python has a blank: '''exec' "/the path" "$0" "$@"
	second=${second#"'''exec' "}
	eval "line=${second%' "$0" "$@"'}"
	;;
/bin/sh*) line= ;;
esac
case $line in
/*) ;;
*) fail "the first line of $python names no Python: install ipvsfast again." ;;
esac

# What Python itself cannot see, or would not survive.
flags=
if [ -r /proc/self/status ]; then
	while read -r key mask; do
		[ "$key" != SigIgn: ] || [ $((0x$mask & 0x1000)) -eq 0 ] || flags=p # SIGPIPE came ignored
	done < /proc/self/status
fi
if [ -d /proc/self/fd/0 ]; then
	flags=${flags}d
	exec <&-
fi
# Nothing can be written to a directory.
[ ! -d /proc/self/fd/1 ] || exec >&-
[ ! -d /proc/self/fd/2 ] || exec 2>&-

# The kernel tells a script where it lies, not how it was called.
told=ipvsfast=$program,-1,$flags,${0##*/}
[ -x "$line" ] && exec "$line" -I -X "$told" "$python" "$@"
[ -x "${line%%[[:blank:]]*}" ] || fail "cannot run $line. It is the Python of this installation: install ipvsfast \
again with one that is there."
set -f # the line is words: an interpreter with options
# shellcheck disable=SC2086
exec $line -I -X "$told" "$python" "$@"
