# shellcheck shell=bash disable=SC2034,SC2154 # demo.sh and its parts share their variables
# What the audience sees: headings, commands with their output, and statements about it.

passed=0 failed=0 step=0
output="" status=0

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
  bold="" green="" red="" dim="" plain=""
fi

mark_ok="=>"
[[ ! ${verify:-} ]] || mark_ok="ok  "

heading() {
  if [[ ${pause:-} && $step -gt 0 ]]; then read -rsp "${dim}   (Enter)${plain}" </dev/tty && echo; fi
  step=$((step + 1))
  printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"
}

say() { printf '   %s\n' "$@"; }

# Runs a command in one of the demo's network namespaces and shows both; sets `output` and `status`.
# Options: -q TEXT shows TEXT in the command's place; -s shows no output when the command succeeds.
in_ns() {
  local text="" silent=""
  if [[ $1 == -s ]]; then silent=1; shift; fi
  if [[ $1 == -q ]]; then text=$2; shift 2; fi
  local where=$1
  shift
  status=0
  printf '   %s%s$ %s%s\n' "$dim" "$where" "${text:-$*}" "$plain"
  output=$(exec_in "$where" "$@" 2>&1 </dev/null) || status=$?
  if [[ $output && ! ( $silent && $status == 0 ) ]]; then fold -s -w 96 <<<"$output" | sed 's/^/     /'; fi
}

# A statement, and the command that finds out whether it holds. Without --verify only a false one is marked.
claim() {
  local text=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    printf '   %s%s %s%s\n' "$green" "$mark_ok" "$text" "$plain"
  else
    failed=$((failed + 1))
    printf '   %sNOT SO: %s%s\n' "$red" "$text" "$plain"
  fi
}

# Conditions for `claim`, about the last command shown.
ok() { ((status == 0)); }
not_ok() { ((status != 0)); }
has() { [[ $output == *"$1"* ]]; }
has_all() { local part; for part; do has "$part" || return 1; done; }
lacks() { ((status == 0)) && [[ $output != *"$1"* ]]; }
is_empty() { [[ ! $output ]]; }
