# Makes bundles for the cases beside it, and keeps their score. Sourced, never run.
#
# Needs a guest with a version 2 cgroup hierarchy and either busybox (static) or kutties as /bin. Set OCI to the runtime.

OCI=${OCI:-oci}
WORK=${WORK:-/run/oci-cases/$$}
FAILED=0
mkdir -p "$WORK"

# pass NAME, fail NAME WHY
pass() { echo "PASS $1"; }
fail() { echo "FAIL $1: $2"; FAILED=1; }

# same NAME EXPECTED FOUND
same() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "expected '$2', found '$3'"; fi; }

# holds NAME TEXT PART: the part is in the text
holds() { case "$2" in *"$3"*) pass "$1" ;; *) fail "$1" "'$3' is not in '$2'" ;; esac; }

# make_root DIR: a root directory with the guest's static commands
make_root() {
    mkdir -p "$1/bin" "$1/dev" "$1/proc" "$1/sys" "$1/tmp" "$1/etc"
    chmod 1777 "$1/tmp"
    echo "root:x:0:0::/root:/bin/sh" > "$1/etc/passwd"
    if [ -x /bin/busybox ]; then
        cp /bin/busybox "$1/bin/busybox"
        for link in sh cat mkdir mknod id sleep echo grep touch ls env stat dd head kill hostname mount umount true false wc tr test readlink; do
            ln -sf busybox "$1/bin/$link"
        done
    else
        # One copy for all: a root of its own for each would fill the guest's memory.
        [ -e "$WORK/kutties" ] || cp /bin/kutties "$WORK/kutties"
        ln "$WORK/kutties" "$1/bin/kutties"
        kutties --install "$1"
    fi
}

DEFAULT_NS='{"type":"pid"},{"type":"mount"},{"type":"ipc"},{"type":"uts"},{"type":"network"},{"type":"cgroup"}'
DEFAULT_CAPS='"CAP_CHOWN","CAP_DAC_OVERRIDE","CAP_FOWNER","CAP_MKNOD","CAP_SETUID","CAP_SETGID","CAP_KILL","CAP_NET_BIND_SERVICE"'

# make_bundle NAME ARGS: ARGS is a JSON list. These variables change it, and are unset afterwards:
#   USER_JSON PROCESS (further members of process) CAPS AMBIENT NS LINUX (further members of linux) RESOURCES MOUNTS TERMINAL CWD ENV TOP
make_bundle() {
    dir=$WORK/$1
    user=${USER_JSON:-'{"uid":0,"gid":0}'}
    caps=${CAPS-$DEFAULT_CAPS}
    mkdir -p "$dir"
    [ -d "$dir/rootfs" ] || make_root "$dir/rootfs"
    cat > "$dir/config.json" <<JSON
{"ociVersion":"1.0.2","hostname":"box","root":{"path":"rootfs"},
 "process":{"terminal":${TERMINAL:-false},"user":$user,"cwd":"${CWD:-/}","args":$2,
  "env":["PATH=/bin:/sbin"${ENV:+,$ENV}],
  "capabilities":{"bounding":[$caps],"effective":[$caps],"permitted":[$caps],
   "inheritable":[${AMBIENT-}],"ambient":[${AMBIENT-}]}${PROCESS:+,$PROCESS}},
 "mounts":[{"destination":"/proc","type":"proc","source":"proc"},
  {"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]},
  {"destination":"/dev/pts","type":"devpts","source":"devpts","options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620"]},
  {"destination":"/dev/shm","type":"tmpfs","source":"shm","options":["nosuid","noexec","nodev","mode=1777","size=1024k"]},
  {"destination":"/sys","type":"sysfs","source":"sysfs","options":["nosuid","noexec","nodev","ro"]}${MOUNTS:+,$MOUNTS}],
 "linux":{"namespaces":[${NS-$DEFAULT_NS}],"cgroupsPath":"/oci-cases/$1","resources":{${RESOURCES-}}${LINUX:+,$LINUX}}${TOP:+,$TOP}}
JSON
    unset USER_JSON PROCESS CAPS AMBIENT NS LINUX RESOURCES MOUNTS TERMINAL CWD ENV TOP
}

# run_it NAME: run the bundle in the foreground; OUT and CODE tell what came
run_it() {
    OUT=$($OCI run --bundle "$WORK/$1" "$1" 2>&1 < /dev/null)
    CODE=$?
}

# begin NAME: create and start it in the background
begin() {
    $OCI create --bundle "$WORK/$1" --pid-file "$WORK/$1/pid" "$1" < /dev/null > "$WORK/$1/out" 2>&1 && $OCI start "$1"
}

# until_there COMMAND...: wait for it to be true, at most about a minute
until_there() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || return 1
        sleep 0.1
    done
}

finish() {
    for left in $($OCI list -q); do $OCI delete --force "$left"; done
    rm -rf "$WORK"
    [ $FAILED = 0 ]
}
