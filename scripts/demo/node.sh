# shellcheck shell=bash disable=SC2034,SC2154 # demo.sh and its parts share their variables
# What runs on the demo's node: the API server (in reality elsewhere), the plugin's configuration, pods.

arch=x64
[[ $(uname -m) != aarch64 ]] || arch=arm64
node_bin=$root/node_modules/node-linux-$arch/bin/node

declare -A uid=() address=()

# background MACHINE COMMAND...: runs until the demo removes its machines.
background() { ip netns exec "$prefix-$1" "${@:2}" </dev/null >>"$dir/background.log" 2>&1 & disown; }

wait_for() {
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    if [[ -s $1 || ( -e $1 && ${2:-} ) ]]; then return; fi
    sleep 0.05
  done
  cat "$dir/background.log" >&2
  echo "demo: waited 10 s in vain for $1" >&2
  return 1
}

# responder MACHINE NAME PORT [ADDRESS=WORDS...]
responder() {
  background "$1" "$node_bin" "$root/scripts/demo/responder.mjs" "$2" "$3" "$dir/ready-$1" "${@:4}"
  wait_for "$dir/ready-$1" even-if-empty
}

start_api_server() {
  local name
  "$node_bin" "$root/test/apiserver/build.mjs" "$dir/apiserver.cjs"
  cp "$root/manifests/tenants.yaml" "$dir/objects.yaml"
  for name in web-0 api-0 client-0; do
    uid[$name]=$(</proc/sys/kernel/random/uuid)
    sed -i "s/^  name: $name\$/&\n  uid: ${uid[$name]}/" "$dir/objects.yaml"
  done
  ip netns exec "$prefix-node" "$node_bin" "$dir/apiserver.cjs" --dir "$dir/api" --host 10.0.0.2 --node node-1 \
    --objects "$dir/objects.yaml" --objects "$root/manifests/rbac.yaml" </dev/null >"$dir/api.json" 2>>"$dir/background.log" &
  api_pid=$!
  disown
  wait_for "$dir/api.json"
}

# The newest CNI version that the installed ptp speaks (Ubuntu 22.04 ships one that stops at 0.4.0).
cni_version() {
  local said
  said=$(echo '{"cniVersion":"1.0.0"}' | CNI_COMMAND=VERSION /usr/lib/cni/ptp)
  if [[ $said == *'"1.0.0"'* ]]; then echo 1.0.0; else echo 0.4.0; fi
}

write_conflist() {
  mkdir -p "$dir/bin"
  ln -s "$root/dist/tenant-routing-wrapper" "$dir/bin/"
  sed -e "s|DIR|$dir|g" -e "s|CNI_VERSION|$(cni_version)|" >"$dir/demo.conflist" <<'JSON'
{ "cniVersion": "CNI_VERSION", "name": "demo", "plugins": [
  { "type": "tenant-routing-wrapper",
    "kubeconfig": "DIR/api/kubelet.kubeconfig",
    "dataDir": "DIR/journal", "logFile": "DIR/wrapper.log",
    "capabilities": { "portMappings": true },
    "tenants": { "tenant-a": { "fwmark": "0x10/0xff" },
                 "tenant-b": { "fwmark": "0x20/0xff" } },
    "delegate": { "type": "ptp", "ipMasq": false, "ipam": {
        "type": "host-local", "subnet": "10.200.0.0/24", "dataDir": "DIR/ipam",
        "routes": [{ "dst": "0.0.0.0/0" }] } } },
  { "type": "portmap", "capabilities": { "portMappings": true } } ] }
JSON
}

container_id() { sha256sum <<<"$prefix $1" | cut -c -64; }

check() {
  in_ns -q "wrapper check --conf demo.conflist${1:+ $1}" node \
    "$root/dist/wrapper" check --conf "$dir/demo.conflist" --cni-path "$dir/bin:/usr/lib/cni" "$@"
}

# cni VERB NAMESPACE/POD [HOST_PORT:PORT]: what containerd or CRI-O does on the node. The pod's network namespace is made before.
cni() {
  local pod=${2#*/}
  in_ns -q "cni $1 $2${3:+ --port $3}" node env "CNI_PATH=$dir/bin:/usr/lib/cni" "$node_bin" "$root/scripts/demo/cni.mjs" \
    "$1" "$dir/demo.conflist" "$dir" "$(container_id "$pod")" "/run/netns/$prefix-$pod" "$2" "${uid[$pod]:-00000000-0000-4000-8000-000000000000}" "${@:3}"
}

start_pod() {
  local pod=${1#*/}
  ip netns add "$prefix-$pod"
  ip -n "$prefix-$pod" link set lo up
  cni ADD "$1" "${@:2}"
  address[$pod]=${output%%/*}
  if ok; then responder "$pod" "$pod" 80; fi
}

stop_api_server() {
  kill "$api_pid"
  while kill -0 "$api_pid" 2>/dev/null; do sleep 0.02; done
}

# set_up_routes [--remove]: with what it keeps inside the demo's directory.
set_up_routes() {
  local gateways=(GATEWAY_A=10.10.10.131 GATEWAY_B=10.10.20.131)
  [[ ! $* ]] || gateways=()
  in_ns -s -q "${gateways[*]}${gateways[*]:+ }tenant-routing-setup.sh${1:+ $1}" node env "${gateways[@]}" STATE_DIR="$dir/setup" RT_TABLES_DIR="$dir/names" \
    "$root/scripts/tenant-routing-setup.sh" "$@"
}
