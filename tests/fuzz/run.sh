#!/bin/sh
# Feeds the readers in csrc/ with made-up input, checked by the address and undefined behaviour
# sanitizers. Ends with a failure at the first finding; its input is kept as tests/fuzz/crash-*.
#
# usage: tests/fuzz/run.sh [SECONDS [NAME...]]    SECONDS for each NAME_fuzz.c (default: 60, all of them)
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || for file in tests/fuzz/*_fuzz.c; do
	name=${file##*/}
	set -- "$@" "${name%_fuzz.c}"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # NAME FLAG... -- C file...: all warnings are errors
	name=$1
	shift
	# shellcheck disable=SC2046
	"${CLANG:-clang}" -std=gnu11 -g -O1 -D_GNU_SOURCE -Wall -Wextra -Werror -pthread \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Icsrc -Icsrc/uapi \
		$(pkg-config --cflags libnl-3.0 libnl-genl-3.0) "$@" "tests/fuzz/${name}_fuzz.c" -o "$work/$name"
}

# Small blocks and lines, so that every kind of line meets their borders.
build_conns() {
	build conns -DBLOCK_LEN=512 -DPAGE_ROOM=1 -DIPVSF_LINE_MAX=700 \
		csrc/core/*.c csrc/bpf/*.c csrc/conns/*.c csrc/conns/*/*.c
}

build_btf() {
	build btf csrc/bpf/btf.c csrc/bpf/members.c csrc/conns/bpf/layout.c
}

# No moments to wait for.
build_live() {
	# shellcheck disable=SC2046
	build live -DRESTARTS_MAX=2 csrc/core/*.c csrc/netlink/*.c csrc/sockopt/*.c csrc/listing/order.c \
		csrc/rules/groups.c csrc/rules/replacement.c csrc/live/*.c csrc/bpf/btf.c csrc/bpf/kernel_types.c \
		csrc/bpf/members.c csrc/bpf/program.c csrc/bpf/reason.c $(pkg-config --libs libnl-3.0 libnl-genl-3.0)
}

build_words() {
	python3 -IB csrc/front/options.py "$work/options.h"
	build words "-I$work" csrc/front/words.c csrc/rules/scan.c csrc/netlink/encode.c
}

# The captures, behind bytes that choose among formats, filters, keys and sources.
seed_conns() {
	for file in tests/data/conns/*.txt; do
		for choices in '00000000' '\1\2\60\3\0\0\5\1' '\2\3 0\4\0\7\2' '\3\1p\100\0\0\377\3' \
			'\4\77\20 \370\377\3\4'; do
			{
				# shellcheck disable=SC2059
				printf "$choices"
				cat "$file"
			} > "$1/$(basename "$file" .txt)-$(printf %s "$choices" | cksum | cut -d ' ' -f 1)"
		done
	done
}

# Every line as words, behind a byte that chooses the program.
seed_words() {
	number=0
	while read -r line; do
		number=$((number + 1))
		# shellcheck disable=SC2086
		{ printf 7; printf '%s\0' $line; } > "$1/$number"
	done < tests/fuzz/words.txt
}

# What the tests of the reader of type information are made of.
seed_btf() {
	python3 tests/fuzz/seeds.py "$1"
}

# From nothing: an input is bytes of the shared memory.
seed_live() {
	printf '\\1\\0\\2\\1\\1\\1\\1' > "$1/start"
}

for name; do
	corpus=$work/corpus-$name
	mkdir "$corpus"
	"build_$name"
	"seed_$name" "$corpus"
	set -- -max_total_time="$seconds" -max_len=8192 -print_final_stats=1 -artifact_prefix=tests/fuzz/ \
		-verbosity=0
	[ ! -e "tests/fuzz/$name.dict" ] || set -- "$@" -dict="tests/fuzz/$name.dict"
	if ! "$work/$name" "$@" "$corpus" > "$work/log" 2>&1; then
		cat "$work/log"
		exit 1
	fi
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
	echo "$name: $executions inputs in $seconds s, no finding"
done
