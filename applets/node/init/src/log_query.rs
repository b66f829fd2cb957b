//! Logs of the node's services for `kubectl get --raw /api/v1/nodes/NODE/proxy/logs/?query=NAME`: the kubelet answers such
//! questions from /var/log, but only when its configuration says so, and a kubeadm cluster's does not.

use std::fs;
use std::path::Path;

use kit::{Context, Result, paths};

use crate::grace::DROP_INS;

/// Drop-in of ours; an administrator's file comes later by name, and wins.
const OWN: &str = "05-kutties-logs.conf";
const TEXT: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nenableSystemLogQuery: true\n";
/// Longest configuration that is looked at, in bytes.
const LONGEST: u64 = 1 << 20;

/// Writes the drop-in before the kubelet starts, or removes it where the kubelet would not start with it: its handler of logs is
/// off in the cluster's configuration.
pub fn prepare() -> Result<()> {
    let path = Path::new(DROP_INS).join(OWN);
    let short = fs::metadata(paths::KUBELET_CONFIG).is_ok_and(|about| about.is_file() && about.len() <= LONGEST);
    let cluster = if short { fs::read_to_string(paths::KUBELET_CONFIG).unwrap_or_default() } else { String::new() };
    if is_off(&cluster) {
        return if path.exists() { fs::remove_file(&path).on("remove", path) } else { Ok(()) };
    }
    if fs::read_to_string(&path).is_ok_and(|there| there == TEXT) {
        return Ok(());
    }
    fs::create_dir_all(DROP_INS).on("make", DROP_INS)?;
    fs::write(&path, TEXT).on("write", path)
}

/// True when a configuration switches the handler of logs off.
fn is_off(config: &str) -> bool {
    let fields = config.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().any(|(name, value)| {
        let value = value.split('#').next().unwrap_or_default().trim().trim_end_matches(',');
        name.trim().trim_matches('"') == "enableSystemLogHandler" && value == "false"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_that_is_off_is_found() {
        assert!(is_off("kind: KubeletConfiguration\nenableSystemLogHandler: false # no logs\n"));
        assert!(is_off("{\n  \"enableSystemLogHandler\": false,\n}\n"));
        assert!(!is_off("enableSystemLogHandler: true\n") && !is_off("") && !is_off("enableDebuggingHandlers: false\n"));
    }
}
