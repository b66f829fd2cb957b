//! The kubelet's command line, as kubeadm expects it of a service manager.

use std::path::Path;

use kit::paths;

use crate::env_file;
use crate::grace::Grace;
use crate::log_query;

/// The bundle's link.
pub const PROGRAM: &str = "/usr/bin/kubelet";

/// Flags that never change. The first three are kubeadm's own; drop-ins let the node say what the cluster's file can't know.
const FLAGS: &[&str] = &[
    "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
    "--kubeconfig=/etc/kubernetes/kubelet.conf",
    "--config=/var/lib/kubelet/config.yaml",
    "--config-dir=/etc/kubernetes/kubelet.conf.d",
    "--container-runtime-endpoint=unix:///run/kutties/cri.sock",
];

/// Files of arguments, in order: a later file's setting of the same name wins, as with systemd.
const FILES: &[&str] = &[paths::KUBELET_FLAGS, paths::KUBELET_EXTRA];
/// The settings that hold arguments, in the order of the command line.
const VARIABLES: &[&str] = &["KUBELET_KUBEADM_ARGS", "KUBELET_EXTRA_ARGS"];

/// Program and arguments; its files are read anew at each start, and its drop-ins are written: grace period at shutdown, logs.
///
/// # Errors
/// A drop-in could not be written. The arguments hold all the same: without it the kubelet only misses the shutdown, or shows no
/// service's log.
pub fn command(grace: Grace) -> (Vec<String>, kit::Result<()>) {
    let settings: Vec<(String, String)> = FILES.iter().flat_map(|file| env_file::read(Path::new(file))).collect();
    let words = arguments(&settings);
    let prepared = grace.prepare(&words).and_then(|()| log_query::prepare());
    (words, prepared)
}

fn arguments(settings: &[(String, String)]) -> Vec<String> {
    let mut words: Vec<String> = std::iter::once(PROGRAM).chain(FLAGS.iter().copied()).map(str::to_owned).collect();
    for variable in VARIABLES {
        let value = settings.iter().rev().find(|(name, _)| name == variable).map(|(_, value)| value.as_str());
        words.extend(env_file::words(value.unwrap_or_default()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeadms_arguments_come_before_the_administrators() {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = [
            set("KUBELET_EXTRA_ARGS", "--v=4"),
            set("KUBELET_KUBEADM_ARGS", "--node-ip=10.0.0.1"),
            set("KUBELET_EXTRA_ARGS", "--v=2"),
        ];
        let words = arguments(&settings);
        assert_eq!(words[words.len() - 2..], ["--node-ip=10.0.0.1", "--v=2"]);
        assert_eq!(words[0], PROGRAM);
    }
}
