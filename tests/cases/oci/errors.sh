#!/bin/sh
# What is wrong with a bundle or a command line is said in a sentence, and nothing is left behind.
. "$(dirname "$0")/bundle.sh"

# refuses NAME WORDS [SED]: the bundle, changed by a sed script, is refused with these words
refuses() {
    make_bundle bad '["true"]'
    [ -z "$3" ] || sed -i "$3" "$WORK/bad/config.json"
    run_it bad
    same "$1 fails" 1 "$CODE"
    holds "$1 is said" "$OUT" "$2"
}

mkdir -p "$WORK/empty"
holds "no config.json" "$($OCI create --bundle "$WORK/empty" e 2>&1)" "read $WORK/empty/config.json: no such file or directory"
holds "no bundle" "$($OCI create --bundle "$WORK/none" e 2>&1)" "find bundle $WORK/none: no such file or directory"
echo '{"ociVersion": "1.0.2",' > "$WORK/empty/config.json"
holds "broken JSON" "$($OCI create --bundle "$WORK/empty" e 2>&1)" "EOF while parsing"
refuses "another version" 'ociVersion "0.9.0" is not supported' 's/"1.0.2"/"0.9.0"/'
refuses "a missing root directory" "bad/elsewhere: no such file or directory" 's/"path":"rootfs"/"path":"elsewhere"/'
refuses "no root" "no root" 's/"root":/"toor":/'
refuses "a relative directory" 'process.cwd "tmp" is not an absolute path' 's|"cwd":"/"|"cwd":"tmp"|'
refuses "a relative mount" 'mounts[0].destination "proc" is not an absolute path' 's|"destination":"/proc"|"destination":"proc"|'
refuses "an unknown namespace" 'linux.namespaces: there is no type "moon"' 's/"type":"ipc"/"type":"moon"/'
refuses "a namespace twice" 'linux.namespaces: pid is there twice' 's/"type":"ipc"/"type":"pid"/'
refuses "a namespace that is not there" 'find the ipc namespace /proc/0/ns/ipc: no such file or directory' 's|"type":"ipc"|"type":"ipc","path":"/proc/0/ns/ipc"|'
make_bundle odd '["echo","ran"]'
sed -i 's/"CAP_CHOWN"/"CAP_OOPS"/g' "$WORK/odd/config.json"
run_it odd
same "an unknown capability does not keep a container from running" 0 "$CODE"
holds "and is told" "$OUT" "CAP_OOPS"
OUT=$($OCI --log "$WORK/odd.log" run --bundle "$WORK/odd" odd 2>&1 < /dev/null)
same "in the log where there is one" ran "$OUT"
holds "as a warning" "$(cat "$WORK/odd.log")" "level=warning"
refuses "no arguments" 'process.args must not be empty' 's/"args":\["true"\]/"args":[]/'
refuses "a word for a number" "config.json is not of the specification's form: invalid type" 's/"uid":0/"uid":"root"/'
refuses "a mount inside /proc" 'mounts[4].destination "/proc/self/attr" is inside of /proc' 's|"destination":"/sys"|"destination":"/proc/self/attr"|'
refuses "something else at /proc" 'mounts[0]: /proc is not of type proc' 's/"type":"proc","source":"proc"/"type":"tmpfs","source":"tmpfs"/'
refuses "an unknown mount type" "nosuchfs" 's/"type":"sysfs"/"type":"nosuchfs"/'
LINUX='"mountLabel":"system_u:object_r:x:s0"' refuses "a label of files without SELinux" "SELinux"
PROCESS='"selinuxLabel":"system_u:system_r:x:s0"' refuses "a label of the process without SELinux" "SELinux"
TOP='"hooks":{"poststop":[{"path":"true"}]}' refuses "a hook by a relative path" 'hooks.poststop[0].path "true" is not an absolute path'
RESOURCES='"unified":{"../x":"1"}' refuses "a limit in another cgroup" "is not a file's name"
LINUX='"sysctl":{"kernel.panic":"1"}' refuses "the host's sysctl" "kernel.panic"
holds "a bad name" "$($OCI create --bundle "$WORK/bad" a/b 2>&1)" "invalid container ID format"
same "nothing is left" "" "$($OCI list -q)"
same "no cgroup is left" no "$([ -e /sys/fs/cgroup/oci-cases/bad ] && echo yes || echo no)"

# What is not implemented is an error, never ignored.
for words in "create --pidfd-socket x e" "run --no-subreaper e" "exec --process-label x e true" "update --l3-cache-schema x e" \
    "spec --rootless" "--rootless=true list" "ps e -ef" "--criu x list"; do
    # shellcheck disable=SC2086
    out=$($OCI $words 2>&1)
    same "$words fails" 1 $?
    case "$out" in *"unexpected argument"* | *"invalid value"*) pass "$words is said" ;; *) fail "$words" "$out" ;; esac
done
$OCI > /dev/null 2>&1
same "no verb" 1 $?
$OCI no-such-verb > /dev/null 2>&1
same "an unknown verb" 1 $?
holds "checkpoint" "$($OCI checkpoint --image-path /tmp/x --leave-running e 2>&1)" "no CRIU here"
holds "restore" "$($OCI restore --bundle /tmp/x --detach e 2>&1)" "no CRIU here"
same "version" 3 "$($OCI --version | wc -l | tr -d ' ')"

# events: runc's JSON, once or until the container ends; a kill for want of memory is told.
RESOURCES='"memory":{"limit":33554432,"swap":33554432}' \
    make_bundle ev '["sh","-c","until test -e /go; do sleep 0.1; done; dd if=/dev/zero of=/dev/null bs=200M count=1; until test -e /end; do sleep 0.1; done"]'
begin ev
stats=$($OCI events --stats ev)
holds "events --stats" "$stats" '"type":"stats"'
holds "its name" "$stats" '"id":"ev"'
holds "its limit" "$stats" '"limit":33554432'
same "its processor time" 1 "$(echo "$stats" | grep -c '"usage":{"kernel":[0-9]*,"total":[1-9]')"
holds "a bad interval" "$($OCI events --interval 0s ev 2>&1)" "greater than 0"
$OCI events --interval 300ms ev > "$WORK/events" 2>&1 &
until_there grep -q stats "$WORK/events"
same "events come by and by" 0 $?
touch "$WORK/ev/rootfs/go"
until_there grep -q '"type":"oom"' "$WORK/events"
same "a kill for want of memory is told" 0 $?
touch "$WORK/ev/rootfs/end"
wait
same "events end with the container" stopped "$($OCI state ev | grep -o stopped)"
holds "no events of a stopped one" "$($OCI events --stats ev 2>&1)" "is not running"
$OCI delete ev
holds "ps" "$($OCI ps ev 2>&1)" "does not exist"
finish
