#!/bin/sh
# Debian's podman, with conmon, makes containers with our runtime.
. "$(dirname "$0")/score.sh"

podman() { debian podman --runtime "$OCI" --cgroup-manager=cgroupfs "$@" 2>&1; }
begin() { BEGUN=$(podman run -d --network=none "$@") || fail "podman run $*" "$BEGUN"; }

holds "load" "$(podman load -i /tmp/busybox.tar)" "$IMAGE"
same "run" hello "$(podman run --rm --network=none "$IMAGE" echo hello)"
podman run --rm --network=none "$IMAGE" sh -c 'exit 7'
same "exit status" 7 $?
OUT=$(podman run --rm --network=none --user 1000:1001 -w /tmp -e WORD=there --hostname box --cap-drop=all --read-only --pids-limit 55 --memory 64m \
    -v /tmp:/host:ro --ulimit nofile=77:88 --sysctl net.ipv4.ip_unprivileged_port_start=80 --tmpfs /scratch "$IMAGE" sh -c '
    echo "$(id -u) $(id -g) $(pwd) $WORD $(hostname) $(ulimit -n)"
    cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory.max /proc/sys/net/ipv4/ip_unprivileged_port_start
    grep -E "^(CapEff|Seccomp):" /proc/self/status; touch /x; touch /host/x; touch /scratch/x && echo scratched')
holds "user, directory, environment, name, limit" "$OUT" "1000 1001 /tmp there box 77"
holds "pids and memory" "$OUT" "55
67108864
80"
holds "no capabilities" "$OUT" "0000000000000000"
holds "a filter" "$OUT" "Seccomp:	2"
holds "read-only root" "$OUT" "touch: /x: Read-only file system"
holds "read-only mount" "$OUT" "touch: /host/x: Read-only file system"
holds "tmpfs" "$OUT" scratched
holds "no such program" "$(podman run --rm --network=none "$IMAGE" no-such-program)" 'exec: "no-such-program": executable file not found in $PATH'

begin --name one "$IMAGE" sh -c 'trap "echo ended; exit 3" TERM; echo begun; while :; do sleep 0.1; done'
logs_hold() { podman logs "$1" | grep -q "$2"; }
until_there logs_hold one begun
same "logs" begun "$(podman logs one)"
same "exec" "here 1" "$(podman exec -e A=here one sh -c 'echo $A $(tr "\0" " " < /proc/1/cmdline | grep -c begun)')"
podman exec one sh -c 'exit 9'
same "exec's exit status" 9 $?
holds "exec with a terminal" "$(podman exec -t one sh -c 'test -t 0 && echo terminal')" terminal
same "exec's input" piped "$(echo piped | podman exec -i one cat)"
holds "top" "$(podman top one pid args)" begun
podman pause one > /dev/null
same "pause" paused "$(podman inspect -f '{{.State.Status}}' one)"
holds "no exec in a paused one" "$(podman exec one true)" "can only create exec sessions on running containers"
podman unpause one > /dev/null
same "unpause" running "$(podman inspect -f '{{.State.Status}}' one)"
podman update --memory 48m --pids-limit 33 one > /dev/null
same "update" "50331648 33" "$(podman exec one sh -c 'echo $(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max)')"
holds "stats" "$(podman stats --no-stream --format '{{.MemUsage}}' one)" MB
holds "ps" "$(podman ps --format '{{.Names}} {{.Status}}')" "one Up"
podman kill -s TERM one > /dev/null
same "wait" 3 "$(podman wait one)"
holds "logs to the end" "$(podman logs one)" ended
podman start one > /dev/null
same "started again" running "$(podman inspect -f '{{.State.Status}}' one)"
podman stop -t 20 one > /dev/null
same "stop" "exited 3" "$(podman inspect -f '{{.State.Status}} {{.State.ExitCode}}' one)"
podman rm one > /dev/null
same "rm" "" "$(podman ps -aq)"
podman run -d --network=host --name two "$IMAGE" sleep 1000 > /debian/tmp/two.log || fail "podman run on the host's network" "$(cat /debian/tmp/two.log)"
same "the host's network" "$(readlink /proc/self/ns/net)" "$(podman exec two readlink /proc/self/ns/net)"
podman rm -f -t 0 two > /dev/null
same "rm -f" "" "$(podman ps -aq)"
begin -t --name three "$IMAGE" sh -c 'test -t 1 && echo terminal; test -c /dev/console && echo console; sleep 1000'
until_there logs_hold three console
holds "a terminal of its own" "$(podman logs three)" terminal
podman rm -f -t 0 three > /dev/null
begin --name four --memory 32m "$IMAGE" sh -c 'dd if=/dev/zero of=/dev/null bs=200M count=1; sleep 1; exit 4'
podman wait four > /dev/null
same "killed for want of memory" true "$(podman inspect -f '{{.State.OOMKilled}}' four)"
podman rm -f four > /dev/null
OUT=$(debian podman --runtime "$OCI" --cgroup-manager=systemd run --rm --network=none "$IMAGE" echo ran 2>&1)
case "$OUT" in *ran*) fail "the systemd manager" "$OUT" ;; *systemd*) pass "the systemd manager is refused with a sentence" ;; *) fail "the systemd manager" "$OUT" ;; esac
same "nothing is left in the runtime" "" "$(debian "$OCI" --root /run/oci list -q; debian "$OCI" list -q)"
same "no cgroup is left" "" "$(find /sys/fs/cgroup/libpod_parent -mindepth 1 -type d -name 'libpod-*' 2> /dev/null | grep -v conmon)"
finish
