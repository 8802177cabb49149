#!/usr/bin/env bash
# need-mount-point.sh NAME: exit status 2, and why, where `ip netns exec` cannot work: it changes how the mounts below / propagate,
# and in a chroot into a plain directory / is no mount point. Before anything is installed, because nothing else fixes it.
set -euo pipefail
if grep -qs '^[0-9]* [0-9]* [^ ]* [^ ]* / ' /proc/self/mountinfo; then exit 0; fi
if [[ ! -e /proc/self/mountinfo ]]; then
  echo "$1: /proc is not mounted, as in a chroot that was entered too early: mount -t proc proc /proc, and the same for /sys" >&2
else
  echo "$1: / is not a mount point (a chroot into a plain directory), so ip netns exec cannot work: leave the chroot and bind its directory on itself, mount --rbind DIR DIR, then chroot DIR again" >&2
fi
exit 2
