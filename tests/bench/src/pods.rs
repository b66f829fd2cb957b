//! `--part pods`: how long a pod takes to start with 1 and with 50 pods there, what the runtime then holds of memory, and how long an
//! image of 200 MB takes to be pulled and unpacked. The same client of the CRI asks both sides; no kubelet runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firmware::oci_image::{self, Image};
use initramfs::Archive;
use kit::{Context, Error, Result};
use lab::registry::{Packing, Registry};
use serde_json::{Value, json};

use crate::figures::median;
use crate::processes;
use crate::round::{Bench, Machine};
use crate::side::Side;
use crate::told;

/// MiB: fifty of the other side's pods must fit, and the image.
pub const MEMORY: u32 = 3072;
/// Pods at the second measurement.
const MANY: usize = 50;
/// Number of starts that are measured; the client gives the median.
const STARTS: &str = "10";
/// Path of the client in the guest.
const CLIENT: &str = "/tmp/survivor";
/// Fifty pods take containerd minutes under emulation.
const LIMIT: Duration = Duration::from_mins(20);
/// The image: repository and tag.
const LARGE: (&str, &str) = ("bench/large", "1");

/// Something that is compared.
struct Row {
    name: &'static str,
    key: &'static str,
    unit: &'static str,
    /// The most that ours may be of the other's.
    ratio: Option<f64>,
    /// The most that ours may be by itself.
    own: Option<f64>,
}

const fn row(name: &'static str, key: &'static str, unit: &'static str, ratio: Option<f64>, own: Option<f64>) -> Row {
    Row { name, key, unit, ratio, own }
}

const ROWS: [Row; 6] = [
    row("pod start with 1 pod", "start_1", "ms", Some(0.5), None),
    row("pod start with 50 pods", "start_50", "ms", Some(0.5), None),
    row("server's PSS, idle", "idle", "MiB", None, Some(10.0)),
    row("server's PSS, 50 pods", "server_50", "MiB", None, Some(14.0)),
    row("PSS a pod beside its processes", "a_pod", "MiB", None, Some(1.0)),
    row("pull and unpack 200 MB", "pull", "ms", Some(1.0 / 1.5), None),
];

/// The client, and the image's archive.
pub fn build(bench: &lab::appliance::Appliance) -> Result<()> {
    let lab = bench.dir().join("lab");
    firmware::bundle::build("survivor", bench.board.arch.name(), &lab).map_err(told)?;
    lab::registry::ready()?;
    large(bench).map(drop)
}

/// The image's archive: programs that are there anyway, about 200 MB of them.
fn large(appliance: &lab::appliance::Appliance) -> Result<PathBuf> {
    let (bundles, to) = (appliance.dir().join("bundle"), appliance.dir().join("bench/large.tar"));
    let mut files = Archive::new();
    for file in ["node/kube", "worker/kubelet", "containerd/containerd"] {
        files.copy(&format!("/{file}"), 0o755, &bundles.join(file)).doing("fill the large image")?;
    }
    let image = Image {
        name: "bench/large:1",
        arch: appliance.board.arch,
        entrypoint: &["/node/kube"],
        command: &[],
        environment: &[],
        user: "",
    };
    fs::write(&to, oci_image::pack(&image, &files).map_err(told)?).on("write", &to)?;
    Ok(to)
}

/// Measure both sides by turns, print and write.
pub fn run(bench: &Bench, sides: &[Side], rounds: usize, to: &Path) -> Result<()> {
    let registry = Registry::start(&bench.lab)?;
    registry.push(&large(&bench.appliance)?, LARGE.0, LARGE.1, Packing::Gzip)?;
    let mut all: Vec<(Side, [f64; 6])> = Vec::new();
    for round in 1..=rounds {
        for side in sides {
            let figures = measure(bench, *side, &format!("{}-pods-{round}", side.word()))?;
            println!("round {round}, {side}: {figures:.1?}");
            all.push((*side, figures));
        }
    }
    report(&all, to)
}

fn measure(bench: &Bench, side: Side, name: &str) -> Result<[f64; 6]> {
    let mut machine = bench.boot(side, name, side.kube(&bench.appliance, "worker"), None)?;
    machine.vm.wait_agent(LIMIT)?;
    machine.vm.guest.sh_until("ip route | grep -q default", LIMIT)?;
    bench.import(side, &machine.vm)?;
    let client = bench.appliance.dir().join("lab/survivor");
    machine.vm.guest.write(CLIENT, &fs::read(&client).on("read", &client)?, 0o755)?;
    let hosts = format!("/etc/containerd/certs.d/{}/hosts.toml", Registry::plain());
    let text =
        format!("server = \"http://{0}\"\n[host.\"http://{0}\"]\ncapabilities = [\"pull\", \"resolve\"]\n", Registry::plain());
    machine.vm.guest.write(&hosts, text.as_bytes(), 0o644)?;
    ask(&machine, side, &["configure"])?;
    let idle = pss(&machine, side)?;
    ask(&machine, side, &["fill", "0", "1"])?;
    let first = said(&ask(&machine, side, &["starts", STARTS])?, "starts")?;
    ask(&machine, side, &["fill", "1", &MANY.to_string()])?;
    let crowded = said(&ask(&machine, side, &["starts", STARTS])?, "starts")?;
    let many = pss(&machine, side)?;
    ask(&machine, side, &["disperse"])?;
    let image = format!("{}/{}:{}", Registry::plain(), LARGE.0, LARGE.1);
    let pull = said(&ask(&machine, side, &["pull", &image])?, "pull")?;
    bench.off(machine)?;
    #[expect(clippy::cast_precision_loss, reason = "fifty")]
    let a_pod = (many.1 - idle.1) / MANY as f64;
    Ok([first, crowded, idle.0, many.0, a_pod, pull])
}

/// Ask the client for something; what it said.
fn ask(machine: &Machine, side: Side, words: &[&str]) -> Result<String> {
    let line = format!("CRI_SOCKET={} {CLIENT} {}", side.socket(), words.join(" "));
    let output = machine.vm.guest.exec_within(&["/bin/sh", "-c", &line], b"", LIMIT)?;
    if output.ok() { Ok(output.stdout) } else { Err(Error::new(format!("{line}: {}{}", output.stdout, output.stderr))) }
}

/// The number behind a word.
fn said(text: &str, word: &str) -> Result<f64> {
    let number = text.lines().find_map(|line| line.strip_prefix(word)?.trim().parse().ok());
    number.ok_or_else(|| Error::new(format!("the client did not say {word}: {text:?}")))
}

/// MiB: of the server alone, and of all that the runtime runs.
fn pss(machine: &Machine, side: Side) -> Result<(f64, f64)> {
    let all = processes::list(&machine.vm.guest)?;
    let server = all.iter().filter(|p| side.is_server(&p.comm, &p.cgroup)).filter_map(|p| p.pss).sum();
    Ok((processes::mebibytes(server), processes::runtime_pss(side, &all)))
}

fn report(all: &[(Side, [f64; 6])], to: &Path) -> Result<()> {
    println!("\n{:<36} {:>10} {:>10} {:>7} {:>7}", "", "ours", "hand-made", "ratio", "target");
    let mut rows: Vec<Value> = Vec::new();
    for (at, Row { name, key, unit, ratio: ratio_target, own: own_target }) in ROWS.into_iter().enumerate() {
        let of = |side| median(all.iter().filter(|(of, _)| *of == side).map(|(_, figures)| figures[at]).collect());
        let (ours, theirs) = (of(Side::Ours), of(Side::HandMade));
        let ratio = if theirs > 0.0 { ours / theirs } else { 0.0 };
        let missed = ratio_target.is_some_and(|target| ratio > target) || own_target.is_some_and(|target| ours > target);
        let target = ratio_target.or(own_target).map_or_else(|| "-".into(), |target| format!("{target:.2}"));
        let verdict = if missed { "  missed" } else { "" };
        println!("{:<36} {ours:>10.1} {theirs:>10.1} {ratio:>7.2} {target:>7}{verdict}", format!("{name}, {unit}"));
        rows.push(json!({
            "name": key, "unit": unit, "ours": ours, "hand_made": theirs, "ratio": ratio, "target_ratio": ratio_target,
            "target": own_target, "missed": missed,
        }));
    }
    fs::write(to, serde_json::to_vec_pretty(&rows).doing("encode the results")?).on("write", to)?;
    println!("written to {}", to.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_clients_words_are_numbers() {
        assert!((said("starts 12.5\nall is well\n", "starts").unwrap() - 12.5).abs() < f64::EPSILON);
        assert!(said("all is well\n", "starts").is_err());
    }
}
