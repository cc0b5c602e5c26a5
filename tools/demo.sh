#!/bin/bash
# What the demo shows: 51,000 rules through a real kernel. `make demo` runs it.
#
# Without arguments: makes the rule file and boots a kernel (DEMO_HOST=1: takes this machine's), in
# which it runs itself again with the folder of the rule file as its argument.
set -eu -o pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
ipvsfast=${IPVSFAST_DEMO_PROGRAM:-.venv/bin/ipvsfast}
services=1000 destinations=50 part=200
TIMEFORMAT=%R

rules_in() { # SERVICES
	echo $(($1 * (destinations + 1)))
}

outside() {
	local kernel=uml folder status=0
	[ "${DEMO_HOST:-}" != 1 ] || kernel=host
	mkdir -p build
	folder=$(mktemp -d build/demo.XXXXXX)
	# shellcheck disable=SC2064
	trap "rm -rf '$folder'" EXIT
	$python tools/demo_rules.py $services $destinations > "$folder/rules"
	$python tools/demo_rules.py $part $destinations > "$folder/part"
	$python -m tests.vm -k $kernel --timeout 600 -- tools/demo.sh "$folder" || status=$?
	[ $status -eq 0 ] || exit $status
	local next
	if [ $kernel = host ]; then
		next="sudo $PWD/$ipvsfast"
	else
		next="$python -m tests.vm -- $ipvsfast"
	fi
	cat <<-END

	What to type next:
	  $next -L -n
	      any command, on such a kernel; --help lists them
	  make test
	      every test, on the same kernel
	  make bench BENCH_ARGS=--quick
	      the times of more jobs, beside those of ipvsadm, keepalived and pyroute2
	END
}

timed() { # NAME COMMAND...: runs the command and leaves its seconds in $NAME
	local name=$1
	shift
	{ time "$@" 2>&3; } 3>&2 2> "$work/time"
	printf -v "$name" %s "$(tail -n 1 "$work/time")"
}

show() { # the command line shown before its output
	printf '\n$ %s\n' "$*"
}

restore_part() { # PROGRAM: restores the part into another, empty table; prints the seconds
	unshare -n bash -c "ip link set lo up && TIMEFORMAT=%R && time $1 -R 2>&3" \
		< "$folder/part" 3>&2 2>&1
}

row() {
	printf '  %-26s %12s %12s %12s\n' "$@"
}

inside() {
	folder=$1
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	local all restore list save ours theirs
	all=$(rules_in $services)

	echo "Linux $(uname -r), $(nproc) CPU; $($ipvsfast --version | head -n 1)"
	show "wc -l rules; head -n 3 rules"
	wc -l < "$folder/rules"
	head -n 3 "$folder/rules"

	show "ipvsfast -R < rules"
	timed restore $ipvsfast -R < "$folder/rules"
	echo "$restore s"

	show "ipvsfast -L -n | head"
	timed list $ipvsfast -L -n > "$work/listing"
	head "$work/listing"
	echo "... $(wc -l < "$work/listing") lines, $list s"

	show "ipvsfast -S -n > saved"
	timed save $ipvsfast -S -n > "$work/saved"
	echo "$save s"

	show "cmp <(sort rules) <(sort saved)"
	LC_ALL=C sort "$folder/rules" > "$work/rules.sorted"
	LC_ALL=C sort "$work/saved" > "$work/saved.sorted"
	cmp "$work/rules.sorted" "$work/saved.sorted"
	echo "the $all rules that came out are the $all that went in"

	ours=$(restore_part $ipvsfast)
	theirs=$(restore_part ipvsadm)

	printf '\n'
	row seconds rules ipvsfast ipvsadm
	row "restore" "$all" "$restore" "-"
	row "restore, a part of them" "$(rules_in $part)" "$ours" "$theirs"
	row "list" "$all" "$list" "-"
	row "save" "$all" "$save" "-"
	awk "BEGIN { printf \"  the part: ipvsfast is %.0f times as fast as ipvsadm\n\", $theirs / $ours }"
}

if [ $# -eq 0 ]; then
	outside
else
	inside "$1"
fi
