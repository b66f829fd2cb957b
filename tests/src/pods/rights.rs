//! Rights of a container's process: its user, its capabilities, and the name of its pod.

use crate::case::{Outcome, ensure};
use crate::kube::field;
use crate::pods::{Seen, clear, finish};
use crate::world::World;

/// The bits of capabilities, see capabilities(7): NET_ADMIN is number 12, NET_BIND_SERVICE 10.
const NET_ADMIN: &str = "0000000000001000";
/// Capabilities of a container that sets none.
const DEFAULT: &str = "00000000a80425fb";

const USERS: &str = "securityContext: {runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000]}
containers:
- name: merge
  image: IMAGE
  args: [show]
  securityContext: {seccompProfile: {type: RuntimeDefault}}
- name: root
  image: IMAGE
  args: [show]
  workingDir: /tmp
  env: [{name: A, value: 'b c'}, {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
  securityContext:
    runAsUser: 0
    runAsGroup: 0
    allowPrivilegeEscalation: false
    capabilities: {drop: [ALL], add: [NET_ADMIN]}
- name: privileged
  image: IMAGE
  args: [show]
  securityContext: {runAsUser: 0, privileged: true}
";
const STRICT: &str = "securityContext: {runAsUser: 1000, supplementalGroups: [4000], supplementalGroupsPolicy: Strict}
containers:
- {name: strict, image: IMAGE, args: [show]}
";

pub fn identity(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    finish(plane, node, "users", USERS)?;
    finish(plane, node, "strict", STRICT)?;
    let merge = Seen::of(plane, "users", "merge")?;
    merge.is("Uid", "1000 1000 1000 1000")?;
    merge.is("Gid", "3000 3000 3000 3000")?;
    merge.is("Groups", "2000 3000 4000 5000")?;
    // Another user than root has none, but may get back what is in the bounding set.
    merge.is("CapEff", "0000000000000000")?;
    merge.is("CapBnd", DEFAULT)?;
    merge.is("NoNewPrivs", "0")?;
    merge.is("Seccomp", "2")?;
    Seen::of(plane, "strict", "strict")?.is("Groups", "1000 4000")?;
    let root = Seen::of(plane, "users", "root")?;
    for set in ["CapEff", "CapPrm", "CapBnd"] {
        root.is(set, NET_ADMIN)?;
    }
    for set in ["CapInh", "CapAmb"] {
        root.is(set, "0000000000000000")?;
    }
    root.is("NoNewPrivs", "1")?;
    root.is("Seccomp", "0")?;
    root.is("pid", "1")?;
    root.is("cwd", "/tmp")?;
    root.is("env A", "b c")?;
    root.is("env POD", "users")?;
    root.is("env HOSTNAME", "users")?;
    let privileged = Seen::of(plane, "users", "privileged")?;
    let all = u64::from_str_radix(privileged.value("CapEff").unwrap_or_default(), 16).unwrap_or_default();
    ensure(all.count_ones() > 37, || format!("a privileged container has {all:x}"))?;
    let told = field(plane, "pod/users", "{.status.containerStatuses[?(@.name=='merge')].user.linux}")?;
    ensure(told.contains("\"uid\":1000") && told.contains("5000"), || format!("the status tells of user {told}"))?;
    clear(plane, &["users", "strict"])
}

const NAMES: &str = "hostname: a-name
subdomain: sub
hostAliases: [{ip: 192.0.2.7, hostnames: [other.example]}]
dnsPolicy: None
dnsConfig: {nameservers: [192.0.2.53], searches: [one.example, two.example], options: [{name: ndots, value: '3'}]}
securityContext:
  sysctls: [{name: net.ipv4.ip_local_port_range, value: '40000 40100'}, {name: kernel.shm_rmid_forced, value: '1'}]
containers:
- name: names
  image: IMAGE
  args:
  - show
  - /etc/hosts
  - /etc/hostname
  - /etc/resolv.conf
  - /proc/sys/net/ipv4/ip_local_port_range
  - /proc/sys/kernel/shm_rmid_forced
  - /proc/sys/net/ipv4/ip_unprivileged_port_start
";

pub fn names(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    finish(plane, node, "names", NAMES)?;
    let seen = Seen::of(plane, "names", "names")?;
    seen.is("host name", "a-name")?;
    for line in [
        "/etc/hostname| a-name",
        "/etc/hosts| 192.0.2.7\tother.example",
        "/etc/resolv.conf| nameserver 192.0.2.53",
        "/etc/resolv.conf| search one.example two.example",
        "/etc/resolv.conf| options ndots:3",
        "/proc/sys/net/ipv4/ip_local_port_range| 40000\t40100",
        "/proc/sys/kernel/shm_rmid_forced| 1",
        "/proc/sys/net/ipv4/ip_unprivileged_port_start| 0",
    ] {
        seen.says(line)?;
    }
    clear(plane, &["names"])
}
