//! Pods that want all of the node: others do not notice.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};
use lab::control_plane::ControlPlane;
use lab::until;

use crate::case::{Outcome, ensure};
use crate::kube::field;
use crate::pods::{Seen, clear, finish, manifest, start};
use crate::report::say;
use crate::world::{Node, POD, World};

/// A flood that would fill the node's /var, in the quarter of a minute before the kubelet looks.
const FLOODED: &str = "restartPolicy: Never
containers:
- {name: flood, image: IMAGE, args: [flood, '24'], resources: {limits: {memory: 32Mi}}}
";
/// The log's quota: four times what the kubelet's configuration says, which is its default.
const QUOTA: u64 = 40 << 20;

/// The log of a container that prints too much ends at its quota and says so; the pod, whose memory limit is below that, lives.
pub fn log(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "flooded", FLOODED)?;
    let uid = field(plane, "pod/flooded", "{.metadata.uid}")?;
    let limit = node.vm.guest.sh(&format!("cat /sys/fs/cgroup/kutties/pods/{}/memory.max", uid.trim()))?;
    ensure(limit.trim() == (QUOTA + (16 << 20)).to_string(), || format!("the monitor's limit is {limit}"))?;
    let logs = format!("/var/log/pods/default_flooded_{}/flood", uid.trim());
    // Two lines of eight bytes each take a hundred in the log.
    node.vm.guest.sh_until(&format!("grep -qE 'that was all|lines dropped' {logs}/*"), POD)?;
    let size: u64 = node.vm.guest.sh(&format!("du -sk {logs} | cut -f 1"))?.trim().parse().doing("read the log's size")?;
    ensure(size << 10 <= QUOTA + (4 << 20), || format!("the log takes {size} KiB"))?;
    let told = node.vm.guest.sh(&format!("grep -h 'lines dropped: the log is at its quota' {logs}/*"))?;
    ensure(told.lines().count() >= 1, || format!("it tells {told:?}"))?;
    let state = field(plane, "pod/flooded", "{.status.phase} {.status.containerStatuses[0].restartCount}")?;
    ensure(state == "Running 0", || format!("the pod is {state}"))?;
    clear(plane, &["flooded"])?;
    let left = node.vm.guest.sh(&format!("ls -d /sys/fs/cgroup/kutties/pods/{} 2>/dev/null || true", uid.trim()))?;
    ensure(left.is_empty(), || format!("{left} stays"))
}

const FULL: &str = "containers:
- {name: full, image: IMAGE, args: [fill, /]}
";

/// A container's files below its root end at its own limit; the node's /var does not.
pub fn root(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let blocks = "df -k /var | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2,4";
    let before = node.vm.guest.sh(blocks)?;
    let whole: u64 = before.split(' ').next().unwrap_or_default().parse().doing("read the size of /var")?;
    finish(plane, node, "full", FULL)?;
    let seen = Seen::of(plane, "full", "full")?;
    seen.is("no room", "true")?;
    let filled: u64 = seen.value("filled").unwrap_or_default().parse().doing("read what was filled")?;
    ensure((whole >> 12) <= filled + 2 && filled <= whole >> 12, || format!("{filled} MiB of {whole} KiB were filled"))?;
    let after = node.vm.guest.sh(blocks)?;
    let free = |of: &str| of.trim().rsplit(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default();
    ensure(free(&after) + (8 << 10) > free(&before), || format!("/var was {before} and is {after}"))?;
    clear(plane, &["full"])
}

/// A hostile pod that is to live as long as it likes; `PLACE` is where it writes.
fn hostile(name: &str, args: &str, place: &str) -> (String, String) {
    let args = args.replace("PLACE", place);
    let spec = format!(
        "volumes: [{{name: v, emptyDir: {{}}}}]\ncontainers:\n- name: hostile\n  image: IMAGE\n  args: [{args}]\n  \
         resources: {{limits: {{memory: 32Mi}}, requests: {{cpu: 10m}}}}\n  volumeMounts: [{{name: v, mountPath: /v}}]\n"
    );
    (name.to_owned(), spec)
}

const ATTACKS: [(&str, &str); 5] = [
    ("flood", "flood, '0'"),
    ("nest", "nest, PLACE, '2000'"),
    ("storm", "storm"),
    ("inodes", "inodes, PLACE"),
    ("hog", "hog, PLACE"),
];

const INNOCENT: &str = "containers:
- name: innocent
  image: IMAGE
  args: [serve, '8080']
  ports: [{containerPort: 8080, hostPort: 18081}]
  resources: {requests: {cpu: 200m, memory: 16Mi}}
  readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
";

pub fn minute(world: &mut World, board: &str) -> Outcome {
    besieged(world, board, Duration::from_secs(20))
}

pub fn ten_minutes(world: &mut World, board: &str) -> Outcome {
    besieged(world, board, Duration::from_mins(5))
}

/// All attacks at once, in the containers' own roots and then in volumes, each for that long.
fn besieged(world: &mut World, board: &str, each: Duration) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "innocent", INNOCENT)?;
    let (mut usual, before) = (Answers::default(), services(node)?);
    (0..SAMPLES).try_for_each(|_| usual.ask(node))?;
    let identity = "{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount} {.status.phase}";
    let innocent = field(plane, "pod/innocent", identity)?;
    for place in ["/", "/v"] {
        let pods: Vec<_> = ATTACKS.iter().map(|(name, args)| hostile(name, args, place)).collect();
        for (name, spec) in &pods {
            plane.apply(&manifest(name, node, spec))?;
        }
        running(plane)?;
        let due = Instant::now() + each;
        let mut besieged = Answers::default();
        while Instant::now() < due {
            besieged.ask(node)?;
        }
        say(&format!("    in {place}: usual {usual}, besieged {besieged}\n"));
        ensure(besieged.within(&usual), || format!("in {place}: usual {usual}, besieged {besieged}"))?;
        let now = field(plane, "pod/innocent", identity)?;
        ensure(now == innocent, || format!("the innocent pod was {innocent} and is {now}"))?;
        let after = services(node)?;
        ensure(after == before, || format!("the services were {before} and are {after}\n{}", node.service_log("cri")))?;
        clear(plane, &ATTACKS.map(|(name, _)| name))?;
    }
    clear(plane, &["innocent"])
}

/// Wait until each hostile pod was started at least once.
fn running(plane: &ControlPlane) -> Result<()> {
    for (name, _) in ATTACKS {
        let path =
            "{.status.containerStatuses[0].state.running.startedAt}{.status.containerStatuses[0].lastState.terminated.startedAt}";
        until(POD, || match field(plane, &format!("pod/{name}"), path)? {
            started if started.is_empty() => Err(Error::new(format!("{name} was not started"))),
            _ => Ok(()),
        })?;
    }
    Ok(())
}

/// Services' processes by their first one, which is another one after a restart.
fn services(node: &Node) -> Result<String> {
    node.vm.guest.sh("for s in cri kubelet; do sort -n /sys/fs/cgroup/kutties/services/$s/cgroup.procs | head -n 1; done")
}

/// Answers' times, in the order in which they were asked for.
#[derive(Debug, Default)]
struct Answers {
    pod: Vec<Duration>,
    /// A process that asks the runtime, and one that asks nobody: the difference is the runtime's part. Beginning a process takes its
    /// share of a busy processor, which says nothing about a service.
    runtime: Vec<Duration>,
    nobody: Vec<Duration>,
}

impl std::fmt::Display for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pod {} ms, runtime {} ms", self.of_pod().as_millis(), self.of_runtime().as_millis())
    }
}

/// Answers that are quicker are measured as this: an emulated processor's own hiccups.
const NOISE: Duration = Duration::from_millis(100);
/// Answers that are usual.
const SAMPLES: usize = 9;

impl Answers {
    /// Ask once more.
    fn ask(&mut self, node: &Node) -> Result<()> {
        let guest = &node.vm.guest;
        self.pod.push(time(|| ask((node.seat.address, 18081)))?);
        self.runtime.push(time(|| guest.sh("crictl pods >/dev/null").map(drop))?);
        self.nobody.push(time(|| guest.sh("kutties --list >/dev/null").map(drop))?);
        Ok(())
    }

    fn of_pod(&self) -> Duration {
        median(&self.pod)
    }

    fn of_runtime(&self) -> Duration {
        median(&self.runtime).saturating_sub(median(&self.nobody))
    }

    fn within(&self, usual: &Self) -> bool {
        self.of_pod() <= usual.of_pod().max(NOISE) * 2 && self.of_runtime() <= usual.of_runtime().max(NOISE) * 2
    }
}

fn time(ask: impl Fn() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    ask().map(|()| begun.elapsed())
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn ask(address: (Ipv4Addr, u16)) -> Result<()> {
    let mut socket = TcpStream::connect(address).doing("connect to the innocent pod")?;
    socket.write_all(b"GET / HTTP/1.0\r\n\r\n").doing("ask the innocent pod")?;
    let mut said = String::new();
    socket.read_to_string(&mut said).doing("hear from the innocent pod")?;
    if said.ends_with("innocent") { Ok(()) } else { Err(Error::new(format!("the innocent pod answers {said:?}"))) }
}
