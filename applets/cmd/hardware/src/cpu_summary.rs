//! Fields of `lscpu` without options, in util-linux' order.

use std::path::Path;

use crate::attribute::{entries, list, name, text};
use crate::columns::{ranges, size};
use crate::cpu::Machine;
use crate::cpu_model::Model;

/// Names with their values.
pub fn fields(root: &Path, machine: &Machine, bytes: bool) -> Vec<(String, String)> {
    let model = Model::read(root);
    let mut fields = Fields(Vec::new());
    kind(&model, &mut fields);
    counts(root, machine, &mut fields);
    fields.add("Vendor ID", model.vendor());
    fields.add("Model name", model.name());
    fields.add("CPU family", model.field(&["cpu family"]));
    fields.add("Model", model.field(&["model", "CPU revision"]));
    topology(machine, &mut fields);
    fields.add("Stepping", model.stepping());
    frequencies(machine, &mut fields);
    fields.add("BogoMIPS", model.field(&["bogomips", "BogoMIPS"]));
    fields.add("Flags", model.field(&["flags", "Features"]));
    virtualization(&model, &mut fields);
    for cache in &machine.caches {
        let (count, total) = (cache.shared.len(), cache.size.saturating_mul(cache.shared.len() as u64));
        let instances = if count == 1 { "instance" } else { "instances" };
        let total = if bytes { total.to_string() } else { size(total, true) };
        fields.add(&format!("{} cache", cache.name), Some(format!("{total} ({count} {instances})")));
    }
    if !machine.nodes.is_empty() {
        fields.add("NUMA node(s)", Some(machine.nodes.len().to_string()));
    }
    for (node, cpus) in &machine.nodes {
        fields.add(&format!("NUMA node{node} CPU(s)"), Some(ranges(cpus)));
    }
    vulnerabilities(root, &mut fields);
    fields.0
}

struct Fields(Vec<(String, String)>);

impl Fields {
    fn add(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.0.push((name.to_owned(), value.into()));
        }
    }
}

fn kind(model: &Model, fields: &mut Fields) {
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    fields.add("Architecture", Some(machine));
    if model.field(&["vendor_id"]).is_some() {
        fields.add("CPU op-mode(s)", Some(if model.has("lm") { "32-bit, 64-bit" } else { "32-bit" }));
    }
    fields.add("Address sizes", model.field(&["address sizes"]));
    fields.add("Byte Order", Some(if cfg!(target_endian = "big") { "Big Endian" } else { "Little Endian" }));
}

fn counts(root: &Path, machine: &Machine, fields: &mut Fields) {
    let numbers = |online: bool| machine.cpus.iter().filter(|cpu| cpu.online == online).map(|cpu| cpu.number).collect::<Vec<_>>();
    let present = text(root.join("sys/devices/system/cpu/present")).map_or(machine.cpus.len(), |text| list(&text).len());
    fields.add("CPU(s)", Some(present.to_string()));
    fields.add("On-line CPU(s) list", Some(ranges(&numbers(true))));
    let offline = numbers(false);
    if !offline.is_empty() {
        fields.add("Off-line CPU(s) list", Some(ranges(&offline)));
    }
}

fn topology(machine: &Machine, fields: &mut Fields) {
    let (cores, sockets) = (machine.cores.len(), machine.sockets.len());
    if cores == 0 || sockets == 0 {
        return;
    }
    let online = machine.cpus.iter().filter(|cpu| cpu.online).count();
    fields.add("Thread(s) per core", Some((online / cores).max(1).to_string()));
    fields.add("Core(s) per socket", Some((cores / sockets).max(1).to_string()));
    fields.add("Socket(s)", Some(sockets.to_string()));
}

fn frequencies(machine: &Machine, fields: &mut Fields) {
    let megahertz = |khz: u64| format!("{}.{:04}", khz / 1000, khz % 1000 * 10);
    fields.add("CPU max MHz", machine.cpus.iter().filter_map(|cpu| cpu.frequency.0).max().map(megahertz));
    fields.add("CPU min MHz", machine.cpus.iter().filter_map(|cpu| cpu.frequency.1).min().map(megahertz));
}

fn virtualization(model: &Model, fields: &mut Fields) {
    let extension = [("svm", "AMD-V"), ("vmx", "VT-x")].into_iter().find(|(flag, _)| model.has(flag));
    fields.add("Virtualization", extension.map(|(_, name)| name));
    if model.has("hypervisor") {
        fields.add("Hypervisor vendor", hypervisor());
        fields.add("Virtualization type", Some("full"));
    }
}

/// Name of the hypervisor by its signature in the processor's leaf 0x4000_0000.
#[cfg(target_arch = "x86_64")]
fn hypervisor() -> Option<&'static str> {
    let leaf = core::arch::x86_64::__cpuid(0x4000_0000);
    let signature: Vec<u8> = [leaf.ebx, leaf.ecx, leaf.edx].into_iter().flat_map(u32::to_le_bytes).collect();
    match signature.as_slice() {
        b"KVMKVMKVM\0\0\0" => Some("KVM"),
        b"TCGTCGTCGTCG" => Some("QEMU"),
        b"Microsoft Hv" => Some("Microsoft"),
        b"VMwareVMware" => Some("VMware"),
        b"XenVMMXenVMM" => Some("Xen"),
        b"bhyve bhyve " => Some("bhyve"),
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn hypervisor() -> Option<&'static str> {
    None
}

/// State of a vulnerability as util-linux shows it: a colon separates name and value on the line,
/// so one that is mitigated has none in its value.
fn mitigation(state: &str) -> String {
    match state.strip_prefix("Mitigation: ") {
        Some(by) => format!("Mitigation; {}", by.replace(':', "")),
        None => state.to_owned(),
    }
}

fn vulnerabilities(root: &Path, fields: &mut Fields) {
    for path in entries(root.join("sys/devices/system/cpu/vulnerabilities")) {
        let name = name(&path).replace('_', " ");
        let mut letters = name.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        let name: String = first.into_iter().chain(letters).collect();
        fields.add(&format!("Vulnerability {name}"), text(path).map(|text| mitigation(&text)));
    }
}
