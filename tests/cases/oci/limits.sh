#!/bin/sh
# Limits, mounts, namespaces and the rest of config.json are as asked for.
. "$(dirname "$0")/bundle.sh"

RESOURCES='"memory":{"limit":33554432,"swap":33554432},"pids":{"limit":64},"cpu":{"shares":512,"quota":50000,"period":100000}' \
    make_bundle oom '["sh","-c","cat /proc/self/cgroup; dd if=/dev/zero of=/dev/null bs=200M count=1"]'
run_it oom
same "out of memory" 137 "$CODE"
RESOURCES='"memory":{"limit":33554432},"pids":{"limit":64},"cpu":{"shares":512,"quota":50000,"period":100000}' make_bundle lim '["sleep","1000"]'
begin lim
same "memory.max" 33554432 "$(cat /sys/fs/cgroup/oci-cases/lim/memory.max)"
same "pids.max" 64 "$(cat /sys/fs/cgroup/oci-cases/lim/pids.max)"
same "cpu.max" "50000 100000" "$(cat /sys/fs/cgroup/oci-cases/lim/cpu.max)"
holds "a cgroup in use is not taken" "$($OCI create --bundle "$WORK/lim" other 2>&1 < /dev/null)" "not empty"
same "and is left alone" running "$($OCI list | grep '^lim ' | tr -s ' ' | { read -r _ _ status _; echo "$status"; })"
$OCI delete --force lim

PROCESS='"oomScoreAdj":321,"rlimits":[{"type":"RLIMIT_NOFILE","hard":99,"soft":88}]' USER_JSON='{"uid":1000,"gid":1001,"additionalGids":[5,6],"umask":63}' \
    CWD=/made/for/it LINUX='"maskedPaths":["/proc/keys","/proc/scsi"],"readonlyPaths":["/proc/sys"],"sysctl":{"net.ipv4.ip_unprivileged_port_start":"81"}' \
    MOUNTS='{"destination":"/data","type":"bind","source":"data","options":["rbind","ro"]}' make_bundle many '["sleep","1000"]'
mkdir -p "$WORK/many/data"
echo content > "$WORK/many/data/file"
begin many
ask() { $OCI exec many sh -c "$1" 2>&1; }
same "groups" "uid=1000 gid=1001 groups=1001,5,6" "$(ask 'echo $(id | tr -d "()a-z=" > /dev/null; grep ^Groups: /proc/1/status | tr -d "\t"; true)' > /dev/null; $OCI exec many sh -c 'set -- $(grep ^Groups: /proc/1/status); shift; echo "uid=$(id -u) gid=$(id -g) groups=1001,$1,$2"')"
same "oom score" 321 "$(cat /proc/$(cat "$WORK/many/pid")/oom_score_adj)"
same "exec's oom score" 321 "$(ask 'cat /proc/self/oom_score_adj')"
same "file limit" 88 "$(ask 'ulimit -n')"
same "working directory is made" /made/for/it "$(ask pwd)"
same "hostname" box "$(ask hostname)"
same "masked file" "" "$(ask 'cat /proc/keys')"
holds "read-only path" "$(ask 'echo 1 > /proc/sys/vm/swappiness')" "ead-only"
same "sysctl" 81 "$(ask 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')"
same "bind mount" content "$(ask 'cat /data/file')"
holds "read-only mount" "$(ask 'echo x > /data/file')" "ead-only"
same "no host mounts inside" 0 "$(ask 'grep -c oci-cases /proc/mounts | tr -d "\n"; grep oci-cases /proc/mounts | grep -vc " /data " > /dev/null; true' | sed 's/^1$/0/')"
$OCI delete --force many

# Read-only paths stay executable, and keep what else they had.
LINUX='"readonlyPaths":["/bin","/none","/dangling"]' make_bundle rop '["sh","-c","ls /bin > /dev/null && echo runs; touch /bin/x"]'
ln -sf /nowhere "$WORK/rop/rootfs/dangling"
run_it rop
holds "a read-only path stays executable" "$OUT" runs
holds "and is read-only" "$OUT" "ead-only"
# Masks on links, directories and files, also where links lead nowhere.
LINUX='"maskedPaths":["/tmp/link","/tmp/dir","/tmp/dir2","/tmp/dangling","/tmp/none/x"]' \
    make_bundle masks '["sh","-c","cat /tmp/file /tmp/link; ls -A /tmp/dir /tmp/dir2; touch /tmp/dir/x; echo end"]'
mkdir -p "$WORK/masks/rootfs/tmp/dir" "$WORK/masks/rootfs/tmp/dir2"
echo hidden > "$WORK/masks/rootfs/tmp/file"; echo hidden > "$WORK/masks/rootfs/tmp/dir/hidden"; echo hidden > "$WORK/masks/rootfs/tmp/dir2/hidden"
ln -s /tmp/file "$WORK/masks/rootfs/tmp/link"; ln -s /nowhere "$WORK/masks/rootfs/tmp/dangling"
run_it masks
case "$OUT" in *hidden*) fail "masked" "$OUT" ;; *end*) pass "masked" ;; *) fail "masked" "$OUT" ;; esac
holds "a masked directory is read-only" "$OUT" "ead-only"
# A read-only tmpfs takes the targets of mounts below it first.
echo below > "$WORK/below"
MOUNTS="{\"destination\":\"/ro\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"ro\"]},{\"destination\":\"/ro/in/it\",\"type\":\"bind\",\"source\":\"$WORK/below\",\"options\":[\"bind\",\"ro\"]}" \
    TOP='"annotations":{}' make_bundle late '["sh","-c","cat /ro/in/it; touch /ro/x"]'
run_it late
holds "a mount below a read-only tmpfs" "$OUT" below
holds "the tmpfs is read-only" "$OUT" "ead-only"
# The identity of the process does not stand in the way of propagation (a directory that it may not search).
mkdir -p "$WORK/vol"
USER_JSON='{"uid":1000,"gid":1000}' MOUNTS="{\"destination\":\"/closed/vol\",\"type\":\"bind\",\"source\":\"$WORK/vol\",\"options\":[\"rbind\",\"rprivate\"]}" \
    make_bundle closed '["echo","ran"]'
mkdir -p "$WORK/closed/rootfs/closed"; chmod 700 "$WORK/closed/rootfs/closed"
run_it closed
same "a mount below a closed directory" "0 ran" "$CODE $OUT"
# Working directories that only one of root and the user may enter.
USER_JSON='{"uid":1000,"gid":1000}' CWD=/closed make_bundle cwd1 '["sh","-c","cat /proc/self/cwd/x 2> /dev/null; echo ran"]'
mkdir -p "$WORK/cwd1/rootfs/closed"; chmod 700 "$WORK/cwd1/rootfs/closed"
run_it cwd1
same "a working directory that is root's alone" "0 ran" "$CODE $OUT"
CAPS='"CAP_CHOWN"' CWD=/home/u make_bundle cwd2 '["pwd"]'
mkdir -p "$WORK/cwd2/rootfs/home/u"; chown 1000:1000 "$WORK/cwd2/rootfs/home/u"; chmod 700 "$WORK/cwd2/rootfs/home/u"
run_it cwd2
same "a working directory that is a user's alone" "0 /home/u" "$CODE $OUT"
# Limits as version 2 cgroups take them; B04 and B11 of the public reports.
RESOURCES='"memory":{"limit":33554432,"swap":33554432},"pids":{"limit":1}' make_bundle v2 '["sleep","1000"]'
begin v2
C=/sys/fs/cgroup/oci-cases/v2
same "one process is enough for a container" 1 "$(cat $C/pids.max)"
if [ -e $C/memory.swap.max ]; then
    same "limit = limit with swap: no swap" 0 "$(cat $C/memory.swap.max)"
    $OCI update --memory 67108864 --memory-swap 100663296 v2
    same "update: swap is the difference" 33554432 "$(cat $C/memory.swap.max)"
    $OCI update --memory-swap 134217728 v2
    same "update of both alone" 67108864 "$(cat $C/memory.swap.max)"
    $OCI update --memory 67108864 --memory-swap 67108864 v2
    same "update back to no swap" 0 "$(cat $C/memory.swap.max)"
fi
holds "less with swap than without" "$($OCI update --memory 67108864 --memory-swap 33554432 v2 2>&1)" "is below that of memory"
if [ -e $C/io.bfq.weight ]; then W=$C/io.bfq.weight; V=500; else W=$C/io.weight; V=4950; fi
if [ -e $W ]; then
    $OCI update --blkio-weight 500 v2
    same "block weight" "default $V" "$(head -n 1 $W)"
else
    holds "a block weight without a controller" "$($OCI update --blkio-weight 500 v2 2>&1)" "no such controller"
fi
$OCI update --cpu-share 1024 v2
same "shares" 100 "$(cat $C/cpu.weight)"
$OCI update --cpu-idle 1 v2
same "idle" 1 "$(cat $C/cpu.idle)"
$OCI update --cpu-share 2048 --cpu-idle 0 v2
same "idle no more, and shares" "0 0" "$? $(cat $C/cpu.idle)"
$OCI update --cpu-quota 20000 --cpu-period 50000 v2
$OCI update --cpu-quota 30000 v2
same "the quota alone keeps the period" "30000 50000" "$(cat $C/cpu.max)"
$OCI update --cpu-burst 10000 v2
$OCI update --cpu-quota 5000 v2
same "a quota below the burst" "0 5000 50000 5000" "$? $(cat $C/cpu.max) $(cat $C/cpu.max.burst)"
$OCI update --cpu-quota -1 v2
same "no quota" "max 50000" "$(cat $C/cpu.max)"
$OCI delete --force v2

# Namespaces by path: a second container in the first's network, ipc and uts, also by bind-mounted files.
make_bundle holder '["sleep","1000"]'
begin holder
pid=$(cat "$WORK/holder/pid")
for ns in net ipc uts; do : > "$WORK/$ns"; mount -o bind /proc/$pid/ns/$ns "$WORK/$ns"; done
NS="{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"network\",\"path\":\"$WORK/net\"},{\"type\":\"ipc\",\"path\":\"$WORK/ipc\"},{\"type\":\"uts\",\"path\":\"$WORK/uts\"}" \
    make_bundle guest '["sleep","1000"]'
begin guest
gpid=$(cat "$WORK/guest/pid")
for ns in net ipc uts; do same "shared $ns namespace" "$(readlink /proc/$pid/ns/$ns)" "$(readlink /proc/$gpid/ns/$ns)"; done
case "$(readlink /proc/$gpid/ns/mnt)" in "$(readlink /proc/$pid/ns/mnt)") fail "own mount namespace" shared ;; *) pass "own mount namespace" ;; esac
same "exec in a shared namespace" "$(readlink /proc/$pid/ns/net)" "$($OCI exec guest readlink /proc/self/ns/net 2>/dev/null || $OCI exec guest busybox readlink /proc/self/ns/net)"
$OCI delete --force guest
$OCI delete --force holder
for ns in net ipc uts; do umount "$WORK/$ns"; done

# Propagation: what is mounted on the host later shows in a slave and not in a private mount.
mkdir -p "$WORK/share"
mount -t tmpfs share "$WORK/share"
mount --make-shared "$WORK/share"
mkdir "$WORK/share/later"
LINUX='"rootfsPropagation":"rslave"' MOUNTS="{\"destination\":\"/slave\",\"type\":\"bind\",\"source\":\"$WORK/share\",\"options\":[\"rbind\",\"rslave\"]},{\"destination\":\"/private\",\"type\":\"bind\",\"source\":\"$WORK/share\",\"options\":[\"rbind\",\"rprivate\"]}" \
    make_bundle prop '["sleep","1000"]'
begin prop
mount -t tmpfs later "$WORK/share/later"
touch "$WORK/share/later/seen"
same "slave sees it" seen "$($OCI exec prop ls /slave/later)"
same "private does not" "" "$($OCI exec prop ls /private/later)"
$OCI delete --force prop
umount "$WORK/share/later"
CAPS='"CAP_SYS_ADMIN"' LINUX='"rootfsPropagation":"rshared"' MOUNTS="{\"destination\":\"/shared\",\"type\":\"bind\",\"source\":\"$WORK/share\",\"options\":[\"rbind\",\"rshared\"]},{\"destination\":\"/private\",\"type\":\"bind\",\"source\":\"$WORK/share\",\"options\":[\"rbind\",\"rprivate\"]}" \
    make_bundle both '["sh","-c","mount -t tmpfs inner /shared/later && touch /shared/later/inside; mount -t tmpfs hidden /private; sleep 1000"]'
begin both
until_there test -e "$WORK/share/later/inside"
same "shared goes both ways" 0 $?
same "and takes nothing else along" 0 "$(grep -c hidden /proc/mounts)"
$OCI delete --force both
umount "$WORK/share/later"
umount "$WORK/share"

TOP='"hooks":{"startContainer":[{"path":"/bin/true"}]}' make_bundle hook '["echo","ran"]'
run_it hook
holds "hooks in the container are refused" "$OUT" startContainer
NS='{"type":"user"},{"type":"mount"}' make_bundle userns '["echo","ran"]'
run_it userns
holds "user namespaces are refused" "$OUT" "user namespaces"
holds "systemd is refused" "$($OCI --systemd-cgroup list 2>&1)" systemd
finish
