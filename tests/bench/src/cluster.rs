//! `--part cluster`: one machine of 2 GB as a cluster of its own (`kubeadm init`, flannel, CoreDNS, kube-proxy, one pod): the time from
//! power-on until all is ready, and the memory that is in use a minute later.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::cluster;
use lab::network::Lab;
use serde_json::json;

use crate::figures::median;

/// Memory of the machine, in MiB.
const MEMORY: u32 = 2048;
/// The most that may be in use, in MiB.
const TARGET: f64 = 850.0;
/// Both figures of /proc/meminfo, in KiB.
const USED: &str = "while read name size unit; do case $name in MemTotal:) t=$size;; MemAvailable:) a=$size;; esac; done </proc/meminfo; \
                    echo $((t-a))";
/// Parts that explain it.
const PARTS: &str = "free -m; df -m / /var /run; for p in /proc/[0-9]*; do read name <$p/comm && echo \"$name \
                     $(sed -n 's/^Pss: *//p' $p/smaps_rollup)\"; done 2>/dev/null | sort -k2 -n -r | head -n 16";

/// Measure, print and write.
pub fn run(appliance: &Appliance, rounds: usize, settle: u64, to: &Path) -> Result<()> {
    let (mut ready, mut used) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let lab = Lab::start()?;
        let name = format!("single-{round}");
        let machine = cluster::single(&lab, appliance, &name, MEMORY, Some(to.parent().unwrap_or(Path::new("."))))?;
        thread::sleep(Duration::from_secs(settle));
        let kib: f64 = machine.ask(USED)?.trim().parse().map_err(|e| Error::new(format!("read the memory in use: {e}")))?;
        let (seconds, mib) = (machine.ready.as_secs_f64(), kib / 1024.0);
        println!(
            "round {round}: all Ready {seconds:.0} s after power-on, {mib:.0} MiB in use {settle} s later\n{}",
            machine.ask(PARTS)?
        );
        ready.push(seconds);
        used.push(mib);
    }
    let (seconds, mib) = (median(ready.clone()), median(used.clone()));
    let verdict = if mib <= TARGET { "" } else { "  missed" };
    println!("\nall Ready after power-on, s   {seconds:.0}\nmemory in use, MiB            {mib:.0}  target {TARGET:.0}{verdict}");
    let text = json!({ "ready_s": ready, "used_mib": used, "target_mib": TARGET }).to_string();
    fs::write(to, text).on("write", to)
}
