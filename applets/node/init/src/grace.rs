//! The kubelet's grace period at shutdown: found in its configuration, or set there by a drop-in of ours, and what PID 1 waits for it.
//!
//! Clusters made by kubeadm say `0s`, with which the kubelet does not listen for a shutdown at all. A period that the cluster's
//! configuration or an administrator's drop-in names is kept; the key `shutdown.grace`, set on purpose, comes before the cluster's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, key};
use kit::{Context, Result, paths};

/// Directory of the kubelet's drop-ins, and the file of ours: administrators' files come later by
/// name, and win.
pub const DROP_INS: &str = "/etc/kubernetes/kubelet.conf.d";
const OWN: &str = "05-kutties-shutdown.conf";
/// The longest period that is waited for.
const LONGEST: Duration = Duration::from_secs(key::LONGEST_GRACE);
/// Time beyond its own period that the kubelet may take to release its lock.
const SLACK: Duration = Duration::from_secs(3);
/// The part of the period that is kept for the cluster's critical pods, which end last: as in Kubernetes' documentation.
const CRITICAL: u32 = 3;
/// The longest configuration that is looked at, in bytes.
const FILE: u64 = 1 << 20;

/// Grace period from the node's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    period: Duration,
    /// True if a source has set it, and it is not the default.
    set: bool,
}

/// Grace period from the kubelet's files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    period: Option<Duration>,
    /// The sum of the periods by the pods' priority, which exclude the plain period.
    by_priority: Option<Duration>,
    /// The kubelet's feature is off: it refuses to start with a period.
    off: bool,
}

impl Grace {
    /// As the configuration has it.
    pub fn of(config: &Config) -> Self {
        let period = Duration::from_secs(config.number(&key::SHUTDOWN_GRACE)).min(LONGEST);
        Self { period, set: config.source(&key::SHUTDOWN_GRACE).is_some() }
    }

    /// Set the kubelet's period before it starts; `arguments` are those of its command line.
    pub fn prepare(self, arguments: &[String]) -> Result<()> {
        let off = arguments.iter().any(|word| word.contains("GracefulNodeShutdown=false"));
        let text = self.drop_in(&found(&[Path::new(paths::KUBELET_CONFIG)])).filter(|_| !off);
        let path = Path::new(DROP_INS).join(OWN);
        match text {
            Some(text) if fs::read_to_string(&path).is_ok_and(|there| there == text) => Ok(()),
            Some(text) => {
                fs::create_dir_all(DROP_INS).on("make", DROP_INS)?;
                fs::write(&path, text).on("write", path)
            }
            None if path.exists() => fs::remove_file(&path).on("remove", path),
            None => Ok(()),
        }
    }

    /// Our drop-in beside a cluster's configuration; none where that is kept.
    fn drop_in(self, cluster: &Found) -> Option<String> {
        if cluster.off || cluster.by_priority.is_some() {
            return None;
        }
        let theirs = cluster.period.filter(|period| !period.is_zero());
        let period = match theirs {
            Some(theirs) if !self.set && theirs <= LONGEST => return None,
            Some(_) if !self.set => LONGEST,
            _ => self.period,
        };
        if period.is_zero() && theirs.is_none() {
            return None;
        }
        // Below a second the kubelet takes none.
        let critical = (period / CRITICAL).as_secs();
        Some(format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
             shutdownGracePeriod: {}s\nshutdownGracePeriodCriticalPods: {critical}s\n",
            period.as_secs()
        ))
    }
}

/// Time limit of waiting for the kubelet's pods: the kubelet's own period, a little longer, and
/// never much more than an hour.
pub fn kubelet_timeout() -> Duration {
    let mut files: Vec<PathBuf> = fs::read_dir(DROP_INS).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    files.sort();
    let all: Vec<&Path> = std::iter::once(Path::new(paths::KUBELET_CONFIG)).chain(files.iter().map(PathBuf::as_path)).collect();
    let found = found(&all);
    found.by_priority.or(found.period).unwrap_or_default().min(LONGEST) + SLACK
}

/// Merges the settings of files; the later file wins.
fn found(files: &[&Path]) -> Found {
    files.iter().fold(Found::default(), |before, path| {
        let short = fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= FILE);
        let text = if short { fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        let now = read(&text);
        Found {
            period: now.period.or(before.period),
            by_priority: now.by_priority.or(before.by_priority),
            off: now.off || before.off,
        }
    })
}

/// Reads the settings of one configuration, as kubeadm and people write it: a field a line.
fn read(text: &str) -> Found {
    let mut found = Found::default();
    let mut by_priority = false;
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        // JSON with a field a line is YAML, too, but for its commas.
        let value = value.split('#').next().unwrap_or_default().trim().trim_end_matches(',').trim_matches(['"', '\'']);
        match name.trim_start_matches([' ', '-']).trim_end().trim_matches('"') {
            "shutdownGracePeriod" => found.period = Some(kube::duration(value).unwrap_or_default()),
            "shutdownGracePeriodByPodPriority" => {
                by_priority = !matches!(value, "[]" | "null" | "~");
                found.by_priority = by_priority.then_some(Duration::ZERO);
            }
            "shutdownGracePeriodSeconds" if by_priority => {
                let seconds = Duration::from_secs(value.parse::<u32>().unwrap_or(0).into());
                found.by_priority = found.by_priority.map(|sum| sum.saturating_add(seconds));
            }
            "GracefulNodeShutdown" if value == "false" => found.off = true,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const KUBEADM: &str = "kind: KubeletConfiguration\nshutdownGracePeriod: 0s\nshutdownGracePeriodCriticalPods: 0s\n";

    fn grace(period: u64, set: bool) -> Grace {
        Grace { period: Duration::from_secs(period), set }
    }

    fn periods(grace: Grace, cluster: &str) -> Option<String> {
        let text = grace.drop_in(&read(cluster))?;
        Some(text.lines().skip(2).map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_cluster_without_a_period_gets_the_nodes() {
        assert_eq!(periods(grace(30, false), KUBEADM).as_deref(), Some("30s 10s"));
        assert_eq!(periods(grace(2, true), "").as_deref(), Some("2s 0s"));
        assert_eq!(periods(grace(0, true), KUBEADM), None);
    }

    #[test]
    fn a_clusters_own_period_is_kept_unless_the_node_says_otherwise() {
        let cluster = "shutdownGracePeriod: 1m30s\n";
        assert_eq!(periods(grace(30, false), cluster), None);
        assert_eq!(periods(grace(60, true), cluster).as_deref(), Some("60s 20s"));
        assert_eq!(periods(grace(0, true), cluster).as_deref(), Some("0s 0s"));
        // More than an hour is never waited for.
        assert_eq!(periods(grace(30, false), "shutdownGracePeriod: 48h\n").as_deref(), Some("3600s 1200s"));
    }

    #[test]
    fn what_would_not_start_is_not_written() {
        let list = "shutdownGracePeriodByPodPriority:\n- priority: 100\n  shutdownGracePeriodSeconds: 20\n- {priority: 0}\n\
                    \x20 - priority: 5\n    shutdownGracePeriodSeconds: 15\n";
        assert_eq!((periods(grace(60, true), list), read(list).by_priority), (None, Some(Duration::from_secs(35))));
        assert_eq!(periods(grace(60, true), "shutdownGracePeriodByPodPriority: []\n").as_deref(), Some("60s 20s"));
        assert_eq!(periods(grace(60, true), "featureGates:\n  GracefulNodeShutdown: false\n"), None);
        assert_eq!(read("shutdownGracePeriod: nonsense\n").period, Some(Duration::ZERO));
        assert_eq!(read("{\n  \"shutdownGracePeriod\": \"60s\",\n}\n").period, Some(Duration::from_mins(1)));
        let huge = "shutdownGracePeriodByPodPriority:\n".to_owned() + &"- shutdownGracePeriodSeconds: 4294967295\n".repeat(100);
        assert!(read(&huge).by_priority.unwrap().min(LONGEST) == LONGEST);
    }
}
