//! `kutties.join=HOST:PORT,token=…,ca=sha256:…`: joining a cluster at boot, as a service that is done once it succeeded.

use std::path::{Path, PathBuf};

use config::{Config, key};
use kit::calls::INIT_JOIN;
use kit::paths;

use crate::restore;
use crate::service::{Plan, Program};
use crate::supervisor::settings_file;

/// File of a joined node, which must not join again.
const JOINED: &str = "/etc/kubernetes/kubelet.conf";

/// The service, when the key is set and this node has not joined yet. One that is to be taken back
/// from its backup joins nobody.
pub fn plan(config: &Config) -> Option<Plan> {
    let words = config.list(&key::JOIN);
    if words.is_empty() || Path::new(JOINED).exists() || restore::is_wanted(config) {
        return None;
    }
    Some(Plan {
        name: "join".into(),
        program: Program::Is(command(&words)),
        needs: std::iter::once(PathBuf::from(paths::CRI)).chain(settings_file(config)).collect(),
        after_network: true,
        once: true,
        shown: true,
        oom_score: None,
        environment: vec![],
    })
}

/// The native join: it leaves nothing behind when it fails, so that it can be tried again. What is not understood goes there as it is,
/// and its complaint is then shown.
fn command(words: &[String]) -> Vec<String> {
    let mut command = INIT_JOIN.words::<String>([]);
    for word in words {
        let (option, value) = match word.split_once('=') {
            Some(("token", token)) => ("--token", token),
            Some(("ca", hash)) => ("--discovery-token-ca-cert-hash", hash),
            Some(("file", place)) => ("--discovery-file", place),
            _ => {
                command.push(word.clone());
                continue;
            }
        };
        command.push(format!("{option}={value}"));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_becomes_the_joins_arguments() {
        let words = ["10.0.0.1:6443", "token=a.b", "ca=sha256:00ff"].map(str::to_owned);
        let expected = "/bin/kutties join 10.0.0.1:6443 --token=a.b --discovery-token-ca-cert-hash=sha256:00ff";
        assert_eq!(command(&words).join(" "), expected);
        let words = ["file=https://x/y", "token=a.b"].map(str::to_owned);
        assert_eq!(command(&words).join(" "), "/bin/kutties join --discovery-file=https://x/y --token=a.b");
    }
}
