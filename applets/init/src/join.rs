//! `kutties.join=HOST:PORT,token=…,ca=sha256:…`: joining a cluster at boot, as a service that is done once it succeeded.

use std::path::{Path, PathBuf};

use config::{Config, key};
use kit::paths;

use crate::service::{Plan, Program};

/// What a joined node has: it must not join again.
const JOINED: &str = "/etc/kubernetes/kubelet.conf";

/// The service, when the key is set and this node has not joined yet.
pub fn plan(config: &Config) -> Option<Plan> {
    let words = config.list(&key::JOIN);
    if words.is_empty() || Path::new(JOINED).exists() {
        return None;
    }
    Some(Plan {
        name: "join".into(),
        program: Program::Is(command(&words)),
        needs: vec![PathBuf::from(paths::CRI)],
        after_network: true,
        once: true,
        shown: true,
        oom_score: None,
        environment: vec![],
    })
}

/// What is not understood goes to kubeadm as it is, whose complaint is then shown.
fn command(words: &[String]) -> Vec<String> {
    let mut command: Vec<String> = [paths::BINARY, "kubeadm", "join"].map(str::to_owned).to_vec();
    for word in words {
        match word.split_once('=') {
            Some(("token", token)) => command.extend(["--token".into(), token.into()]),
            Some(("ca", hash)) => command.extend(["--discovery-token-ca-cert-hash".into(), hash.into()]),
            _ => command.push(word.clone()),
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_becomes_kubeadms_arguments() {
        let words = ["10.0.0.1:6443", "token=a.b", "ca=sha256:00ff"].map(str::to_owned);
        let expected = "/bin/kutties kubeadm join 10.0.0.1:6443 --token a.b --discovery-token-ca-cert-hash sha256:00ff";
        assert_eq!(command(&words).join(" "), expected);
    }
}
