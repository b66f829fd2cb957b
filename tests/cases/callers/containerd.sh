#!/bin/sh
# Debian's containerd, with its shim for runc, makes containers with our runtime.
. "$(dirname "$0")/score.sh"

cat > /debian/etc/containerd/config.toml <<TOML
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing", "io.containerd.nri.v1.nri"]
TOML
debian containerd --log-level error > /debian/tmp/containerd.log 2>&1 < /dev/null &
ctr() { debian ctr "$@" 2>&1; }
run() { ctr run --runtime io.containerd.runc.v2 --runc-binary "$OCI" "$@"; }
until_there debian ctr version
same "containerd answers" 0 $?
holds "import" "$(ctr images import /tmp/busybox.tar)" "$IMAGE"
same "run" hello "$(run --rm "$IMAGE" r1 echo hello)"
run --rm "$IMAGE" r2 sh -c 'exit 7'
same "exit status" 7 $?
OUT=$(run --rm --user 1000:1001 --cwd /tmp --env WORD=there --read-only --seccomp --mount type=bind,src=/tmp,dst=/host,options=rbind:ro \
    "$IMAGE" r3 sh -c 'echo "$(id -u) $(id -g) $(pwd) $WORD"; grep Seccomp: /proc/self/status; touch /x; touch /host/x')
holds "user, directory, environment" "$OUT" "1000 1001 /tmp there"
holds "a filter" "$OUT" "Seccomp:	2"
holds "read-only root" "$OUT" "touch: /x: Read-only file system"
holds "read-only mount" "$OUT" "touch: /host/x: Read-only file system"
holds "no such program" "$(run --rm "$IMAGE" r4 no-such-program)" 'exec: "no-such-program": executable file not found in $PATH'
ctr containers rm r4 > /dev/null

run -d --memory-limit 67108864 "$IMAGE" one sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done' > /dev/null
same "memory" 67108864 "$(cat /sys/fs/cgroup/default/one/memory.max)"
holds "tasks ls" "$(ctr tasks ls)" RUNNING
same "exec" here "$(ctr tasks exec --exec-id e1 one echo here)"
ctr tasks exec --exec-id e2 one sh -c 'exit 9'
same "exec's exit status" 9 $?
holds "ps" "$(ctr tasks ps one)" "$(debian "$OCI" --root /run/containerd/runc/default state one | grep '"pid"' | tr -dc 0-9)"
ctr tasks pause one
holds "pause" "$(ctr tasks ls)" PAUSED
ctr tasks resume one
holds "resume" "$(ctr tasks ls)" RUNNING
holds "metrics" "$(ctr tasks metrics one)" memory.usage
ctr tasks kill -s SIGTERM one
has_stopped() { ctr tasks ls | grep -q STOPPED; }
until_there has_stopped
same "kill" 0 $?
ctr tasks rm one > /dev/null
ctr containers rm one
same "removed" 1 "$(ctr containers ls | wc -l | tr -d ' ')"
OUT=$(run --rm --runc-systemd-cgroup --cgroup system.slice:ctr:r5 "$IMAGE" r5 echo ran)
case "$OUT" in *ran*) fail "systemd" "$OUT" ;; *"there is no systemd here"*) pass "systemd is refused with a sentence" ;; *) fail "systemd" "$OUT" ;; esac
same "nothing is left in the runtime" "" "$(debian "$OCI" --root /run/containerd/runc/default list -q)"
same "no cgroup is left" "" "$(find /sys/fs/cgroup/default -mindepth 1 -type d 2> /dev/null)"
kill $(pgrep -x containerd)
wait
finish
