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

# CVE-2024-21626: a descriptor of the runtime, or of its caller, leads out: as working folder and as path of the program.
UP=../../../../../../..
for n in 3 5 6 7 8 9; do
    CWD=/proc/self/fd/$n make_bundle "fd$n" "[\"sh\",\"-c\",\"cat $UP/$SECRET; cat /proc/self/cwd/$UP/$SECRET; ls /proc/self/fd/\"]"
    OUT=$($OCI run --bundle "$WORK/fd$n" "fd$n" 7< "$WORK" 2>&1 < /dev/null)
    safe "CVE-2024-21626: working folder is descriptor $n" "$OUT"
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

# CVE-2025-52881: what the runtime writes to /proc goes to files of the image, or to other files of /proc.
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
finish
