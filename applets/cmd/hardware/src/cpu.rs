//! Processors and their caches as /sys shows them.

use std::path::{Path, PathBuf};

use crate::attribute::{entries, list, name, number, text};

/// Processor with its place. Core, socket and caches are counted from 0 in the order in which they appear.
#[derive(Clone, Debug, Default)]
pub struct Cpu {
    /// Number of the kernel.
    pub number: u32,
    /// Core, where the processor is online.
    pub core: Option<u64>,
    /// Socket.
    pub socket: Option<u64>,
    /// Node of memory.
    pub node: Option<u64>,
    /// Number of each cache, in the order of [`Machine::caches`].
    pub caches: Vec<Option<u64>>,
    /// Online.
    pub online: bool,
    /// Largest and smallest frequency in kHz.
    pub frequency: (Option<u64>, Option<u64>),
}

/// Caches of one kind: `L1d`.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    /// Name.
    pub name: String,
    /// Bytes of one.
    pub size: u64,
    /// Processors of each.
    pub shared: Vec<String>,
    /// Directory of the first one's attributes.
    pub path: PathBuf,
}

/// All processors of a machine.
#[derive(Debug, Default)]
pub struct Machine {
    /// By number.
    pub cpus: Vec<Cpu>,
    /// By name.
    pub caches: Vec<Cache>,
    /// Nodes of memory with their processors.
    pub nodes: Vec<(u32, Vec<u32>)>,
    /// Groups of processors that are a socket, and those that are a core.
    pub sockets: Vec<String>,
    /// Cores.
    pub cores: Vec<String>,
}

/// Reads the processors below a root directory.
pub fn machine(root: &Path) -> Machine {
    let system = root.join("sys/devices/system");
    let online = text(system.join("cpu/online")).map(|text| list(&text));
    let mut found: Vec<(u32, PathBuf)> = numbered(&system.join("cpu"), "cpu");
    found.sort();
    let mut machine = Machine { nodes: nodes(&system), ..Machine::default() };
    for (_, path) in &found {
        caches(path, &mut machine.caches);
    }
    machine.caches.sort_by(|a, b| a.name.cmp(&b.name));
    for (number, path) in found {
        let is_online = online.as_ref().is_none_or(|online| online.contains(&number));
        let cpu = cpu(number, &path, is_online, &mut machine);
        machine.cpus.push(cpu);
    }
    machine
}

/// Entries whose name is a word and a number.
fn numbered(directory: &Path, word: &str) -> Vec<(u32, PathBuf)> {
    let number = |path: PathBuf| Some((name(&path).strip_prefix(word)?.parse().ok()?, path));
    entries(directory).into_iter().filter_map(number).collect()
}

fn nodes(system: &Path) -> Vec<(u32, Vec<u32>)> {
    let mut nodes = numbered(&system.join("node"), "node");
    nodes.sort();
    nodes.into_iter().map(|(number, path)| (number, list(&text(path.join("cpulist")).unwrap_or_default()))).collect()
}

fn caches(cpu: &Path, caches: &mut Vec<Cache>) {
    for (_, path) in numbered(&cpu.join("cache"), "index") {
        let Some((name, shared)) = cache(&path) else { continue };
        let at = caches.iter().position(|cache| cache.name == name).unwrap_or_else(|| {
            caches.push(Cache { name, path: path.clone(), ..Cache::default() });
            caches.len() - 1
        });
        let Some(cache) = caches.get_mut(at) else { continue };
        cache.size = kibibytes(&text(path.join("size")).unwrap_or_default());
        if !cache.shared.contains(&shared) {
            cache.shared.push(shared);
        }
    }
}

/// Name of a cache and the processors that share it.
fn cache(path: &Path) -> Option<(String, String)> {
    let kind = match text(path.join("type"))?.as_str() {
        "Data" => "d",
        "Instruction" => "i",
        _ => "",
    };
    Some((format!("L{}{kind}", text(path.join("level"))?), text(path.join("shared_cpu_map"))?))
}

fn kibibytes(text: &str) -> u64 {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = match unit {
        "K" => 1 << 10,
        "M" => 1 << 20,
        _ => 1,
    };
    digits.parse().unwrap_or(0_u64).saturating_mul(unit)
}

fn cpu(number: u32, path: &Path, online: bool, machine: &mut Machine) -> Cpu {
    let topology = |names: [&str; 2]| names.iter().find_map(|name| text(path.join("topology").join(name)));
    let mut of = |group: Option<String>, groups: fn(&mut Machine) -> &mut Vec<String>| {
        let group = group?;
        let groups = groups(machine);
        let at = groups.iter().position(|known| *known == group).unwrap_or_else(|| {
            groups.push(group);
            groups.len() - 1
        });
        Some(at as u64)
    };
    let core = of(topology(["core_cpus", "thread_siblings"]), |m| &mut m.cores);
    let socket = of(topology(["package_cpus", "core_siblings"]), |m| &mut m.sockets);
    let node = machine.nodes.iter().find(|(_, cpus)| cpus.contains(&number)).map(|(node, _)| u64::from(*node));
    let mine: Vec<_> = numbered(&path.join("cache"), "index").iter().filter_map(|(_, path)| cache(path)).collect();
    let index = |cache: &Cache| {
        let (_, shared) = mine.iter().find(|(name, _)| *name == cache.name)?;
        cache.shared.iter().position(|known| known == shared).map(|at| at as u64)
    };
    let caches = machine.caches.iter().map(index).collect();
    let frequency = |name: &str| self::number(path.join("cpufreq").join(name));
    let frequency = (frequency("cpuinfo_max_freq"), frequency("cpuinfo_min_freq"));
    Cpu { number, core, socket, node, caches, online, frequency }
}
