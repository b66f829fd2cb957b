//! Nothing is lost and nothing is left: the server is killed at its steps, a monitor dies, there is much to do, there is no room.
//!
//! A machine of its own, without Kubernetes: `tests/survivor` in the guest does what a kubelet does.

use std::time::Duration;

use kit::{Context, Error, Result};
use lab::appliance::{Appliance, KILLABLE, SURVIVOR};
use lab::guest::Guest;
use lab::registry::{Packing, Registry};

use crate::case::{Case, Failure, Outcome, X86, ensure};
use crate::cri::{server, wait_served};
use crate::leaks::Holdings;
use crate::report::say;
use crate::rotation::Rotation;
use crate::world::{Kind, World};

/// The cases. One architecture says as much as two: what is tried is the order of steps, not code.
pub const CASES: &[Case] = &[
    Case { name: "killed-at-a-step-of-each-rpc", boards: X86, run: some_steps },
    Case { name: "a-dead-monitor-ends-its-pod-alone", boards: X86, run: monitor_dies },
    Case { name: "a-dead-zygote-is-replaced", boards: X86, run: zygote_dies },
    Case { name: "cycles-and-a-crowd-leave-nothing", boards: X86, run: some_load },
    Case { name: "no-room-is-named-and-clears", boards: X86, run: no_room },
];

/// Those of `make soak`.
pub const LONG_CASES: &[Case] = &[
    Case { name: "killed-at-every-step", boards: X86, run: all_steps },
    Case { name: "killed-at-any-moment", boards: X86, run: any_moment },
    Case { name: "a-thousand-cycles-and-a-hundred-pods-leave-nothing", boards: X86, run: much_load },
];

/// One kill: a pod's life and a server's start, under emulation on a busy machine.
const TRIAL: Duration = Duration::from_mins(8);
/// A pod's life in a crowd.
const LIFE: Duration = Duration::from_secs(30);
/// Timeout of everything that is being removed.
const CLEAN: Duration = Duration::from_mins(1);
/// Place of a copy of the shipped binary.
const KEPT: &str = "/run/kutties-kept";
/// Directory of the settings of the lab's registry on the node.
const HOSTS: &str = "/etc/containerd/certs.d";

fn survivor(guest: &Guest, words: &[&str], limit: Duration) -> Result<()> {
    let output = guest.exec_within(&[&[SURVIVOR], words].concat(), b"", limit)?;
    if output.ok() && output.stdout.ends_with("all is well\n") {
        return Ok(());
    }
    Err(Error::new(format!("{}: {}{}", words.join(" "), output.stdout, output.stderr.trim())))
}

/// A row of the server's own table.
type Row = (String, String);

fn some_steps(world: &mut World, board: &str) -> Outcome {
    let rotation = Rotation::read(&crate::repository())?;
    killed_at(world, board, |rows| {
        let (mut chosen, mut turns) = (Vec::<Row>::new(), 1);
        for (rpc, _) in &rows {
            if chosen.last().is_none_or(|(last, _)| last != rpc) {
                let steps: Vec<&Row> = rows.iter().filter(|(of, _)| of == rpc).collect();
                turns = turns.max(steps.len());
                chosen.extend(steps.get(rotation.turn(steps.len())).map(|row| Row::clone(row)));
            }
        }
        let names: Vec<String> = chosen.iter().map(|(rpc, step)| format!("{rpc}/{step}")).collect();
        say(&format!("survive/ {}: {}\n", rotation.told(turns), names.join(" ")));
        chosen
    })
}

fn all_steps(world: &mut World, board: &str) -> Outcome {
    killed_at(world, board, |rows| rows)
}

/// Kills at moments without a step: in the middle of a plugin, of the OCI runtime, of unpacking.
fn any_moment(world: &mut World, board: &str) -> Outcome {
    killed_at(world, board, |_| {
        let moments = |(rpc, last): &(&str, usize)| -> Vec<Row> {
            (0..=*last).step_by(*last / MOMENTS).map(|after| ((*rpc).to_owned(), format!("ms:{after}"))).collect()
        };
        WORK.iter().flat_map(moments).collect()
    })
}

/// The RPCs that have others work for them, and how long that may take under emulation, in milliseconds.
const WORK: [(&str, usize); 6] = [
    ("RunPodSandbox", 1500),
    ("StopPodSandbox", 1500),
    ("CreateContainer", 1000),
    ("StartContainer", 500),
    ("RemoveContainer", 1000),
    ("PullImage", 1000),
];
/// Number of moments of each that are tried.
const MOMENTS: usize = 20;

/// Kill the server at steps of its table; after each, all is as it was before.
fn killed_at(world: &mut World, board: &str, choose: impl FnOnce(Vec<Row>) -> Vec<Row>) -> Outcome {
    let registry = Registry::start(&world.lab)?;
    let archive = Appliance::open(board)?.dir().join("lab/probe.tar");
    registry.push(&archive, "survive", "1", Packing::Gzip)?;
    let plain = Registry::plain();
    let node = world.node(board, Kind::Lone)?.0;
    let guest = &node.vm.guest;
    guest.write(&format!("{HOSTS}/{plain}/hosts.toml"), format!("server = \"http://{plain}\"\n").as_bytes(), 0o644)?;
    // The shipped binary knows of no orders.
    let knows = |binary: &str| guest.sh(&format!("grep -c /kill-at {binary} || true"));
    let (shipped, killable) = (knows(kit::paths::BINARY)?, knows(KILLABLE)?);
    ensure(shipped == "0\n" && killable != "0\n", || format!("binaries with orders: {shipped}{killable}"))?;
    // All that is started from now on is the binary that can be killed. The shipped one has no name, and nothing can be mounted over it:
    // it makes way, and a copy is put back.
    let binary = kit::paths::BINARY;
    guest.sh(&format!(
        "cp {binary} {KEPT} && umount -l {binary}; {KEPT} mount --bind {KILLABLE} {binary} && systemctl restart cri"
    ))?;
    let tried = (|| {
        survivor(guest, &["configure"], TRIAL)?;
        survivor(guest, &["bystander"], TRIAL)?;
        let listed = guest.run(&["kutties", "cri", "--steps"])?;
        let rows = listed.lines().filter_map(|line| line.split_once(' '));
        let rows: Vec<Row> = rows.map(|(rpc, step)| (rpc.to_owned(), step.to_owned())).collect();
        ensure(rows.len() > 50, || format!("the table is {listed:?}"))?;
        let failures = try_all(guest, &choose(rows), &format!("{plain}/survive:1"))?;
        ensure(failures.is_empty(), || format!("{}\n{}", failures.join("\n"), node.service_log("cri")))
    })();
    guest.sh(&format!(
        "{SURVIVOR} disperse; {SURVIVOR} bystander-ends; umount -l {binary}; {KEPT} mount --bind {KEPT} {binary} && \
         systemctl restart cri"
    ))?;
    tried
}

/// Tries all rows and returns the failures.
fn try_all(guest: &Guest, rows: &[Row], pullable: &str) -> Result<Vec<String>> {
    let mut failures = Vec::new();
    let mut before = Holdings::settled(guest, CLEAN)?;
    for (rpc, step) in rows {
        // The supervisor is to forget how often the server died: its pauses would grow.
        guest.sh("systemctl start cri")?;
        let tried = survivor(guest, &["fail", rpc, step, pullable], TRIAL);
        let tried = tried.and_then(|()| before.wait_equal(guest, CLEAN));
        if let Err(e) = tried {
            say(&format!("    {rpc}/{step}: {e}\n"));
            failures.push(format!("{rpc}/{step}: {e}"));
            guest.sh(&format!("{SURVIVOR} disperse || true"))?;
            before = Holdings::settled(guest, CLEAN)?;
        }
    }
    Ok(failures)
}

fn monitor_dies(world: &mut World, board: &str) -> Outcome {
    let node = world.node(board, Kind::Lone)?.0;
    let guest = &node.vm.guest;
    survivor(guest, &["configure"], TRIAL)?;
    survivor(guest, &["bystander"], TRIAL)?;
    let before = Holdings::settled(guest, CLEAN)?;
    survivor(guest, &["monitor-dies"], TRIAL).map_err(|e| Error::new(format!("{e}\n{}", node.service_log("cri"))))?;
    before.wait_equal(guest, CLEAN)?;
    Ok(survivor(guest, &["bystander-ends"], TRIAL)?)
}

/// The zygote dies: the server notices and starts anew, and pods live on.
fn zygote_dies(world: &mut World, board: &str) -> Outcome {
    let node = world.node(board, Kind::Lone)?.0;
    let guest = &node.vm.guest;
    survivor(guest, &["configure"], TRIAL)?;
    survivor(guest, &["bystander"], TRIAL)?;
    let (before, begin) = (Holdings::settled(guest, CLEAN)?, server(guest)?);
    guest.sh("kill -9 $(cat /sys/fs/cgroup/kutties/monitors/cgroup.procs)")?;
    wait_served(guest, &begin)?;
    let said = node.service_log("cri");
    ensure(said.contains("the zygote, from which monitors come, has died"), || format!("the server said {said}"))?;
    survivor(guest, &["lives"], TRIAL)?;
    survivor(guest, &["pod"], TRIAL)?;
    before.wait_equal(guest, CLEAN)?;
    Ok(survivor(guest, &["bystander-ends"], TRIAL)?)
}

fn some_load(world: &mut World, board: &str) -> Outcome {
    load(world, board, 50, &[20])
}

fn much_load(world: &mut World, board: &str) -> Outcome {
    load(world, board, 1000, &[50, 100])
}

/// Make and remove pods, then have crowds of them at once; tell what memory the server and the monitors take.
fn load(world: &mut World, board: &str, cycles: u32, crowds: &[u32]) -> Outcome {
    let node = world.node(board, Kind::Lone)?.0;
    let guest = &node.vm.guest;
    let told = |e: Error| Error::new(format!("{e}\n{}", node.service_log("cri")));
    survivor(guest, &["configure"], TRIAL)?;
    // The first pod makes what stays: the bridge, the table of the packet filter.
    survivor(guest, &["cycles", "1"], TRIAL)?;
    let begin = server(guest)?;
    let (before, fresh) = (Holdings::settled(guest, CLEAN)?, pss(guest, &begin)?);
    let own = rollup(guest, &begin, "Anonymous")?;
    survivor(guest, &["cycles", &cycles.to_string()], LIFE * cycles).map_err(told)?;
    before.wait_equal(guest, CLEAN)?;
    let grown = rollup(guest, &begin, "Anonymous")?.saturating_sub(own);
    say(&format!("    cri: {fresh} KiB PSS, which {cycles} pods let grow by {grown} KiB\n"));
    ensure(fresh <= IDLE, || format!("the idle server takes {fresh} KiB, more than {IDLE}"))?;
    // It learns the size of a crowd once; it does not grow with each pod that was ever there.
    ensure(grown < GROWTH, || {
        let huge = rollup(guest, &begin, "AnonHugePages").unwrap_or_default();
        format!("{cycles} pods that are gone have left {grown} KiB in the server; {huge} KiB of it are huge pages")
    })?;
    let mut from = 0;
    for to in crowds {
        survivor(guest, &["crowd", &from.to_string(), &to.to_string()], LIFE * (to - from)).map_err(told)?;
        weigh_crowd(guest, &begin, u64::from(*to))?;
        from = *to;
    }
    survivor(guest, &["disperse"], LIFE * from).map_err(told)?;
    before.wait_equal(guest, CLEAN)?;
    let (left, own) = (pss(guest, &begin)?, rollup(guest, &begin, "Anonymous")?);
    say(&format!("    cri: {left} KiB PSS when all are gone, {own} KiB of it its own\n"));
    // Pages of the program that it shares with others count for it alone as soon as these have ended.
    ensure(own <= OWN, || format!("the server has {own} KiB of its own after a crowd, more than {OWN}"))?;
    ensure(server(guest)? == begin, || format!("the server was started anew\n{}", node.service_log("cri")))
}

/// Tell what memory it takes to hold so many pods.
fn weigh_crowd(guest: &Guest, server: &str, pods: u64) -> Outcome {
    let (cri, (processes, all)) = (pss(guest, server)?, monitors(guest)?);
    let each = all / pods;
    say(&format!("    {pods} pods: cri {cri} KiB PSS, monitors {each} KiB a pod ({processes} processes)\n"));
    ensure(each <= MONITOR, || format!("a pod's monitor takes {each} KiB, more than {MONITOR}"))?;
    ensure(pods > MANY || cri <= BUSY, || format!("the server takes {cri} KiB with {pods} pods, more than {BUSY}"))
}

/// Limit of the growth of buffers and the allocator at the first sight of work, in KiB.
const GROWTH: u64 = 1024;
/// Limit of the server without pods, in KiB.
const IDLE: u64 = 10 << 10;
/// The most that the server may have for itself when a crowd has gone, in KiB.
const OWN: u64 = 4 * 1024;
/// Limit of the server with as many pods as [`MANY`], in KiB.
const BUSY: u64 = 14 << 10;
/// So many pods are what a small node has.
const MANY: u64 = 50;
/// Limit of a pod beside its own processes, in KiB.
const MONITOR: u64 = 1 << 10;

/// Memory of a process, shared pages by their part, in KiB.
fn pss(guest: &Guest, pid: &str) -> Result<u64> {
    rollup(guest, pid, "Pss")
}

/// A kind of memory of a process, in KiB.
fn rollup(guest: &Guest, pid: &str, kind: &str) -> Result<u64> {
    let text = guest.read(&format!("/proc/{}/smaps_rollup", pid.trim()))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':')).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().doing(format!("understand {text:?}"))
}

/// The number of the monitors' processes, the zygote among them, and their memory in KiB. Containers' processes are deeper.
fn monitors(guest: &Guest) -> Result<(usize, u64)> {
    let pids = guest.sh(
        "find /sys/fs/cgroup/kutties/monitors /sys/fs/cgroup/kutties/pods -mindepth 1 -maxdepth 2 -name cgroup.procs -exec cat {} +",
    )?;
    let sizes = pids.lines().map(|pid| pss(guest, pid)).collect::<Result<Vec<_>>>()?;
    Ok((sizes.len(), sizes.iter().sum()))
}

/// Fill /run, then /var, to the brim: what can't be done is refused with the reason, what runs goes on, and all is well when there is room.
fn no_room(world: &mut World, board: &str) -> Outcome {
    let node = world.node(board, Kind::Lone)?.0;
    let guest = &node.vm.guest;
    survivor(guest, &["configure"], TRIAL)?;
    survivor(guest, &["bystander"], TRIAL)?;
    let before = Holdings::settled(guest, CLEAN)?;
    for place in ["/run", "/var"] {
        let tried = filled(guest, place);
        guest.sh(&format!("rm -f {place}/fill; mount -o remount,size=512m {place}"))?;
        tried.map_err(|e| match e {
            Failure::Failed(why) => Failure::Failed(format!("{place}: {why}\n{}", node.service_log("cri"))),
            skipped @ Failure::Skipped(_) => skipped,
        })?;
        survivor(guest, &["pod"], TRIAL)?;
        before.wait_equal(guest, CLEAN)?;
    }
    // The log of a container lacks what came while there was no room, and goes on with whole lines.
    survivor(guest, &["resumed"], TRIAL)?;
    Ok(survivor(guest, &["bystander-ends"], TRIAL)?)
}

fn filled(guest: &Guest, place: &str) -> Outcome {
    // A block after the other, then bytes: the last page goes, too.
    guest.sh(&format!(
        "mount -o remount,size=64m {place} && for size in 1048576 4096; do dd if=/dev/zero bs=$size 2>/dev/null >>{place}/fill; done; \
         [ $(df -k {place} | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4) = 0 ]"
    ))?;
    let said = match survivor(guest, &["pod"], TRIAL) {
        Ok(()) => return Err(Failure::Failed("a pod was made where there was no room".into())),
        Err(e) => e.to_string(),
    };
    ensure(said.contains(&format!("{place} is full")), || format!("the failure is told as {said}"))?;
    // Running pods do not mind, and all that was there can be asked for.
    survivor(guest, &["lives"], TRIAL)?;
    ensure(!server(guest)?.is_empty(), || "the server is gone".into())
}
