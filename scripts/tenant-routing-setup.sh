#!/usr/bin/env bash
# Node routes for tenants from environment variables: writes the conflist that says the same, and runs
# `wrapper routes` with it. What that can do beyond this (several gateways, weights, snat, a watcher) needs a conflist.
set -euo pipefail
shopt -s inherit_errexit

usage() {
  cat <<'TEXT'
Usage: GATEWAY_A=10.10.10.131 GATEWAY_B=10.10.10.184 tenant-routing-setup.sh [--dry-run] [--force] [--yes]
       tenant-routing-setup.sh --remove [--dry-run]

Makes a routing table per tenant and the ip rules that lead to it. Run it again after a change, after
a tenant's network card went down (the kernel drops its routes), and at boot: nothing of it is kept.

  TENANTS          the tenants' letters                                  (default "A B")
For each tenant, here A:
  GATEWAY_A        its IPv4 gateway; GATEWAY_A6 its IPv6 gateway
  DEV_A            the device towards them       (default: looked up; alone: the default route)
  FWMARK_TENANT_A  its mark, VALUE or VALUE/MASK                         (default A 0x10, B 0x20)
  TABLE_TENANT_A   its routing table                                     (default A 100, B 200)
  MASK             the mask of marks given without one                   (default 0xff)
  PRIORITY         of the tenants' rules; PRIORITY-1 is used too         (default 32765)
  RT_TABLES_DIR    where tables get names, empty: nowhere   (default /etc/iproute2/rt_tables.d)
  STATE_DIR        keeps what --remove has to undo, the "dataDir" of a conflist (default /run/tenant-routing)
  WRAPPER          the program that does it     (default: wrapper in PATH, or ../dist/wrapper from here)

A family without a gateway is closed for that tenant's packets, so IPv6 cannot bypass an IPv4 gateway.
The node's routes that are more exact than a default (pods, services, its networks) come first; no
destination is excluded, not even a cloud's metadata service. A conflist's `wrapper routes apply` keeps
the same record: of the two, the one that was run last counts, and --remove takes back either.
When no tenant that is set up now stays, it asks first; without a terminal it refuses (2) but for --yes.
Exit status: 0 all is well, 1 something is wrong (the tenant concerned stops), 2 nothing was done,
3 others on this node use the same marks, tables or priorities: nothing was done without --force.
TEXT
}

die() { echo "error: $*" >&2; exit 2; }

mode=apply dry="" force=() yes=()
for argument; do
  case $argument in
    --remove) mode=remove ;;
    --dry-run) dry=1 ;;
    --force) force=(--force) ;;
    --yes) yes=(--yes) ;;
    -h | --help) usage; exit ;;
    *) die "unknown argument $argument; --help lists them" ;;
  esac
done

is_number() { [[ $1 =~ ^(0[xX][0-9a-fA-F]{1,8}|[1-9][0-9]{0,9}|0)$ ]]; }

# A JSON string; there are no control characters in it.
json() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# What is no number goes on as it is, so that the wrapper tells what is wrong with it.
json_number() { if is_number "$1"; then printf '%d' "$(($1))"; else json "$1"; fi; }

gateway_json() { printf '{%s%s%s}' "${1:+\"via\": $(json "$1")}" "${1:+${2:+, }}" "${2:+\"dev\": $(json "$2")}"; }

tenant_json() {
  local letter=$1 list="" each
  local gateway=GATEWAY_$1 gateway6=GATEWAY_${1}6 device=DEV_$1 mark=FWMARK_TENANT_$1 table=TABLE_TENANT_$1
  local via=${!gateway:-} via6=${!gateway6:-} dev=${!device:-} fwmark=${!mark:-}
  [[ $via$via6$dev ]] || die "$gateway is not set: give tenant $letter's gateway, or leave it out of TENANTS"
  [[ $fwmark && ${!table:-} ]] || die "$mark and $table must be set: tenant $letter has no defaults"
  [[ $fwmark == */* ]] || fwmark+=/$MASK
  [[ $via$via6 ]] || list=$(gateway_json "" "$dev")
  for each in $via $via6; do list+=${list:+, }$(gateway_json "$each" "$dev"); done
  printf '%s: {"fwmark": %s, "table": %s, "gateways": [%s]}' "$(json "tenant-${letter,,}")" "$(json "$fwmark")" "$(json_number "${!table}")" "$list"
}

tenants_json() {
  local letter list="" seen=" "
  for letter in $TENANTS; do
    [[ $letter =~ ^[A-Za-z0-9_]+$ ]] || die "TENANTS: $letter is not a letter or name of letters and digits"
    [[ $seen != *" ${letter,,} "* ]] || die "TENANTS names $letter twice"
    seen+="${letter,,} "
    list+=${list:+, }$(tenant_json "$letter")
  done
  [[ $list ]] || die "TENANTS names no tenant"
  printf '{%s}' "$list"
}

# conflist_json TENANTS ROUTES
conflist_json() {
  cat <<JSON
{ "cniVersion": "1.0.0", "name": "tenant-routing-setup", "plugins": [
  { "type": "tenant-routing-wrapper",
    "capabilities": { "io.kubernetes.cri.pod-annotations": true },
    "dataDir": $(json "$STATE_DIR"),
    "routes": $2,
    "tenants": $1 } ] }
JSON
}

set_up_json() {
  local tenants priorities
  if ! is_number "$PRIORITY" || ((PRIORITY < 3 || PRIORITY > 32765)); then die "PRIORITY: $PRIORITY is not in 3 to 32765 (the main table's rule is 32766)"; fi
  tenants=$(tenants_json)
  priorities="\"tenantPriority\": $((PRIORITY)), \"localPriority\": $((PRIORITY - 1)), \"excludePriority\": $((PRIORITY - 2))"
  conflist_json "$tenants" "{ \"namesDir\": $(json "$RT_TABLES_DIR"), $priorities, \"excludeDestinations\": [] }"
}

# Nothing at all is wanted: what is to be undone is in the record.
nothing_json() { conflist_json '{"none": {"fwmark": "0x1/0x1"}}' '{"namesDir": ""}'; }

find_wrapper() {
  local beside
  beside=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../dist/wrapper
  for wrapper in "${WRAPPER:-}" "$(command -v wrapper || true)" "$beside"; do
    if [[ $wrapper && -x $wrapper ]]; then return; fi
    [[ $wrapper != "${WRAPPER:-none}" ]] || break
  done
  die "the program wrapper is missing: install it (README, \"Install on a node\"), or name it with WRAPPER=/path/to/wrapper"
}

[[ $EUID -eq 0 ]] || die "run it as root (ip rule, ip route and sysctl need it)"
TENANTS=${TENANTS-A B} MASK=${MASK:-0xff} PRIORITY=${PRIORITY:-32765}
: "${FWMARK_TENANT_A:=0x10}" "${FWMARK_TENANT_B:=0x20}" "${TABLE_TENANT_A:=100}" "${TABLE_TENANT_B:=200}"
RT_TABLES_DIR=${RT_TABLES_DIR-/etc/iproute2/rt_tables.d} STATE_DIR=${STATE_DIR:-/run/tenant-routing}
for variable in ${!GATEWAY_@} ${!DEV_@} ${!FWMARK_TENANT_@} ${!TABLE_TENANT_@} MASK RT_TABLES_DIR STATE_DIR; do
  [[ ${!variable} != *[[:cntrl:]]* ]] || die "$variable has a control character in it"
done
find_wrapper
if [[ $mode == remove ]]; then conflist=$(nothing_json); else conflist=$(set_up_json); fi

file=$(mktemp "${TMPDIR:-/tmp}/tenant-routing-setup.XXXXXX")
trap 'rm -f "$file"' EXIT
printf '%s\n' "$conflist" >"$file"
if [[ $dry ]]; then
  if [[ $mode == remove ]]; then yes=(--yes); fi
  "$wrapper" routes plan --sysctl "${yes[@]}" --conf "$file"
elif [[ $mode == remove ]]; then
  "$wrapper" routes remove --conf "$file"
else
  # The wrapper wants its directory to be root's alone.
  mkdir -p "$STATE_DIR" && chmod 0700 "$STATE_DIR"
  "$wrapper" routes apply --sysctl "${force[@]}" "${yes[@]}" --conf "$file"
fi
