# Keeps the score of the cases beside it. Sourced, never run. Needs /debian: a Debian userland with our runtime in it.
FAILED=0
OCI=/usr/local/bin/oci
IMAGE=kutties.test/busybox:1

# pass NAME, fail NAME WHY
pass() { echo "PASS $1"; }
fail() { echo "FAIL $1: $2"; FAILED=1; }

# same NAME EXPECTED FOUND
same() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "expected '$2', found '$3'"; fi; }

# holds NAME TEXT PART: the part is in the text
holds() { case "$2" in *"$3"*) pass "$1" ;; *) fail "$1" "'$3' is not in '$2'" ;; esac; }

# until_there COMMAND...: wait for it to be true, at most about a minute
until_there() {
    tries=0
    until "$@" > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || return 1
        sleep 0.2
    done
}

# debian PROGRAM ARGS...: one of Debian's programs
debian() { nsenter -t "$(cat /debian/run/holder)" -m -- "$@"; }

finish() { [ $FAILED = 0 ]; }
