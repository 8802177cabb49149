#!/bin/bash
# What runs as the first process on the host's root in the VM of scripts/test-vm.sh: guest.sh DIR.
# DIR/command runs as root; its exit status goes to the second serial line, and the VM ends.
run=$1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for dir in /dev/shm /run /var/log; do mount -t tmpfs tmpfs "$dir"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /lib/modules
mount --bind "$run/modules" /lib/modules
ip link set lo up
hostname vm
stty -F /dev/ttyS0 -onlcr
bash "$run/command" </dev/null >/dev/ttyS0 2>&1
echo $? >/dev/ttyS1
# A reboot ends qemu, which is told not to.
echo b >/proc/sysrq-trigger
