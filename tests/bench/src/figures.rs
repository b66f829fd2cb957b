//! Figures of one round of one side.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// Times in seconds, sizes in MiB.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Power-on to the first answer of the CRI server.
    pub cri: f64,
    /// Power-on to the node's Ready, kubelet alone.
    pub ready: f64,
    /// MemTotal − MemAvailable, no pod, some time after Ready.
    pub memory: f64,
    /// `kubectl apply` to the pod's Running.
    pub pod: f64,
    /// The runtime's PSS with that one pod.
    pub pss: f64,
    /// `kubeadm join`, from its start to its end.
    pub join: f64,
    /// `kubeadm join`, from its start to the node's Ready.
    pub join_ready: f64,
    /// Power-on to: the kernel starts init, the CRI server is started, it answers, the kubelet is started, Ready.
    pub stages: BTreeMap<&'static str, f64>,
    /// Memory by its holder.
    pub held: BTreeMap<&'static str, f64>,
    /// All of /proc/meminfo, and vm.min_free_kbytes.
    pub meminfo: BTreeMap<String, f64>,
}

impl Figures {
    /// For a person who waits.
    pub fn line(&self) -> String {
        format!(
            "CRI {:.1} s, Ready {:.1} s, memory {:.0} MiB, pod {:.1} s, runtime's PSS {:.0} MiB, join {:.1} s, join to Ready {:.1} s",
            self.cri, self.ready, self.memory, self.pod, self.pss, self.join, self.join_ready
        )
    }
}

/// Measure that is compared.
pub struct Measure {
    /// As printed.
    pub name: &'static str,
    /// The name in bench.json.
    pub key: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The most that ours may be of the hand-made one's.
    pub target: Option<f64>,
    /// Out of a round's figures; the weight is no figure of a round.
    pub of: Option<fn(&Figures) -> f64>,
}

/// Every row of the table; targets are the project's own promises.
pub const MEASURES: &[Measure] = &[
    Measure { name: "power-on to CRI answers", key: "cri", unit: "s", target: Some(0.5), of: Some(|f| f.cri) },
    Measure { name: "power-on to Ready", key: "ready", unit: "s", target: Some(0.7), of: Some(|f| f.ready) },
    Measure { name: "memory used, no pod", key: "memory", unit: "MiB", target: Some(0.6), of: Some(|f| f.memory) },
    Measure { name: "segments as xz", key: "xz", unit: "MiB", target: Some(0.7), of: None },
    Measure { name: "kubeadm join, start to end", key: "join", unit: "s", target: None, of: Some(|f| f.join) },
    Measure { name: "kubeadm join, start to Ready", key: "join_ready", unit: "s", target: None, of: Some(|f| f.join_ready) },
    Measure { name: "pod, apply to Running", key: "pod", unit: "s", target: None, of: Some(|f| f.pod) },
    Measure { name: "runtime's PSS, one pod", key: "pss", unit: "MiB", target: None, of: Some(|f| f.pss) },
];

/// The middle one; of an even number the mean of the middle two. Zero for none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

/// For tables.
pub fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        for (values, middle) in [(vec![], 0.0), (vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 9.0], 3.0)] {
            assert!((median(values) - middle).abs() < f64::EPSILON);
        }
    }
}
