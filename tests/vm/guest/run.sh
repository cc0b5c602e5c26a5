#!/bin/sh
# Runs the job in a guest where /proc, /sys, /dev, /run and /run/vm/job are mounted.
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
job=/run/vm/job
. $job/settings

mkdir -p /dev/pts /dev/shm /run/lock /run/vm/bin /run/vm/tmp /run/vm/lib/modules
chmod 1777 /run/vm/tmp /run/lock
mount -t devpts -o ptmxmode=666 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
echo vm > /proc/sys/kernel/hostname
ip link set lo up

# One name for modprobe, for the command as for the kernel, that looks into the unpacked package.
read -r release < /proc/sys/kernel/osrelease
ln -s "$modules" "/run/vm/lib/modules/$release"
ln -s . /run/vm/usr
printf '#!/bin/sh\nexec %s -d /run/vm "$@"\n' "$(command -v modprobe)" > /run/vm/bin/modprobe
chmod 755 /run/vm/bin/modprobe
echo /run/vm/bin/modprobe > /proc/sys/kernel/modprobe
for module in $load; do
	/run/vm/bin/modprobe "$module"
done

: > $job/started
$run < /dev/null >> $job/stdout 2>> $job/stderr
status=$?
sync
echo $status > $job/status.new
mv $job/status.new $job/status
echo o > /proc/sysrq-trigger
while :; do sleep 60; done
