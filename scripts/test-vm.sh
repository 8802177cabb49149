#!/usr/bin/env bash
# Runs the tests that this machine's kernel may be too small for, in a VM with the distribution's kernel (decision 0122):
#   sudo ./scripts/test-vm.sh [PATH] [arguments for jest, such as -t "the watcher"]
# PATH is test/node/routes-vlan.test.ts unless said. In the VM the host's files are read-only below a tmpfs, and there is no network.
# VM_MEMORY: its memory in MB (default 3072). dist/vm keeps the kernel; remove it to fetch a newer one.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "test-vm: $*" >&2; exit 2; }
say() { echo "test-vm: $*" >&2; }

[[ $EUID -eq 0 ]] || die "run it as root (sudo): it installs packages, and what runs in the VM reads the host's files"
[[ $(uname -m) == x86_64 ]] || die "this machine is $(uname -m): only x86_64 is supported"
command -v apt-get >/dev/null || die "only apt is supported: elsewhere, run the tests on a kernel with the modules 8021q and dummy"
./scripts/install-deps.sh
export PATH=$PATH:/usr/sbin:/sbin
dir=$PWD/dist/vm
mkdir -p "$dir"

# apt-get ARGS...: its output only when it fails.
apt() {
  local log
  log=$(DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" 2>&1) || die "apt-get $* failed: $log"
}

install_programs() {
  local missing=() program
  for program in qemu-system-x86_64:qemu-system-x86 depmod:kmod xz:xz-utils zstd:zstd; do
    command -v "${program%:*}" >/dev/null || missing+=("${program#*:}")
  done
  # Not the one with libraries: nothing else is there when the VM starts.
  [[ -e /usr/share/doc/busybox-static ]] || missing+=(busybox-static)
  if [[ ! ${missing[*]} ]]; then return; fi
  say "installing ${missing[*]} (some 15 MB, 1 minute)"
  apt update
  apt install --no-install-recommends "${missing[@]}"
}

# Unpacked, not installed: the machine would boot it. Without the drivers of hardware that the VM has not.
fetch_kernel() {
  local meta=linux-image-amd64 packages deb
  if [[ -e $dir/complete ]]; then return; fi
  if grep -qsx ID=ubuntu /etc/os-release; then meta=linux-image-virtual; fi
  say "fetching the kernel of $meta (some 70 MB, 1 minute)"
  apt update
  mapfile -t packages < <(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces "$meta" |
    grep -xE 'linux-(image|modules)-[0-9].*-(amd64|generic)' | sort -u)
  [[ ${packages[*]} ]] || die "apt knows no kernel behind $meta"
  rm -rf "${dir:?}"/{debs,boot,lib}
  mkdir "$dir/debs"
  (cd "$dir/debs" && apt download "${packages[@]}")
  for deb in "$dir"/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -xC "$dir" --transform 's,^\./usr/lib/,./lib/,' --exclude ./usr/share \
      --exclude '*/kernel/sound' --exclude '*/kernel/drivers/[a-mo-uw-z]*' --exclude '*/drivers/net/ethernet' --exclude '*/drivers/net/wireless'
  done
  rm -r "$dir/debs"
  depmod -b "$dir" "$(version)"
  touch "$dir/complete"
}

version() { basename "$dir"/lib/modules/*; }

# The first process, and the modules by which it reaches the host's files; all others are loaded from there.
make_initramfs() {
  local module number=10
  mkdir -p "$run"/root/{bin,proc,modules}
  cp "$(command -v busybox)" "$run/root/bin/busybox"
  install -m 755 scripts/vm/init "$run/root/init"
  for module in virtio_pci 9pnet_virtio 9p overlay; do
    modprobe -d "$dir" -S "$(version)" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$run/modules.list"
  while read -r module; do
    case $module in *.xz) xz -dc "$module" ;; *.zst) zstd -qdc "$module" ;; *) cat "$module" ;; esac >"$run/root/modules/$((number++)).ko"
  done <"$run/modules.list"
  (cd "$run/root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$run/initramfs"
}

# A machine that is itself virtual often has /dev/kvm and no processor for it.
accelerator() {
  if [[ -w /dev/kvm ]] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
    say "starting $(version) with KVM"
    machine=(-accel kvm -cpu host)
  else
    say "starting $(version) WITHOUT KVM, which this machine does not have: some 6 minutes for all tests of vlan and dummy"
    machine=(-accel tcg -cpu max)
  fi
}

# jest itself, not npm test: what is built is there. A kernel without the links would skip every test.
write_command() {
  cp scripts/vm/guest.sh "$run/guest.sh"
  ln -s "$dir/lib/modules" "$run/modules"
  printf '%q ' ./scripts/node.sh node_modules/jest/bin/jest.js --reporters "$PWD/scripts/jest-reporter.mjs" --reporters summary \
    --selectProjects node --runInBand "$@" >"$run/jest"
  cat >"$run/command" <<COMMAND
cd $(printf %q "$PWD")
./scripts/kernel-makes-links.sh || { echo "test-vm: this kernel has no vlan or dummy either"; exit 1; }
CI=true exec $(<"$run/jest")
COMMAND
}

run=$(mktemp -d "$dir/run.XXXXXX")
trap 'rm -rf "$run"' EXIT
install_programs
exec 9>"$dir/lock"
flock 9
fetch_kernel
flock -u 9
if [[ $# -eq 0 || $1 == -* ]]; then set -- test/node/routes-vlan.test.ts "$@"; fi
make_initramfs
write_command "$@"
machine=()
accelerator
# quiet and mitigations=off: nothing here is worth protecting, and emulation is slow.
qemu-system-x86_64 "${machine[@]}" -smp 1 -m "${VM_MEMORY:-3072}" -display none -no-reboot -nodefaults -nic none \
  -kernel "$dir/boot/vmlinuz-$(version)" -initrd "$run/initramfs" -append "console=ttyS0 panic=-1 quiet mitigations=off vm.run=$run" \
  -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
  -serial stdio -serial "file:$run/status" </dev/null || die "qemu failed"
status=$(<"$run/status")
[[ $status =~ ^[0-9]+ ]] || die "the VM ended before its tests did"
exit "${BASH_REMATCH[0]}"
