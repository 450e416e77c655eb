#!/usr/bin/env bash
# Builds the image with the Dockerfile as it is and starts it: non-root, root file system read-only, /healthz and
# /readyz answer, the health check passes, SIGTERM ends it with 0.
#   With Docker: on the bases that the Dockerfile names. CONTAINER_BASE names another one.
#   Else with buildah, as root: on a base made here by debootstrap and the Node of this machine. DEBIAN_MIRROR names
#   a mirror.
# Where neither can be had it says so and ends with 0. IMAGE_TAG keeps the image in Docker under that name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PORT="${PORT:-18080}"
SETTINGS=("PORT=$PORT" "PUBLIC_URL=http://127.0.0.1:$PORT" "OIDC_ISSUER=https://issuer.invalid" "METRICS_PORT=off")
WORK=''
GATEWAY=''
CONTAINER=''
BUILT=''
FINISHED=''

skip() {
  echo "SKIPPED: the image was neither built nor started: $*" >&2
  FINISHED=1
  exit 0
}

fail() {
  echo "FAILED: $*" >&2
  if [ -n "$WORK" ] && [ -f "$WORK/log" ]; then tail -n 20 "$WORK/log" >&2; fi
  exit 1
}

cleanup() {
  local code=$?
  if [ -n "$GATEWAY" ]; then kill -KILL "$GATEWAY" 2>/dev/null || true; fi
  if [ -n "$CONTAINER" ]; then docker rm --force "$CONTAINER" >/dev/null 2>&1 || true; fi
  if [ -n "$BUILT" ] && [ -z "${IMAGE_TAG:-}" ]; then docker rmi "$BUILT" >/dev/null 2>&1 || true; fi
  # What is mounted into the container lives in a mount namespace that ended with it.
  if [ -n "$WORK" ]; then rm -rf --one-file-system "$WORK"; fi
  if [ "$code" -eq 0 ] && [ -z "$FINISHED" ]; then code=1; fi
  exit "$code"
}
trap cleanup EXIT

answers() {
  curl --silent --fail --output /dev/null --max-time 2 "http://127.0.0.1:$PORT$1"
}

# until_answers PATH: waits up to 30 s.
until_answers() {
  for _ in $(seq 150); do
    if answers "$1"; then
      echo "$1 answers 200"
      return
    fi
    if [ -n "$GATEWAY" ] && ! kill -0 "$GATEWAY" 2>/dev/null; then fail 'the gateway ended'; fi
    sleep 0.2
  done
  fail "$1 did not answer"
}

with_docker() {
  local base=()
  if [ -n "${CONTAINER_BASE:-}" ]; then
    base=(--build-arg "BUILD=$CONTAINER_BASE" --build-arg "RUNTIME=$CONTAINER_BASE")
  fi
  BUILT="${IMAGE_TAG:-tool-gateway:build-image-$$}"
  docker build "${base[@]}" --tag "$BUILT" .
  local env=()
  for setting in "${SETTINGS[@]}"; do env+=(--env "$setting"); done
  CONTAINER="$(docker run --detach --read-only --tmpfs /data:uid=10001,gid=10001,mode=0700 --tmpfs /tmp \
    --cap-drop ALL --publish "127.0.0.1:$PORT:$PORT" "${env[@]}" "$BUILT")"
  until_answers /healthz
  until_answers /readyz
  [ "$(docker inspect --format '{{.Config.User}}' "$CONTAINER")" = 10001:10001 ] || fail 'not the user 10001'
  docker stop --time 20 "$CONTAINER" >/dev/null
  local code
  code="$(docker inspect --format '{{.State.ExitCode}}' "$CONTAINER")"
  [ "$code" = 0 ] || fail "exit code $code after SIGTERM"
}

# The Node for the base: that of the project, else that of the machine.
host_node() {
  local node
  for node in node_modules/.bin/node "$(command -v node || true)"; do
    if [ -x "$node" ] && "$node" -e \
      'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 24 || (a === 24 && b >= 12) ? 0 : 1)'; then
      readlink -f "$node"
      return
    fi
  done
}

with_buildah() {
  local node npm
  node="$(host_node)"
  [ -n "$node" ] || skip 'no Node 24.12 or later on this machine'
  npm="$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")"
  WORK="$(mktemp -d)"
  export BUILDAH_ISOLATION=chroot TMPDIR="$WORK"
  local store=(--root "$WORK/store" --runroot "$WORK/run" --storage-driver vfs)

  echo 'making the base'
  local suite=(--variant=minbase '--include=ca-certificates,libstdc++6' bookworm "$WORK/rootfs")
  if [ -n "${DEBIAN_MIRROR:-}" ]; then suite+=("$DEBIAN_MIRROR"); fi
  if ! debootstrap "${suite[@]}" >"$WORK/log" 2>&1; then
    tail -n 5 "$WORK/log" >&2
    skip 'debootstrap could not make a base (DEBIAN_MIRROR names another mirror)'
  fi
  rm -rf "$WORK/rootfs/var/cache/apt" "$WORK/rootfs/var/lib/apt/lists"
  install -m 0755 "$node" "$WORK/rootfs/usr/local/bin/node"
  # Only the build stage has npm, and the certificates that this machine trusts.
  local base
  base="$(buildah "${store[@]}" from scratch)"
  buildah "${store[@]}" add --quiet "$base" "$WORK/rootfs" / >/dev/null
  rm -rf "$WORK/rootfs"
  buildah "${store[@]}" commit --quiet "$base" localhost/base:runtime >/dev/null
  buildah "${store[@]}" add --quiet "$base" "$npm" /usr/local/lib/node_modules/npm >/dev/null
  buildah "${store[@]}" run "$base" -- ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
  local trusted="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
  if [ -f "$trusted" ]; then
    buildah "${store[@]}" add --quiet "$base" "$trusted" /usr/local/share/trusted.crt >/dev/null
    buildah "${store[@]}" config --env NODE_EXTRA_CA_CERTS=/usr/local/share/trusted.crt "$base"
  fi
  buildah "${store[@]}" commit --quiet --rm "$base" localhost/base:build >/dev/null

  echo 'building the image'
  buildah "${store[@]}" bud --pull-never --format docker --build-arg BUILD=localhost/base:build \
    --build-arg RUNTIME=localhost/base:runtime --tag localhost/tool-gateway:dev . >"$WORK/log" 2>&1 || fail 'the build'
  local container root
  container="$(buildah "${store[@]}" from --pull-never localhost/tool-gateway:dev)"
  root="$(buildah "${store[@]}" mount "$container")"
  echo "the image has $(du -sm "$root" | cut -f1) MB"

  # User, variables, folder and command are those of the image.
  buildah "${store[@]}" inspect --type image localhost/tool-gateway:dev >"$WORK/image.json"
  local config=() env=() command=() check=() user folder
  mapfile -d '' -t config < <("$node" -e '
    const { Docker } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"))
    const { User, WorkingDir, Env, Cmd, Healthcheck } = Docker.config
    const lists = [Env, Cmd, Healthcheck.Test.slice(1)]
    process.stdout.write([User, WorkingDir, ...lists.flatMap((list) => [list.length, ...list])].join("\0") + "\0")
  ' "$WORK/image.json")
  user="${config[0]}"
  folder="${config[1]}"
  local at=2
  env=("${config[@]:at+1:config[at]}")
  at=$((at + 1 + config[at]))
  command=("${config[@]:at+1:config[at]}")
  at=$((at + 1 + config[at]))
  check=("${config[@]:at+1:config[at]}")
  [ "$user" = 10001:10001 ] || fail "the user is $user"

  echo "starting ${command[*]}"
  # exec all the way, so that the process that gets SIGTERM is the gateway.
  unshare --mount bash -euc '
    root="$1" user="$2" folder="$3"
    shift 3
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount --rbind /dev "$root/dev"
    mount --bind /proc "$root/proc"
    mount -t tmpfs -o "uid=${user%:*},gid=${user#*:},mode=0700" tmpfs "$root/data"
    mount -o remount,bind,ro "$root"
    exec chroot --userspec="$user" "$root" /usr/bin/env -i -C "$folder" "$@"
  ' _ "$root" "$user" "$folder" "${env[@]}" "${SETTINGS[@]}" "${command[@]}" >"$WORK/log" 2>&1 &
  GATEWAY=$!
  until_answers /healthz
  until_answers /readyz
  [ "$(stat --format '%u:%g' "/proc/$GATEWAY")" = "$user" ] || fail 'the process has another user'
  if touch "/proc/$GATEWAY/root/app/written" 2>/dev/null; then fail 'the root file system can be written'; fi
  chroot --userspec="$user" "/proc/$GATEWAY/root" /usr/bin/env -i "${env[@]}" "${SETTINGS[@]}" "${check[@]}" ||
    fail 'the health check'
  echo 'the health check passes'
  kill -TERM "$GATEWAY"
  local code=0
  wait "$GATEWAY" || code=$?
  GATEWAY=''
  [ "$code" -eq 0 ] || fail "exit code $code after SIGTERM"
}

command -v curl >/dev/null || skip 'no curl'
if answers /healthz; then fail "port $PORT is in use; set PORT to another one"; fi
if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
  with_docker
elif [ "$(id -u)" -ne 0 ]; then
  skip 'no Docker, and buildah with chroot isolation needs root here'
elif ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
  skip 'no Docker, and no buildah with debootstrap (apt-get install buildah debootstrap)'
else
  with_buildah
fi
FINISHED=1
echo 'SIGTERM ended it with 0; the image is good'
