//! A control plane's backups: made again and again, and taken back at boot (`kutties.restore=URL`).
//!
//! The identity that opens a backup comes from a file of a segment; without that file the consoles
//! ask for it before they show a shell.

use std::path::{Path, PathBuf};

use config::{Config, key};
use kit::calls::{INIT_BACKUP, INIT_RESTORE};

use crate::service::{Plan, Program};
use crate::supervisor::settings_file;

/// The manifest of a node that keeps a store of a cluster: kubeadm or a restore has written it.
const ETCD: &str = "/etc/kubernetes/manifests/etcd.yaml";

/// Tells a machine that is to be taken back from a backup, and was not yet.
pub fn is_wanted(config: &Config) -> bool {
    !config.list(&key::RESTORE).is_empty() && !Path::new(ETCD).exists()
}

/// The service that restores; it waits for the file with the identity, and is done once it
/// succeeded.
pub fn plan(config: &Config) -> Option<Plan> {
    let identity = PathBuf::from(config.text(&key::AGE_IDENTITY));
    is_wanted(config).then(|| Plan {
        needs: std::iter::once(identity).chain(settings_file(config)).collect(),
        once: true,
        ..service("restore", INIT_RESTORE.words::<&str>([]))
    })
}

/// The command for each console before its shell, when there is no file with the identity.
pub fn question(config: &Config) -> Option<Vec<String>> {
    let asks = is_wanted(config) && !Path::new(config.text(&key::AGE_IDENTITY)).exists();
    asks.then(|| INIT_RESTORE.words(["--ask"]))
}

/// The service that makes backups, where this node keeps a store. It reads by itself where they go
/// and who can open them.
pub fn backup_plan(config: &Config) -> Option<Plan> {
    let every = config.text(&key::BACKUP_EVERY);
    (!every.is_empty()).then(|| Plan {
        needs: std::iter::once(PathBuf::from(ETCD)).chain(settings_file(config)).collect(),
        ..service("backup", INIT_BACKUP.words([format!("--every={every}")]))
    })
}

fn service(name: &str, command: Vec<String>) -> Plan {
    Plan {
        name: name.into(),
        program: Program::Is(command),
        needs: vec![],
        after_network: true,
        once: false,
        shown: true,
        oom_score: None,
        environment: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(command_line: &str) -> Config {
        Config::load_from(&config::Places { command_line: command_line.into(), ..config::Places::default() })
    }

    #[test]
    fn services_are_there_when_they_are_asked_for() {
        let none = settings("quiet");
        assert!(plan(&none).is_none() && question(&none).is_none() && backup_plan(&none).is_none());
        let config = settings("kutties.restore=https://h/x.age kutties.backup.every=6h");
        let words = |plan: Option<Plan>| match plan.map(|plan| plan.program) {
            Some(Program::Is(words)) => words.join(" "),
            _ => String::new(),
        };
        assert_eq!(words(plan(&config)), "/bin/kutties restore");
        assert_eq!(words(backup_plan(&config)), "/bin/kutties backup --every=6h");
        assert_eq!(question(&config).unwrap_or_default().join(" "), "/bin/kutties restore --ask");
        // The service waits for the identity, so that the consoles are the only ones who ask.
        assert!(plan(&config).is_some_and(|plan| plan.needs == [Path::new("/etc/kutties/age.key")]));
    }
}
