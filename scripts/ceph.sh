#!/usr/bin/env bash
# One Ceph cluster in memory on loopback with its S3 gateway, for the tests that need a real bucket.
#   scripts/ceph.sh up FOLDER PORT [GIB]    gateway at http://127.0.0.1:PORT (the monitor takes PORT + 1)
#   scripts/ceph.sh down FOLDER             ends what `up` started there
# Debian: apt-get install -y --no-install-recommends radosgw ceph-osd ceph-mon ceph-common
# Access key MODELFERRY, secret key modelferry-in-tests. Everything it stores is gone when it ends.
set -euo pipefail

usage() {
  sed -n '2,6s/^# //p' "$0" >&2
  exit 2
}

need() {
  local tool
  for tool in ceph ceph-mon ceph-osd ceph-authtool monmaptool radosgw radosgw-admin; do
    command -v "$tool" >/dev/null || {
      echo "ceph.sh: $tool is missing; install radosgw ceph-osd ceph-mon ceph-common" >&2
      exit 3
    }
  done
}

write_config() { # folder, gateway's port, GiB
  cat >"$1/ceph.conf" <<CONF
[global]
  fsid = $(cat /proc/sys/kernel/random/uuid)
  mon initial members = only
  mon host = v1:127.0.0.1:$(($2 + 1))
  public addr = 127.0.0.1
  cluster addr = 127.0.0.1
  # Loopback and throw-away data: nobody needs to prove who they are inside.
  auth cluster required = none
  auth service required = none
  auth client required = none
  run dir = $1
  pid file = $1/\$name.pid
  admin socket = $1/\$name.sock
  log file = $1/\$name.log
  mon cluster log file = $1/cluster.log
  crash dir = $1
  # One copy of everything, on the one disk there is.
  osd pool default size = 1
  osd pool default min size = 1
  osd pool default pg num = 8
  osd pool default pgp num = 8
  osd pool default pg autoscale mode = off
  osd crush chooseleaf type = 0
  mon allow pool size one = true
  mon max pg per osd = 2000
  mon data avail warn = 2
  mon data avail crit = 1
[mon.only]
  mon data = $1/mon
[osd]
  osd objectstore = memstore
  memstore device bytes = $(($3 * 1024 * 1024 * 1024))
  osd data = $1/osd
  osd class default list = *
  osd class load list = *
  osd check max object name len on startup = false
  # It is placed by hand below; on its own it now and then asks before it knows the cluster, and dies of "wrong fsid".
  osd crush update on start = false
  osd class update on start = false
[client.gateway]
  rgw data = $1/gateway
  rgw frontends = beast endpoint=127.0.0.1:$2
  rgw thread pool size = 64
  rgw run sync thread = false
  rgw enable lc threads = false
  # What is deleted makes room at once: it is memory.
  rgw gc obj min wait = 1
  rgw gc processor period = 2
  rgw gc processor max time = 2
CONF
}

start_monitor() {
  local map="$1/monmap" ring="$1/keyring"
  ceph-authtool --create-keyring "$ring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
  monmaptool --create --addv only "[v1:127.0.0.1:$(($2 + 1))]" --fsid "$(sed -n 's/^ *fsid = //p' "$1/ceph.conf")" "$map" >/dev/null
  ceph-mon -c "$1/ceph.conf" -i only --mkfs --monmap "$map" --keyring "$ring"
  ceph-mon -c "$1/ceph.conf" -i only --setuser root --setgroup root
  # It elects itself first, and refuses commands until then.
  local _
  for _ in $(seq 100); do
    ceph -c "$1/ceph.conf" osd stat >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "ceph.sh: the monitor takes no commands; see $1/mon.only.log" >&2
  exit 1
}

# A monitor that was just elected takes one command and may refuse the next one (EPERM).
ask() { # folder, command
  local folder="$1" _
  shift
  for _ in $(seq 50); do
    ceph -c "$folder/ceph.conf" "$@" >/dev/null && return
    sleep 0.1
  done
  echo "ceph.sh: the monitor refuses: ceph $*; see $folder/mon.only.log" >&2
  exit 1
}

start_disk() {
  local id
  id=$(cat /proc/sys/kernel/random/uuid)
  ask "$1" osd new "$id" 0
  ceph-osd -c "$1/ceph.conf" -i 0 --mkfs --osd-uuid "$id" --no-mon-config
  ask "$1" osd crush add osd.0 1.0 host=here root=default
  ceph-osd -c "$1/ceph.conf" -i 0 --setuser root --setgroup root
}

start_gateway() {
  radosgw-admin -c "$1/ceph.conf" user create --uid=tests --display-name=tests \
    --access-key=MODELFERRY --secret-key=modelferry-in-tests >/dev/null 2>"$1/user.log"
  radosgw -c "$1/ceph.conf" -n client.gateway --setuser root --setgroup root
  local _
  for _ in $(seq 300); do
    (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null && return
    sleep 0.1
  done
  echo "ceph.sh: the gateway does not answer on port $2; see $1/client.gateway.log" >&2
  exit 1
}

up() {
  need
  mkdir -p "$1"/{mon,osd,gateway}
  write_config "$1" "$2" "$3"
  # What they say is of use only when one of them fails. (Behind `&` it ends at the first failure; before `||` it would not.)
  start "$1" "$2" >"$1/setup.log" 2>&1 &
  wait $! || {
    tail -n 20 "$1"/setup.log "$1"/*.log >&2
    exit 1
  }
}

start() {
  start_monitor "$1" "$2"
  start_disk "$1"
  start_gateway "$1" "$2"
}

down() {
  local file pid
  for file in "$1"/client.gateway.pid "$1"/osd.0.pid "$1"/mon.only.pid; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    # It tidies up for long, and nothing of it is wanted.
    kill -9 "$pid" 2>/dev/null || true
  done
  rm -rf "$1"
}

case "${1:-}" in
  up) [ $# -ge 3 ] || usage && up "$2" "$3" "${4:-4}" ;;
  down) [ $# -eq 2 ] || usage && down "$2" ;;
  *) usage ;;
esac
