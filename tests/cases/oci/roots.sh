#!/bin/sh
# The root file system: whatever links an image has, all is made inside of it; where the host's /dev is bound, nothing is made.
. "$(dirname "$0")/bundle.sh"

NODEV='/"destination":"\/dev/d'
nodev() { sed -i "$NODEV" "$WORK/$1/config.json"; }
listing() { ls -lA "$1" | tr -s ' '; }

# The host's /dev at /dev (a tmpfs stands for it): CSI drivers and node agents.
HOST=$WORK/hostdev
mkdir -p "$HOST"
mount -t tmpfs hostdev "$HOST"
mknod "$HOST/null" c 1 3; mknod "$HOST/zero" c 1 5; mknod "$HOST/full" c 1 7; mknod "$HOST/tty" c 5 0; mknod "$HOST/random" c 1 8
mknod "$HOST/urandom" c 1 9; mknod "$HOST/ptmx" c 5 2; mknod "$HOST/loop-control" c 10 237
chmod 666 "$HOST"/*
mkdir "$HOST/pts" "$HOST/shm"
BEFORE=$(listing "$HOST")
for at in /dev /dev/ /x/../dev /linked; do
    MOUNTS="{\"destination\":\"$at\",\"type\":\"bind\",\"source\":\"$HOST\",\"options\":[\"rbind\",\"rprivate\",\"rw\"]}" \
        LINUX='"devices":[{"path":"/dev/null","type":"c","major":1,"minor":3,"fileMode":438},{"path":"/dev/new","type":"c","major":10,"minor":237},{"path":"/opt/node","type":"c","major":1,"minor":3}]' \
        RESOURCES='"devices":[{"allow":true,"access":"rwm"}]' make_bundle "host" '["sh","-c","ls /dev; test -c /opt/node && echo node"]'
    ln -sfn dev "$WORK/host/rootfs/linked"
    # The bundle's own mounts below /dev go; its mount at /proc stays.
    sed -i -e '/"destination":"\/dev[^"]*","type":"tmpfs"/d' -e '/"destination":"\/dev[^"]*","type":"devpts"/d' "$WORK/host/config.json"
    run_it host
    holds "the host's /dev at $at" "$OUT" loop-control
    holds "devices elsewhere are made with $at" "$OUT" node
    same "the host's /dev is as before with $at" "$BEFORE" "$(listing "$HOST")"
    rm -f "$WORK/host/rootfs/opt/node"
done
umount "$HOST"

# No mount at /dev: the root's own directory, used twice.
make_bundle twice '["sh","-c","echo ran > /dev/stdout; readlink /dev/fd /dev/core /dev/ptmx; test -c /dev/null && echo null"]'
nodev twice
sed -i 's/"cgroupsPath"/"devices":[{"path":"\/opt\/deep\/null","type":"c","major":1,"minor":3}],"cgroupsPath"/' "$WORK/twice/config.json"
for time in first second; do
    run_it twice
    holds "$time run" "$OUT" ran
    holds "$time run: /dev/ptmx" "$OUT" pts/ptmx
    holds "$time run: /dev/null" "$OUT" null
done
[ ! -e /proc/kcore ] || holds "/dev/core" "$OUT" /proc/kcore
same "a device outside of /dev" yes "$([ -c "$WORK/twice/rootfs/opt/deep/null" ] && echo yes)"
rm "$WORK/twice/rootfs/dev/null"
echo text > "$WORK/twice/rootfs/dev/null"
run_it twice
holds "another file where a device is to be" "$OUT" "something else is there"

# Links of the image at the places that a runtime makes or covers.
VICTIM=$WORK/victim
for place in dev proc sys dev/pts dev/shm tmp etc sys/fs; do
    for link in absolute relative; do
        rm -rf "$VICTIM" "$WORK/links"
        mkdir -p "$VICTIM/pts" "$VICTIM/shm"
        echo precious > "$VICTIM/ptmx"
        WANT=$(listing "$VICTIM")
        MOUNTS='{"destination":"/tmp/vol","type":"tmpfs","source":"tmpfs"},{"destination":"/etc/hosts","type":"bind","source":"/proc/version","options":["bind"]}' \
            CWD=/tmp/work make_bundle links '["echo","ran"]'
        root=$WORK/links/rootfs
        rm -rf "${root:?}/$place"
        mkdir -p "$(dirname "$root/$place")" "$root$VICTIM"
        [ $link = absolute ] && to=$VICTIM || to=../../../../../../../../../..$VICTIM
        ln -s "$to" "$root/$place"
        for with in mounts "no mount at /dev"; do
            [ "$with" = mounts ] || nodev links
            run_it links
            same "/$place is a link ($link, $with): the host's directory" "$WANT" "$(listing "$VICTIM")"
            same "/$place is a link ($link, $with): the host's file" precious "$(cat "$VICTIM/ptmx")"
            case $place in
                proc | sys) holds "/$place is a link ($link, $with): refused" "$OUT" "not an ordinary directory" ;;
            esac
        done
    done
done
rm -rf "$WORK/links"

# Links that lead nowhere: followed inside of the root and made.
echo "nameserver 10.0.0.1" > "$WORK/resolv"
mkdir -p "$WORK/dir"
echo in > "$WORK/dir/f"
for to in /run/systemd/resolve/stub-resolv.conf ../run/resolvconf/resolv.conf hop; do
    MOUNTS="{\"destination\":\"/etc/resolv.conf\",\"type\":\"bind\",\"source\":\"$WORK/resolv\",\"options\":[\"rbind\",\"rprivate\",\"rw\"]}" \
        make_bundle dangling '["cat","/etc/resolv.conf"]'
    ln -sf "$to" "$WORK/dangling/rootfs/etc/resolv.conf"
    ln -sf ../made/by/hops "$WORK/dangling/rootfs/etc/hop"
    run_it dangling
    holds "a file over a link that leads nowhere ($to)" "$OUT" "nameserver 10.0.0.1"
done
for kind in bind tmpfs; do
    if [ $kind = bind ]; then
        mount="{\"destination\":\"/var/log/app\",\"type\":\"bind\",\"source\":\"$WORK/dir\",\"options\":[\"rbind\"]}"
    else
        mount='{"destination":"/var/log/app","type":"tmpfs","source":"tmpfs"}'
    fi
    MOUNTS=$mount make_bundle "dir$kind" '["sh","-c","ls /var/log/app; grep -c /data/app /proc/self/mounts"]'
    mkdir -p "$WORK/dir$kind/rootfs/var/log"
    ln -sfn /data/app "$WORK/dir$kind/rootfs/var/log/app"
    run_it "dir$kind"
    holds "a directory over a link that leads nowhere ($kind)" "$OUT" 1
done
MOUNTS='{"destination":"/loop/x","type":"tmpfs","source":"tmpfs"}' make_bundle loop '["echo","ran"]'
ln -sfn loop2 "$WORK/loop/rootfs/loop"
ln -sfn loop "$WORK/loop/rootfs/loop2"
run_it loop
same "a loop of links is an error" 1 "$CODE"
MOUNTS="{\"destination\":\"/etc\",\"type\":\"bind\",\"source\":\"$WORK/resolv\",\"options\":[\"bind\"]}" make_bundle kinds '["echo","ran"]'
run_it kinds
same "a file over a directory is an error" 1 "$CODE"
MOUNTS="{\"destination\":\"/etc/passwd\",\"type\":\"bind\",\"source\":\"$WORK/dir\",\"options\":[\"bind\"]}" make_bundle kinds '["echo","ran"]'
run_it kinds
same "a directory over a file is an error" 1 "$CODE"
MOUNTS='{"destination":"/sticky","type":"tmpfs","source":"tmpfs"}' make_bundle sticky '["stat","-c","%a","/sticky"]'
mkdir -p "$WORK/sticky/rootfs/sticky"
chmod 1750 "$WORK/sticky/rootfs/sticky"
run_it sticky
same "a tmpfs has the mode of what it covers" 1750 "$OUT"

# cgroup2 without a namespace of its own: the host's options stay.
mount -o remount,nsdelegate,memory_recursiveprot /sys/fs/cgroup 2> /dev/null
options() { grep ' /sys/fs/cgroup cgroup2 ' /proc/mounts | head -n 1; }
BEFORE=$(options)
for kind in cgroup cgroup2; do
    for ns in '' ",{\"type\":\"cgroup\",\"path\":\"/proc/1/ns/cgroup\"}" ',{"type":"cgroup"}'; do
        NS="{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}$ns" \
            MOUNTS="{\"destination\":\"/sys/fs/cgroup\",\"type\":\"$kind\",\"source\":\"cgroup\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}" \
            make_bundle cg '["sh","-c","test -e /sys/fs/cgroup/cgroup.procs && echo there; mkdir /sys/fs/cgroup/x"]'
        run_it cg
        holds "$kind${ns:+ and a namespace} is mounted" "$OUT" there
        holds "$kind${ns:+ and a namespace} is read-only" "$OUT" "ead-only"
        same "the host's cgroup2 after $kind${ns:+ and a namespace}" "$BEFORE" "$(options)"
    done
done

# An exec adds no mounts.
LINUX='"maskedPaths":["/proc/keys","/proc/timer_list"],"readonlyPaths":["/proc/sys","/proc/bus"]' make_bundle count '["sleep","1000"]'
begin count
FIRST=$($OCI exec count sh -c 'wc -l < /proc/self/mounts')
$OCI exec count true
$OCI exec count true
same "an exec adds no mounts" "$FIRST" "$($OCI exec count sh -c 'wc -l < /proc/self/mounts')"
$OCI delete --force count
finish
