//! The node as a member of a cluster.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::paths;

use crate::certificate;
use crate::finding::{Finding, Grade};
use crate::node::{self, KUBELET_CONF, text};

/// Address at which kubeadm's kubelets tell their health.
const HEALTH: &str = "127.0.0.1:10248";
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
const HOW_TO_JOIN: &str = "kutties kubeadm join HOST:PORT --token … on a worker, kutties kubeadm init on a first machine";
/// Certificate of the kubelet, and those of a control plane.
const KUBELET_CERTIFICATE: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";
const CONTROL_PLANE: &str = "/etc/kubernetes/pki";
/// Certificates that end sooner are named, in seconds: kubeadm's live for a year.
const SOON: i64 = 14 * 86_400;

/// Configuration of pod networks.
pub fn pod_network() -> Finding {
    let entries = fs::read_dir("/etc/cni/net.d").into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| [".conf", ".conflist", ".json"].iter().any(|end| name.ends_with(end)));
    names.sort();
    match names.first() {
        Some(first) => Finding::good(format!("/etc/cni/net.d/{first}")),
        None if !Path::new(KUBELET_CONF).exists() => Finding::idle("none yet", ""),
        None => Finding::bad(
            "/etc/cni/net.d has no configuration, so that the node stays NotReady",
            "kubectl apply -f /etc/kubernetes/flannel.yml on the control plane; one node alone: network.pods=bridge",
        ),
    }
}

/// Ends of the certificates.
pub fn certificates() -> Finding {
    let mut files = vec![KUBELET_CERTIFICATE.to_owned()];
    for directory in [CONTROL_PLANE.to_owned(), format!("{CONTROL_PLANE}/etcd")] {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        files.extend(
            entries
                .map(|entry| entry.path().to_string_lossy().into_owned())
                .filter(|path| Path::new(path).extension().is_some_and(|end| end == "crt")),
        );
    }
    files.sort();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed());
    let ends: Vec<(String, i64)> = files
        .into_iter()
        .filter_map(|file| Some((certificate::end(&text(&file))?, file)))
        .map(|(end, file)| (file, end))
        .collect();
    judge(&ends, now)
}

fn judge(ends: &[(String, i64)], now: i64) -> Finding {
    let Some((first, end)) = ends.iter().min_by_key(|(_, end)| *end) else {
        return Finding::idle("none yet", "");
    };
    let days = (end - now) / 86_400;
    if *end <= now {
        return Finding::bad(
            format!("{first} has ended"),
            "control plane: kutties kubeadm certs renew all, then restart it; worker: kutties kubeadm reset -f and join again",
        );
    }
    if end - now < SOON {
        return Finding::warning(
            format!("{first} ends in {days} days"),
            "kutties kubeadm certs renew all on the control plane; kubelets renew theirs by themselves",
        );
    }
    Finding::good(format!("{} are valid, the first ends in {days} days", ends.len()))
}

/// A TCP connection to the cluster.
pub fn api_server() -> Finding {
    let Some(server) = node::api_server(&text(KUBELET_CONF)) else {
        return Finding::idle("this node has not joined", HOW_TO_JOIN);
    };
    match node::connect(&server) {
        Ok(address) => Finding::good(format!("{address} takes connections")),
        Err(e) => Finding::bad(e.to_string(), "is the control plane up, is there a route to it, does a firewall drop port 6443?"),
    }
}

/// The kubelet's own word.
pub fn kubelet() -> Finding {
    if !Path::new(paths::KUBELET_CONFIG).exists() {
        return Finding::idle(format!("waits for {}, which a join writes", paths::KUBELET_CONFIG), HOW_TO_JOIN);
    }
    match healthz() {
        Ok(answer) if answer.ends_with("ok") => Finding::good("healthy"),
        Ok(answer) => Finding::bad(format!("says {:?}", answer.lines().last().unwrap_or_default()), log_advice()),
        Err(e) => {
            let grade = if text("/proc/uptime").split('.').next().and_then(|up| up.parse::<u32>().ok()) < Some(60) {
                Grade::Warning
            } else {
                Grade::Bad
            };
            Finding { grade, text: format!("no answer at {HEALTH}: {e}"), advice: log_advice() }
        }
    }
}

fn log_advice() -> String {
    format!("its log is {}/kubelet.log; systemctl status kubelet shows its last error", paths::SERVICE_LOGS)
}

fn healthz() -> std::io::Result<String> {
    let address = HEALTH.parse().map_err(std::io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, HEALTH_TIMEOUT)?;
    stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(answer.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_that_ends_first_counts() {
        let day = 86_400;
        let ends = |days: &[i64]| days.iter().map(|days| (format!("{days}.crt"), 1000 + days * day)).collect::<Vec<_>>();
        let judged = |days: &[i64]| {
            let finding = judge(&ends(days), 1000);
            (finding.grade, finding.text)
        };
        assert_eq!(judged(&[]).0, Grade::Idle);
        assert_eq!(judged(&[365, 3650]), (Grade::Good, "2 are valid, the first ends in 365 days".into()));
        assert_eq!(judged(&[365, 5]), (Grade::Warning, "5.crt ends in 5 days".into()));
        assert_eq!(judged(&[365, 5, 0]), (Grade::Bad, "0.crt has ended".into()));
    }
}
