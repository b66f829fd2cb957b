//! `--part verbs`: a container's create, start and delete by `oci`, by runc 1.4 and by Debian's crun, by turns in one machine.
//!
//! Each verb is a process. The configuration is runc's default one with a seccomp filter of the usual size and containerd's device
//! rules; all three get the same. What they run in is the Debian userland that the tests of callers use.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use firmware::{apt::Suite, binary, bundle, place, tools};
use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::vm::Vm;
use serde_json::{Value, json};

use crate::figures::median;
use crate::told;

/// The most that ours may take of what the faster of the others takes.
const TARGET: f64 = 0.35;
/// The runtimes: name, path in the userland. The first is ours.
const RUNTIMES: [(&str, &str); 3] =
    [("oci", "/usr/local/bin/oci"), ("runc 1.4", "/usr/local/bin/runc"), ("crun", "/usr/bin/crun")];
/// The verbs, as the timer tells them.
const VERBS: [&str; 3] = ["create", "start", "delete"];
/// A boot under emulation, on a busy machine.
const BOOT: Duration = Duration::from_mins(3);
/// A round takes two seconds under emulation, more on a busy machine.
const LIMIT: Duration = Duration::from_mins(20);
const BUNDLE: &str = "/tmp/bundle";

/// All that needs the internet.
pub fn build(appliance: &Appliance) -> Result<()> {
    lab::debian::disk()?;
    let tools = tools::ensure(&appliance.board).map_err(told)?;
    binary::package("agent", appliance.board.arch, &tools).map_err(told)?;
    runc(appliance).map(drop)
}

/// Boot, measure, print and write.
pub fn run(appliance: &Appliance, rounds: usize, to: &Path) -> Result<()> {
    let dir = Path::new("/run/lab/verbs");
    let mut spec = appliance.test_spec(dir);
    let kube = appliance.kube_node();
    spec.segments.retain(|segment| *segment != kube);
    spec.disks.push(lab::debian::disk()?);
    spec.memory = 1024;
    let mut vm = Vm::boot(&spec)?;
    vm.wait_agent(BOOT)?;
    settle(&vm, appliance)?;
    let rounds = rounds.to_string();
    let mut argv = vec!["chroot", "/debian", "/usr/local/bin/verb-timer", BUNDLE, &rounds];
    argv.extend(RUNTIMES.iter().map(|(_, path)| *path));
    let output = vm.guest.exec_within(&argv, b"", LIMIT)?;
    if !output.ok() {
        return Err(Error::new(format!("verb-timer ended with {}: {}{}", output.code, output.stdout, output.stderr)));
    }
    report(&times(&output.stdout)?, to)
}

fn runc(appliance: &Appliance) -> Result<std::path::PathBuf> {
    let out = place::out(&format!("{}/bundle/runc", appliance.board.name)).map_err(told)?;
    bundle::build("runc", appliance.board.arch.name(), &out).map_err(told)?;
    Ok(out.join("runc"))
}

/// The userland, the programs and the bundle.
fn settle(vm: &Vm, appliance: &Appliance) -> Result<()> {
    let guest = &vm.guest;
    guest.sh(lab::debian::SETUP)?;
    let tools = tools::ensure(&appliance.board).map_err(told)?;
    let timer = binary::package("agent", appliance.board.arch, &tools).map_err(told)?.with_file_name("verb-timer");
    let suite = Suite::new("trixie", appliance.board.arch.debian()).map_err(told)?;
    let busybox = suite.fetch("busybox-static", "", false).and_then(|package| suite.unpack(&package)).map_err(told)?;
    for (to, from) in [
        ("/debian/usr/local/bin/verb-timer".to_owned(), timer),
        ("/debian/usr/local/bin/runc".to_owned(), runc(appliance)?),
        (format!("/debian{BUNDLE}/rootfs/bin/sh"), busybox.join("usr/bin/busybox")),
    ] {
        guest.write(&to, &fs::read(&from).on("read", &from)?, 0o755)?;
    }
    let spec = guest.sh(&format!("cd /debian{BUNDLE} && mkdir -p rootfs/dev rootfs/proc rootfs/sys && chroot /debian /usr/local/bin/runc spec --bundle {BUNDLE} && cat config.json"))?;
    let spec: Value = serde_json::from_str(&spec).doing("read runc's default configuration")?;
    guest.write(&format!("/debian{BUNDLE}/config.json"), configuration(spec).to_string().as_bytes(), 0o644)
}

/// runc's default with a program that ends by itself, device rules and a filter.
fn configuration(mut spec: Value) -> Value {
    spec["process"]["terminal"] = json!(false);
    spec["process"]["args"] = json!(["/bin/sh", "-c", "exit 0"]);
    spec["linux"]["cgroupsPath"] = json!("/bench/verbs");
    let allow =
        |major: u32, minor: Option<u32>| json!({"allow": true, "type": "c", "major": major, "minor": minor, "access": "rwm"});
    let mut rules = vec![json!({"allow": false, "access": "rwm"})];
    rules
        .extend([(1, 3), (1, 8), (1, 7), (5, 0), (1, 5), (1, 9), (5, 1), (5, 2)].map(|(major, minor)| allow(major, Some(minor))));
    rules.push(allow(136, None));
    spec["linux"]["resources"] =
        json!({"devices": rules, "memory": {"limit": 268_435_456}, "cpu": {"shares": 512}, "pids": {"limit": 100}});
    spec["linux"]["seccomp"] = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [
            {"names": include_str!("../verbs-calls.txt").split_whitespace().collect::<Vec<_>>(), "action": "SCMP_ACT_ALLOW"},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2_114_060_288_u64, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        ],
    });
    spec
}

/// Milliseconds of each verb, by runtime's path, round by round.
fn times(said: &str) -> Result<BTreeMap<String, Vec<[f64; 3]>>> {
    let mut all: BTreeMap<String, Vec<[f64; 3]>> = BTreeMap::new();
    for line in said.lines() {
        let odd = || Error::new(format!("verb-timer said {line:?}"));
        let mut words = line.split(' ');
        let path = words.next().ok_or_else(odd)?;
        let mut next = || words.next().and_then(|word| word.parse::<f64>().ok()).map(|micros| micros / 1000.0).ok_or_else(odd);
        all.entry(path.to_owned()).or_default().push([next()?, next()?, next()?]);
    }
    Ok(all)
}

/// The median of each verb and of their sum.
fn medians(rounds: &[[f64; 3]]) -> [f64; 4] {
    let of = |at: usize| median(rounds.iter().map(|round| round[at]).collect());
    [of(0), of(1), of(2), median(rounds.iter().map(|round| round.iter().sum()).collect())]
}

fn report(all: &BTreeMap<String, Vec<[f64; 3]>>, to: &Path) -> Result<()> {
    println!("{:<12} {:>10} {:>10} {:>10} {:>10}", "ms, medians", VERBS[0], VERBS[1], VERBS[2], "all");
    let mut told = Vec::new();
    for (name, path) in RUNTIMES {
        let figures = medians(all.get(path).map_or(&[], Vec::as_slice));
        println!("{name:<12} {:>10.1} {:>10.1} {:>10.1} {:>10.1}", figures[0], figures[1], figures[2], figures[3]);
        told.push((name, figures));
    }
    let faster = told[1..].iter().map(|(_, figures)| figures[3]).fold(f64::INFINITY, f64::min);
    let ratio = told[0].1[3] / faster;
    let missed = ratio > TARGET;
    println!("ours to the faster of the others: {ratio:.2}, target {TARGET}{}", if missed { "  missed" } else { "" });
    let runtimes: Vec<Value> =
        told.iter().map(|(name, f)| json!({"name": name, "create": f[0], "start": f[1], "delete": f[2], "all": f[3]})).collect();
    let text = serde_json::to_vec_pretty(
        &json!({"unit": "ms", "runtimes": runtimes, "ratio": ratio, "target": TARGET, "missed": missed}),
    );
    fs::write(to, text.doing("encode the results")?).on("write", to)?;
    println!("written to {}", to.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_timers_lines_become_medians() {
        let all = times("/a 1000 2000 3000\n/a 3000 2000 1000\n/a 2000 2000 2000\n/b 1 1 1\n").unwrap();
        assert_eq!(medians(&all["/a"]).map(|ms| (ms * 10.0) as i64), [20, 20, 20, 60]);
        assert!(times("/a 1 x 3").is_err());
        assert!(times("/a 1 2").is_err());
    }
}
