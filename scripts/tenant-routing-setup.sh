#!/usr/bin/env bash
# Node routes for tenants: marked packets leave by their tenant's gateway, or not at all.
# Stands alone, so that it can be copied to a node; --help says how to use it.
# shellcheck disable=SC2086 # rules and routes are kept as lines and passed to ip as words
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: GATEWAY_A=10.10.10.131 GATEWAY_B=10.10.10.184 tenant-routing-setup.sh [--dry-run]
       tenant-routing-setup.sh --remove [--dry-run]

Makes a routing table per tenant and the ip rules that lead to it. Run it again after a change, after
a tenant's network card went down (the kernel drops its routes), and at boot: nothing of it is kept.

  TENANTS          the tenants' letters                                  (default "A B")
For each tenant, here A:
  GATEWAY_A        its IPv4 gateway; GATEWAY_A6 its IPv6 gateway
  DEV_A            the device towards them       (default: looked up; alone: the IPv4 default route)
  FWMARK_TENANT_A  its mark, VALUE or VALUE/MASK                         (default A 0x10, B 0x20)
  TABLE_TENANT_A   its routing table                                     (default A 100, B 200)
  MASK             the mask of marks given without one                   (default 0xff)
  PRIORITY         of the tenants' rules; PRIORITY-1 is used too         (default 32765)
  RT_TABLES_DIR    where tables get names, empty: nowhere   (default /etc/iproute2/rt_tables.d)
  STATE_DIR        keeps what --remove has to undo          (default /run/tenant-routing-setup)

A family without a gateway is closed for that tenant's packets, so IPv6 cannot bypass an IPv4 gateway.
The node's routes that are more exact than a default (pods, services, its networks) come first.
TEXT
}

warn() { echo "warning: $*" >&2; }
die() { echo "error: $*" >&2; exit 1; }

mode="set" dry=
for argument; do
  case $argument in
    --remove) mode="remove" ;;
    --dry-run) dry=1 ;;
    -h | --help) usage; exit ;;
    *) die "unknown argument $argument; --help lists them" ;;
  esac
done

run() { if [[ $dry ]]; then echo "would run: $*"; else "$@"; fi; }
write() { if [[ $dry ]]; then echo "would write to $1: ${2//$'\n'/, }"; elif [[ -e $1 || $1 != /proc/* ]]; then echo "$2" >"$1"; fi; }

# A plan is a list of lines: "FAMILY rule SELECTOR...", "FAMILY route ROUTE...", "sysctl PATH OLD-VALUE", "file PATH".
# "protocol kernel" keeps systemd-networkd from removing rules and routes that it did not make.
plan=() changes=() names=() marks=()
declare -A used_table=()

is_number() { [[ $1 =~ ^(0[xX][0-9a-fA-F]{1,8}|[1-9][0-9]{0,9}|0)$ ]]; }

# Sets `value` and `mask` from a tenant's mark.
parse_mark() {
  local text=$1 name=$2
  [[ $text == */* ]] || text=$text/$MASK
  if ! is_number "${text%%/*}" || ! is_number "${text#*/}"; then die "$name: $text is not a mark such as 0x10/0xff"; fi
  value=$((${text%%/*})) mask=$((${text#*/}))
  ((value > 0 && value <= 0xffffffff && mask <= 0xffffffff)) || die "$name: $text is not a 32-bit mark other than 0"
  (((value & mask) == value)) || die "$name: $text has bits outside its mask and would match no packet; set MASK or write VALUE/MASK"
}

# The form in which `ip rule` prints it, so that what is there can be compared.
mark_text() { if (($2 == 0xffffffff)); then printf '0x%x' "$1"; else printf '0x%x/0x%x' "$1" "$2"; fi; }

device_to() {
  local answer
  answer=$(ip -"$1" -o route get "$2" 2>&1) || die "gateway $2: no route to it ($answer)"
  [[ $answer != *" via "* ]] || die "gateway $2 is not on a network of this node: $answer"
  sed -E 's/.* dev ([^ ]+).*/\1/' <<<"$answer"
}

plan_sysctl() {
  local path=/proc/sys/net/$1 wanted=$2 old recorded
  old=$(<"$path")
  if [[ $old != "$wanted" && " ${changes[*]} " != *" $path "* ]]; then changes+=("$path $wanted"); fi
  recorded=$(grep -F "sysctl $path " <<<"$before" || true)
  if [[ $recorded ]]; then plan+=("$recorded"); elif [[ $old != "$wanted" ]]; then plan+=("sysctl $path $old"); fi
}

# Replies come in by the tenant's device from addresses that the main table reaches by another: strict filtering drops them.
plan_loose_filter() {
  local all own
  all=$(</proc/sys/net/ipv4/conf/all/rp_filter) own=$(<"/proc/sys/net/ipv4/conf/$1/rp_filter")
  if ((own == 1 || (own == 0 && all == 1))) || grep -qF "conf/$1/rp_filter " <<<"$before"; then
    plan_sysctl "ipv4/conf/$1/rp_filter" 2
    [[ $(ip -4 route show default) ]] || warn "the main table has no default route: even loose filtering on $1 drops replies then"
  fi
}

plan_route() {
  local family=$1 gateway=$2 device=$3 table=$4
  # Behind the real route, so that losing it means no traffic instead of the node's own default route.
  plan+=("$family route unreachable default metric 4294967295 table $table protocol kernel")
  [[ $gateway$device ]] || return 0
  [[ $device ]] || device=$(device_to "$family" "$gateway")
  [[ -e /proc/sys/net/ipv4/conf/$device ]] || die "device $device does not exist"
  plan+=("$family route default ${gateway:+via $gateway }dev $device table $table protocol kernel")
  if ((family == 4)); then
    plan_sysctl ipv4/ip_forward 1
    plan_loose_filter "$device"
  else
    plan_sysctl ipv6/conf/all/forwarding 1
    [[ $(ip -6 route show default proto ra) ]] || return 0
    warn "the default route came from router advertisements: set accept_ra=2 on its device, or a node that forwards ignores them"
  fi
}

plan_tenant() {
  local letter=$1 family value mask other via dev
  local gateway=GATEWAY_$1 gateway6=GATEWAY_${1}6 device=DEV_$1 mark=FWMARK_TENANT_$1 table=TABLE_TENANT_$1
  [[ $letter =~ ^[A-Za-z0-9_]+$ ]] || die "TENANTS: $letter is not a letter or name of letters and digits"
  [[ ${!gateway:-}${!gateway6:-}${!device:-} ]] || die "$gateway is not set: give tenant $letter's gateway, or leave it out of TENANTS"
  [[ ${!mark:-} && ${!table:-} ]] || die "$mark and $table must be set: tenant $letter has no defaults"
  parse_mark "${!mark}" "$mark"
  if ! is_number "${!table}" || ((${!table} == 0 || (${!table} >= 253 && ${!table} <= 255))); then die "$table: ${!table} cannot be a tenant's table"; fi
  [[ ! ${used_table[${!table}]:-} ]] || die "$table: table ${!table} belongs to tenant ${used_table[${!table}]} already"
  used_table[${!table}]=$letter
  for other in "${marks[@]}"; do
    ((((value ^ ${other%/*}) & mask & ${other#*/}) != 0)) || die "$mark: $(mark_text "$value" "$mask") and another tenant's mark match the same packets"
  done
  marks+=("$value/$mask")
  names+=("${!table} tenant-${letter,,}")
  for family in "${families[@]}"; do
    via=${!gateway:-} dev=${!device:-}
    if ((family == 6)); then via=${!gateway6:-}; fi
    # A device without any gateway is the IPv4 route.
    if [[ ! $via && $family${!gateway6:-} != 4 ]]; then dev=; fi
    [[ $via || $dev ]] || echo "tenant-${letter,,}: no IPv$family gateway, its IPv$family packets are refused"
    plan_route "$family" "$via" "$dev" "${!table}"
    plan+=("$family rule pref $PRIORITY fwmark $(mark_text "$value" "$mask") lookup ${!table} protocol kernel")
  done
}

# How `ip -N -d rule` shows a planned rule.
as_shown() { sed -nE 's/^([46]) rule pref ([0-9]+) (.*) protocol kernel$/\2:\tfrom all \3/p' <<<"$1"; }
rules_of() { ip -N -d -"$1" rule show | sed -E 's/ +proto (2|kernel) *$//; s/ +$//'; }

warn_about_others() {
  local family=$1 ours line pref mine local_pref=
  ours=$(as_shown "$(printf '%s\n' "${plan[@]}" "$before" | grep "^$family")")
  while IFS= read -r line; do
    pref=${line%%:*}
    if [[ $line =~ lookup\ 255(\ |$) ]]; then local_pref=$pref; fi
    ! grep -qxF "$line" <<<"$ours" || continue
    if ((pref == PRIORITY || pref == PRIORITY - 1)); then warn "IPv$family: another rule has priority $pref: $line"; fi
    if [[ $line =~ lookup\ ([0-9]+) && ${used_table[${BASH_REMATCH[1]}]:-} ]]; then warn "IPv$family: table ${BASH_REMATCH[1]} is used by another rule: $line"; fi
    if [[ $line =~ fwmark\ (0x[0-9a-f]+)(/(0x[0-9a-f]+))? ]]; then
      for mine in "${marks[@]}"; do
        (((${BASH_REMATCH[3]:-0xffffffff} & ${mine#*/}) != 0)) || continue
        warn "IPv$family: another rule uses bits of the mark $(mark_text "${mine%/*}" "${mine#*/}"): $line"
        break
      done
    fi
  done < <(rules_of "$family")
  # Where Cilium runs, local delivery is at 100 instead of 0: a rule before it would take the node's own traffic.
  if [[ ! $local_pref ]] || ((local_pref >= PRIORITY - 1)); then die "IPv$family: no rule for local delivery before priority $((PRIORITY - 1))"; fi
  if grep -qE '^(0\.0\.0\.0|128\.0\.0\.0|::|8000::)/1 ' <<<"$(ip -"$family" route show)"; then
    warn "IPv$family: the main table has half-default (/1) routes, as VPN clients make them: they come before the tenants' gateways"
  fi
  for mine in "${!used_table[@]}"; do
    if grep -qvE '^((unreachable )?default .*)?$' <<<"$(ip -"$family" route show table "$mine" 2>/dev/null)"; then
      warn "IPv$family: table $mine has routes of somebody else; they apply to tenant ${used_table[$mine]} too"
    fi
  done
}
exists() { grep -qxF "$(as_shown "$1")" <<<"$(rules_of "${1%% *}")"; }

apply() {
  local family kind rest
  read -r family kind rest <<<"$1"
  case $kind in
    route) run ip -"$family" route replace $rest || die "ip route replace $rest failed: is the gateway on a network of this node?" ;;
    rule) exists "$1" || run ip -"$family" rule add $rest ;;
  esac
}

undo() {
  local first kind rest
  read -r first kind rest <<<"$1"
  case "$first $kind" in
    "sysctl "*) write "$kind" "$rest" ;;
    "file "*) run rm -f "$kind" ;;
    *" rule") if exists "$1"; then run ip -"$first" rule del $rest; fi ;;
    # Gone with its device, or replaced: nothing to undo.
    *" route") run ip -"$first" route del $rest 2>/dev/null || true ;;
  esac
}

# Names for `ip route show table tenant-a`; a number or name that rt_tables has already is left as it is.
write_names() {
  local line text="# Made by tenant-routing-setup.sh"
  run mkdir -p "$RT_TABLES_DIR"
  for line in "${names[@]}"; do
    grep -qsE "^[[:space:]]*${line% *}[[:space:]]|[[:space:]]${line#* }([[:space:]]|$)" /etc/iproute2/rt_tables || text+=$'\n'$line
  done
  write "$names_file" "$text"
}

set_up() {
  local letter family line
  for letter in $TENANTS; do plan_tenant "$letter"; done
  [[ ${names[*]} ]] || die "TENANTS names no tenant"
  for family in "${families[@]}"; do
    # First in its family: what the main table knows exactly stays local; only its default routes are passed over.
    plan=("$family rule pref $((PRIORITY - 1)) lookup 254 suppress_prefixlength 0 protocol kernel" "${plan[@]}")
  done
  [[ ! $RT_TABLES_DIR ]] || plan+=("file $names_file")
  for family in "${families[@]}"; do warn_about_others "$family"; done
  record "$before" "${plan[@]}"
  for line in "${changes[@]}"; do write "${line%% *}" "${line#* }"; done
  # Tables before rules, so that no packet finds a rule without its table.
  for line in "${plan[@]}"; do [[ $line != *" route "* ]] || apply "$line"; done
  for line in "${plan[@]}"; do [[ $line != *" rule "* ]] || apply "$line"; done
  [[ ! $RT_TABLES_DIR ]] || write_names
  while IFS= read -r line; do [[ ! $line ]] || undo "$line"; done < <(grep -vxFf <(printf '%s\n' "${plan[@]}") <<<"$before")
  record "${plan[@]}"
}

record() { if [[ ! $dry ]]; then printf '%s\n' "$@" | sed '/^$/d' | sort -u >"$state.new" && mv "$state.new" "$state"; fi; }

remove() {
  local line
  [[ $before ]] || { echo "nothing to remove: no record of this script in $state"; return; }
  # Backwards: the tenants' rules go before the one that keeps local traffic local.
  while IFS= read -r line; do undo "$line"; done < <(sort -r <<<"$before")
  run rm -f "$state"
  echo "Removed. Packets that still carry a tenant's mark go by the node's default route now."
}

[[ $EUID -eq 0 ]] || die "run it as root (ip rule, ip route and sysctl need it)"
command -v ip >/dev/null || die "the ip command is missing: install iproute2"
TENANTS=${TENANTS-A B} MASK=${MASK:-0xff} PRIORITY=${PRIORITY:-32765}
: "${FWMARK_TENANT_A:=0x10}" "${FWMARK_TENANT_B:=0x20}" "${TABLE_TENANT_A:=100}" "${TABLE_TENANT_B:=200}"
RT_TABLES_DIR=${RT_TABLES_DIR-/etc/iproute2/rt_tables.d} STATE_DIR=${STATE_DIR:-/run/tenant-routing-setup}
names_file=$RT_TABLES_DIR/tenant-routing.conf
if ! is_number "$PRIORITY" || ((PRIORITY < 2 || PRIORITY > 32765)); then die "PRIORITY: $PRIORITY is not in 2 to 32765 (the main table's rule is 32766)"; fi
if [[ -d /proc/sys/net/ipv6 ]]; then families=(4 6); else families=(4); fi
# Per network namespace, because /run is not.
[[ $dry ]] || mkdir -p "$STATE_DIR"
state=$STATE_DIR/netns-$(stat -Lc %i /proc/self/ns/net)
before=$(cat "$state" 2>/dev/null || true)
if [[ $mode == remove ]]; then remove; exit; fi
set_up
[[ ! $dry ]] || exit 0
for family in "${families[@]}"; do
  echo "IPv$family rules:"; ip -"$family" rule show
  for line in "${names[@]}"; do echo "IPv$family ${line#* } (table ${line% *}):"; ip -"$family" route show table "${line% *}"; done
done
