#!/bin/sh
# The published escapes from runc, tried: each must fail, and leave the host as it was.
. "$(dirname "$0")/bundle.sh"

SECRET=$WORK/secret
echo "the host's secret" > "$SECRET"
printf '#!/bin/sh\necho ESCAPED\n' > "$WORK/escape"
chmod 755 "$WORK/escape"
PATTERN=$(cat /proc/sys/kernel/core_pattern)

# safe NAME OUTPUT: nothing of the host was reached
safe() {
    case "$2" in *secret* | *ESCAPED*) fail "$1" "$2" ;; *) pass "$1" ;; esac
    same "$1: core_pattern" "$PATTERN" "$(cat /proc/sys/kernel/core_pattern)"
}

# CVE-2019-5736: a process on its way into the container executes the runtime's own file, keeps it open, and writes to it when
# nobody runs it any more. The runtime is a copy: the system's own file hangs read-only, and is always run by PID 1.
holds "CVE-2019-5736: nobody can write through the system's own file" "$(touch /bin/kutties 2>&1)" "ead-only file system"
cp /bin/kutties "$WORK/runtime"
SUM=$(sha256sum < "$WORK/runtime")
HELD="sleep 1000 9< /proc/self/exe"
RT="$WORK/runtime oci"
CAPS="$DEFAULT_CAPS,\"CAP_SYS_PTRACE\"" make_bundle self '["sleep","1000"]'
cat > "$WORK/self/rootfs/bin/again" <<'SCRIPT'
#!/proc/self/exe sh
exec sleep 1000 9< /proc/self/exe
SCRIPT
chmod 755 "$WORK/self/rootfs/bin/again"
$RT create --bundle "$WORK/self" self < /dev/null > /dev/null 2>&1 && $RT start self
$RT exec -d self /proc/self/exe sh -c "exec $HELD" < /dev/null > /dev/null 2>&1
$RT exec -d self /bin/again < /dev/null > /dev/null 2>&1
held() { [ "$(cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\0' ' ' | grep -o 'sleep 1000' | wc -l)" -ge 3 ]; }
until_there held
OUT=$($RT exec self sh -c 'for p in /proc/[0-9]*; do [ -e $p/fd/9 ] || continue; readlink $p/fd/9; echo ESCAPED > $p/fd/9; mount -o bind $p/fd/9 /tmp/x; done' 2>&1)
holds "CVE-2019-5736: the runtime's file was at hand" "$OUT" "/"
holds "CVE-2019-5736: it can't be written" "$OUT" "ead-only file system"
same "CVE-2019-5736: the runtime is what it was" "$SUM" "$(sha256sum < "$WORK/runtime")"
# The first process likewise, and whoever may look into processes while they come in.
CAPS="$DEFAULT_CAPS,\"CAP_SYS_PTRACE\"" make_bundle init "[\"/proc/self/exe\",\"sh\",\"-c\",\"exec $HELD\"]"
$RT create --bundle "$WORK/init" init < /dev/null > /dev/null 2>&1 && $RT start init
OUT=$($RT exec init sh -c 'for p in /proc/[0-9]*; do echo ESCAPED > $p/fd/9; echo ESCAPED > $p/exe; done' 2>&1)
same "CVE-2019-5736: nor through the first process" "$SUM" "$(sha256sum < "$WORK/runtime")"
$RT delete --force init
$RT delete --force self
same "CVE-2019-5736: nor afterwards" "$SUM" "$(sha256sum < "$WORK/runtime")"
rm "$WORK/runtime"

# CVE-2024-21626: a descriptor of the runtime, or of its caller, leads out: as working directory and as path of the program.
UP=../../../../../../..
for n in 3 5 6 7 8 9; do
    CWD=/proc/self/fd/$n make_bundle "fd$n" "[\"sh\",\"-c\",\"cat $UP/$SECRET; cat /proc/self/cwd/$UP/$SECRET; ls /proc/self/fd/\"]"
    OUT=$($OCI run --bundle "$WORK/fd$n" "fd$n" 7< "$WORK" 2>&1 < /dev/null)
    safe "CVE-2024-21626: working directory is descriptor $n" "$OUT"
done
make_bundle leaks '["sleep","1000"]'
begin leaks
n=3
while [ $n -le 14 ]; do
    for path in "/proc/self/fd/$n" "/proc/self/fd/$n/1/root" "/proc/self/fd/$n/$UP"; do
        out=$($OCI exec --cwd "$path" leaks sh -c "cat $UP/$SECRET; cat ./$SECRET" 7< "$WORK" 2>&1; $OCI exec leaks "$path/$WORK/escape" 7< "$WORK" 2>&1; $OCI exec leaks "$path/escape" 7< "$WORK" 2>&1)
        case "$out" in *secret* | *ESCAPED*) fail "CVE-2024-21626: exec by $path" "$out" ;; esac
    done
    n=$((n + 1))
done
pass "CVE-2024-21626: execs tried"
same "CVE-2024-21626: an exec gets no descriptor" "0 1 2 3" "$(echo $($OCI exec leaks ls /proc/self/fd 7< "$WORK"))"
$OCI delete --force leaks

# CVE-2025-31133: /dev/null of the image is a link, so that what masks a path is something else.
for victim in /proc/sys/kernel/core_pattern /proc/self/mem; do
    LINUX='"maskedPaths":["/proc/version","/proc/keys"],"readonlyPaths":["/proc/sys"]' \
        make_bundle null '["sh","-c","echo ESCAPED > /proc/version; cat /proc/version; cat /proc/keys"]'
    sed -i '/"destination":"\/dev",/d' "$WORK/null/config.json"
    rm -f "$WORK/null/rootfs/dev/null"
    ln -s "$victim" "$WORK/null/rootfs/dev/null"
    run_it null
    safe "CVE-2025-31133: /dev/null is $victim" "$OUT"
    same "CVE-2025-31133: and the container is refused" 1 "$CODE"
done
rm -rf "$WORK/null"
# The same by way of a volume, which another container could change at any moment.
mkdir -p "$WORK/dev"
ln -s /proc/sys/kernel/core_pattern "$WORK/dev/null"
LINUX='"maskedPaths":["/proc/version"]' MOUNTS="{\"destination\":\"/dev\",\"type\":\"bind\",\"source\":\"$WORK/dev\",\"options\":[\"rbind\"]}" \
    make_bundle null '["sh","-c","echo ESCAPED > /proc/version; cat /proc/version"]'
run_it null
safe "CVE-2025-31133: /dev is a volume" "$OUT"

# CVE-2025-52565: /dev/console, /dev/ptmx or /dev/pts of the image are links, so that the terminal is bound elsewhere.
for link in console ptmx pts; do
    rm -rf "$WORK/dev" "$WORK/term"
    mkdir -p "$WORK/dev"
    [ $link = pts ] || mkdir "$WORK/dev/pts"
    case $link in pts) ln -s /proc/sys "$WORK/dev/pts" ;; *) ln -s /proc/sys/kernel/core_pattern "$WORK/dev/$link" ;; esac
    TERMINAL=true LINUX='"readonlyPaths":["/proc/sys"],"maskedPaths":["/proc/keys"]' \
        make_bundle term '["sh","-c","grep /proc/sys/ /proc/self/mountinfo && echo ESCAPED; echo ESCAPED > /proc/sys/kernel/core_pattern; true"]'
    sed -i "s|{\"destination\":\"/dev\",.*|{\"destination\":\"/dev\",\"type\":\"bind\",\"source\":\"$WORK/dev\",\"options\":[\"rbind\"]},|" "$WORK/term/config.json"
    run_it term
    OUT=$(echo "$OUT" | grep -v "core_pattern: ")
    safe "CVE-2025-52565: /dev/$link is a link" "$OUT"
done

# CVE-2025-52881, CVE-2025-62596: what the runtime writes to /proc goes to files of the image, or to other files of /proc.
for how in fake link; do
    rm -rf "$WORK/proc" "$WORK/sys"
    make_bundle proc '["sh","-c","cat /proc/sys/net/ipv4/ip_unprivileged_port_start; cat /proc/self/attr/apparmor/exec; cat /proc/self/attr/exec"]'
    fake=$WORK/proc/rootfs/proc
    mkdir -p "$fake/sys/net/ipv4" "$fake/self/attr/apparmor" "$fake/thread-self/attr/apparmor"
    for file in sys/net/ipv4/ip_unprivileged_port_start self/attr/exec self/attr/apparmor/exec thread-self/attr/exec thread-self/attr/apparmor/exec; do
        if [ $how = fake ]; then echo untouched > "$fake/$file"; else ln -s "$WORK/untouched" "$fake/$file"; fi
    done
    mkdir -p "$WORK/proc/rootfs/$WORK"
    echo untouched > "$WORK/proc/rootfs/$WORK/untouched"
    sed -i -e '/"destination":"\/proc",/s/{"destination":"\/proc"[^}]*},*//' \
        -e 's|"linux":{|"linux":{"sysctl":{"net.ipv4.ip_unprivileged_port_start":"77"},|' "$WORK/proc/config.json"
    run_it proc
    case "$OUT" in *77*) fail "CVE-2025-52881: a sysctl on a $how /proc" "$OUT" ;; *) pass "CVE-2025-52881: a sysctl on a $how /proc" ;; esac
    sed -i 's|"process":{|"process":{"apparmorProfile":"unconfined",|' "$WORK/proc/config.json"
    run_it proc
    case "$OUT" in *"exec unconfined"*) fail "CVE-2025-52881: a label on a $how /proc" "$OUT" ;; *) pass "CVE-2025-52881: a label on a $how /proc" ;; esac
done
same "CVE-2025-52881: the host's sysctl" 1024 "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
MOUNTS="{\"destination\":\"/proc/self/attr\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"}" make_bundle over '["echo","ran"]'
run_it over
case "$OUT" in *ran*) fail "CVE-2025-52881: a mount over /proc/self" "$OUT" ;; *) pass "CVE-2025-52881: a mount over /proc/self" ;; esac
# Mounts whose destinations are links of the image stay inside of it.
mkdir -p "$WORK/outside"
MOUNTS='{"destination":"/leave/mnt","type":"tmpfs","source":"tmpfs"}' make_bundle leave '["sleep","1"]'
ln -s "$WORK/outside" "$WORK/leave/rootfs/leave"
run_it leave
same "a mount does not follow a link out" 0 "$(ls "$WORK/outside" | wc -l | tr -d ' ')"

# nowhere NAME: neither a file of the host was made, nor one changed or removed, below the victim
VICTIM=$WORK/victim
fresh_victim() {
    rm -rf "$VICTIM"
    mkdir -p "$VICTIM/pts" "$VICTIM/sub"
    echo precious > "$VICTIM/ptmx"
    echo precious > "$VICTIM/file"
    WANT=$(find "$VICTIM" | sort; cat "$VICTIM/ptmx" "$VICTIM/file")
}
nowhere() { same "$1" "$WANT" "$(find "$VICTIM" | sort; cat "$VICTIM/ptmx" "$VICTIM/file")"; }

# CVE-2026-41579, and crun's before it (CVE-2026-47766): /dev of the image is a link to a directory of the host.
for with in tmpfs nothing; do
    fresh_victim
    make_bundle devlink '["ls","-l","/dev/"]'
    rm -rf "$WORK/devlink/rootfs/dev"
    mkdir -p "$WORK/devlink/rootfs$VICTIM"
    ln -s "$VICTIM" "$WORK/devlink/rootfs/dev"
    [ $with = tmpfs ] || sed -i '/"destination":"\/dev/d' "$WORK/devlink/config.json"
    run_it devlink
    nowhere "CVE-2026-41579: /dev is a link, $with is mounted there"
    rm -rf "$WORK/devlink"
done

# CVE-2026-88264 (crun): the terminal of a container without a mount at /dev is bound to where the image's /dev/console leads.
for to in /proc/sys/kernel/core_pattern "$VICTIM/file" "../../../../../../../../..$VICTIM/file"; do
    for readonly in true false; do
        fresh_victim
        TERMINAL=true LINUX='"readonlyPaths":["/proc/sys"]' \
            make_bundle console '["sh","-c","grep -e /proc/sys/ -e victim /proc/self/mountinfo && echo ESCAPED; echo ESCAPED > /proc/sys/kernel/core_pattern; true"]'
        sed -i -e '/"destination":"\/dev/d' -e "s|\"root\":{|&\"readonly\":$readonly,|" "$WORK/console/config.json"
        mkdir -p "$WORK/console/rootfs$VICTIM"
        echo untouched > "$WORK/console/rootfs$VICTIM/file"
        ln -s "$to" "$WORK/console/rootfs/dev/console"
        run_it console
        OUT=$(echo "$OUT" | grep -v "core_pattern: ")
        safe "CVE-2026-88264: /dev/console is $to, root read-only $readonly" "$OUT"
        nowhere "CVE-2026-88264: nothing of the host is changed, root read-only $readonly"
        rm -rf "$WORK/console"
    done
done
# CVE-2026-88265 (crun): a stream that the caller has closed becomes what /dev/null of the image, or of a volume, leads to, and gets another owner.
for at in image volume; do
    for closed in '0<&-' '0<&- 2>&-'; do
        echo "the host's secret" > "$WORK/owned"
        chown 7:7 "$WORK/owned"
        rm -rf "$WORK/dev"
        mkdir -p "$WORK/dev/pts"
        ln -s /etc/owned "$WORK/dev/null"
        bind="{\"destination\":\"/etc/owned\",\"type\":\"bind\",\"source\":\"$WORK/owned\",\"options\":[\"rbind\"]}"
        [ $at = image ] || bind="$bind,{\"destination\":\"/dev\",\"type\":\"bind\",\"source\":\"$WORK/dev\",\"options\":[\"rbind\"]}"
        USER_JSON='{"uid":1000,"gid":1000}' MOUNTS=$bind \
            make_bundle reopen '["sh","-c","cat <&0; cat <&2; readlink /proc/self/fd/0 /proc/self/fd/2; echo ran"]'
        sed -i '/^ *{"destination":"\/dev/d' "$WORK/reopen/config.json"
        [ $at = volume ] || ln -sf /etc/owned "$WORK/reopen/rootfs/dev/null"
        OUT=$(eval "$OCI run --bundle $WORK/reopen reopen $closed")
        CODE=$?
        # A link in the place of a device refuses the container.
        [ $at = volume ] || same "CVE-2026-88265: refused, streams closed by $closed" 1 "$CODE"
        case "$OUT" in *owned*) OUT="ESCAPED $OUT" ;; esac
        safe "CVE-2026-88265: /dev/null of the $at, streams closed by $closed" "$OUT"
        same "CVE-2026-88265: the file has its owner, $at, $closed" 7:7 "$(stat -c %u:%g "$WORK/owned")"
        rm -rf "$WORK/reopen"
    done
done

# CVE-2021-30465, CVE-2024-45310, CVE-2019-18837: targets of mounts, and files made for them, lie behind links that lead out.
for kind in directory file; do
    for at in /link/x /link/sub/x /deep/link/x /link; do
        fresh_victim
        if [ $kind = file ]; then src=$SECRET; else src=$WORK/outside; fi
        MOUNTS="{\"destination\":\"$at\",\"type\":\"bind\",\"source\":\"$src\",\"options\":[\"rbind\"]}" make_bundle target '["true"]'
        mkdir -p "$WORK/target/rootfs/deep"
        ln -sfn "$VICTIM" "$WORK/target/rootfs/link"
        ln -sfn "../../../../../../../../..$VICTIM" "$WORK/target/rootfs/deep/link"
        run_it target
        nowhere "CVE-2021-30465, CVE-2024-45310: a $kind mounted at $at"
        rm -rf "$WORK/target"
    done
done
# CVE-2024-23652: what a mount needed is never taken away again, least of all behind a link that came later.
fresh_victim
MOUNTS="{\"destination\":\"/made/file\",\"type\":\"bind\",\"source\":\"$SECRET\",\"options\":[\"bind\"]}" make_bundle stub '["true"]'
$OCI create --bundle "$WORK/stub" stub < /dev/null > /dev/null 2>&1
mv "$WORK/stub/rootfs/made" "$WORK/stub/rootfs/was"
ln -s "$VICTIM" "$WORK/stub/rootfs/made"
$OCI delete --force stub
nowhere "CVE-2024-23652: nothing of the host goes with a container"

# CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-54867: /proc or /sys of the image is a link, so that masks and labels go elsewhere.
for at in proc sys; do
    for to in /fake fake ../fake tmp; do
        LINUX='"maskedPaths":["/proc/keys"],"readonlyPaths":["/proc/sys"]' make_bundle ownproc '["sh","-c","echo ESCAPED"]'
        rm -rf "${WORK:?}/ownproc/rootfs/$at"
        mkdir -p "$WORK/ownproc/rootfs/fake"
        ln -s $to "$WORK/ownproc/rootfs/$at"
        run_it ownproc
        safe "CVE-2019-19921, CVE-2023-28642: /$at is a link to $to" "$OUT"
        rm -rf "$WORK/ownproc"
    done
done
# CVE-2019-16884: something else lies over /proc, directly or behind a link.
for at in /proc /x/../proc //proc/. /link /link/self /link/sys; do
    MOUNTS="{\"destination\":\"$at\",\"type\":\"bind\",\"source\":\"$WORK/outside\",\"options\":[\"rbind\"]}" make_bundle overproc '["sh","-c","echo ESCAPED"]'
    ln -sfn proc "$WORK/overproc/rootfs/link"
    run_it overproc
    safe "CVE-2019-16884: a volume at $at" "$OUT"
done

# CVE-2025-52565, CVE-2025-62161: what is masked is a link of the image, or lies behind one.
fresh_victim
LINUX='"maskedPaths":["/mask","/dir/mask"],"readonlyPaths":["/ro"]' make_bundle maskout '["echo","ran"]'
ln -s "$VICTIM/file" "$WORK/maskout/rootfs/mask"
ln -s "$VICTIM" "$WORK/maskout/rootfs/dir"
ln -s "$VICTIM/sub" "$WORK/maskout/rootfs/ro"
run_it maskout
nowhere "CVE-2025-62161: masked paths are links that lead out"
same "CVE-2025-62161: nothing of the host is covered" precious "$(cat "$VICTIM/file")"

# CVE-2022-24769, CVE-2022-29162, CVE-2022-27650, CVE-2025-27612: inheritable and ambient sets are empty unless asked for.
make_bundle caps '["sh","-c","grep -E CapInh /proc/self/status; grep -E CapAmb /proc/self/status; sleep 1000"]'
sed -i -e 's/"inheritable":\[\],"ambient":\[\]/"inheritable":[]/' "$WORK/caps/config.json"
begin caps
until_there grep -q CapAmb "$WORK/caps/out"
zeros() { case "$2" in *[1-9a-f]*) fail "$1" "$2" ;; *0000*) pass "$1" ;; *) fail "$1" "$2" ;; esac; }
zeros "CVE-2022-29162: first process" "$(sed 's/^Cap[A-Za-z]*://' "$WORK/caps/out")"
zeros "CVE-2022-29162, CVE-2025-27612: exec" "$($OCI exec caps grep -E 'CapInh|CapAmb' /proc/self/status | sed 's/^Cap[A-Za-z]*://')"
zeros "CVE-2022-29162, CVE-2025-27612: exec with a capability" "$($OCI exec --cap CAP_NET_RAW caps grep -E 'CapInh|CapAmb' /proc/self/status | sed 's/^Cap[A-Za-z]*://')"
# CVE-2026-30892 (crun), CVE-2024-40635: a user of an exec is the one that is said, or refused.
same "CVE-2026-30892: exec -u 1" 1 "$($OCI exec -u 1 caps id -u)"
for user in 4294967296 4294967295 -1 1:4294967296 '' ' 0' 0x0 1:; do
    out=$($OCI exec -u "$user" caps id -u 2>&1)
    if [ "$out" = 0 ]; then found=root; else found=refused; fi
    same "CVE-2024-40635: user '$user'" refused "$found"
done
# CVE-2026-57231 (podman): a variable without a value is not filled in from the runtime's environment, by name or by a pattern.
out=$(HOSTSECRET="the host's secret" $OCI exec -e HOSTSECRET -e 'HOST*' -e '*' caps env 2>&1)
safe "CVE-2026-57231: exec with a bare variable" "$out"
ENV='"HOSTSECRET","HOST*","*"' make_bundle bare '["sh","-c","env; cat /proc/self/environ"]'
OUT=$(HOSTSECRET="the host's secret" $OCI run --bundle "$WORK/bare" bare 2>&1 < /dev/null)
safe "CVE-2026-57231: a bare variable of the first process" "$OUT"
holds "CVE-2026-57231: it ran" "$OUT" PATH=
# CVE-2016-9962: nobody inside may look into a process that comes in. A process of the container reads descriptors of execs.
out=$($OCI exec caps sh -c 'for p in /proc/[0-9]*; do ls -l $p/fd 2> /dev/null; done' 7< "$WORK")
# The container's own output is a file below that directory.
same "CVE-2016-9962: descriptors of a process that comes in" 0 "$(echo "$out" | grep -c -- "-> $WORK\$")"
# CVE-2023-25809: a container without a cgroup namespace can't write to the host's cgroups through a read-only mount.
NS='{"type":"pid"},{"type":"mount"},{"type":"ipc"},{"type":"uts"}' \
    MOUNTS='{"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup","options":["ro"]}' \
    make_bundle cgwrite '["sh","-c","mkdir /sys/fs/cgroup/escaped && echo ESCAPED; mount -o remount,rw /sys/fs/cgroup && echo ESCAPED"]'
run_it cgwrite
safe "CVE-2023-25809: the host's cgroups" "$OUT"
same "CVE-2023-25809: no cgroup was made" no "$([ -e /sys/fs/cgroup/escaped ] && echo yes || echo no)"
# CVE-2022-0811: sysctls that lead elsewhere, by name or value.
for sysctl in '"net/../kernel/core_pattern":"ESCAPED"' '"net.ipv4.ip_forward":"1+kernel.core_pattern=ESCAPED"' '"net....kernel.core_pattern":"ESCAPED"' '"kernel/core_pattern":"ESCAPED"'; do
    LINUX="\"sysctl\":{$sysctl}" make_bundle sysctl '["true"]'
    run_it sysctl
    same "CVE-2022-0811: sysctl $sysctl" 0 "$(grep -c ESCAPED /proc/sys/kernel/core_pattern)"
done
# CVE-2025-47291's kin: a limit or a cgroup of somebody else, by a path in a name.
for what in '"unified":{"../../memory.max":"1"}' '"unified":{"/sys/fs/cgroup/cgroup.procs":"1"}' '"hugepageLimits":[{"pageSize":"../x","limit":1}]'; do
    RESOURCES=$what make_bundle foreign '["echo","ran"]'
    run_it foreign
    same "a limit in another cgroup is refused: $what" 1 "$CODE"
done
$OCI exec --cgroup ../.. caps true > /dev/null 2>&1
same "an exec in another cgroup is refused" yes "$([ $? != 0 ] && echo yes)"
$OCI delete --force caps

# A process with CAP_SYS_ADMIN takes its root away. Whoever enters its mount namespace then (setns goes to the topmost mount, as
# an exec does) must not come to the host's root. It holds once PID 1's root is not stacked on the initramfs.
CAPS="$DEFAULT_CAPS,\"CAP_SYS_ADMIN\",\"CAP_SYS_CHROOT\"" make_bundle walk '["sh","-c","umount -l / && echo gone; sleep 1000"]'
mkdir -p /etc/kutties-walk
cp "$SECRET" /etc/kutties-walk/value
begin walk
until_there grep -q . "$WORK/walk/out"
holds "umount and setns: the root is gone" "$(cat "$WORK/walk/out")" gone
OUT=$($OCI exec walk cat /etc/kutties-walk/value 2>&1)
safe "umount and setns: the host's root is not reached" "$OUT"
$OCI delete --force walk
rm -rf /etc/kutties-walk
finish
