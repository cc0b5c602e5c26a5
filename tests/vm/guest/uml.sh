#!/bin/sh
# First process of a user-mode kernel, whose root is the caller's own file tree. $1: the job's folder.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/vm/job
# sync: what the command prints is in the caller's file when write() returns, even if the kernel dies next.
# The variable: only by the older of its two calls does mount hand over a path that has no name of its own.
LIBMOUNT_FORCE_MOUNT2=always mount -i -t hostfs -o "sync,$1" hostfs /run/vm/job
exec /bin/sh "${0%/*}/run.sh"
