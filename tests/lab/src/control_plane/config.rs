//! The texts that a control plane and its nodes begin with.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::network::ADDRESS;
use crate::nonce;

/// A token of the form that kubeadm wants: six and sixteen lower-case letters and digits.
pub fn token() -> String {
    let mut letters = Vec::with_capacity(22);
    while letters.len() < 22 {
        let mut number = nonce();
        // Twelve letters use 62 of the number's 64 bits.
        for _ in 0..12 {
            letters.push(char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[(number % 36) as usize]));
            number /= 36;
        }
    }
    format!("{}.{}", letters[..6].iter().collect::<String>(), letters[6..22].iter().collect::<String>())
}

/// kubeadm's configuration. All that is not here is kubeadm's own choice, the kubelet's configuration above all.
pub fn kubeadm(token: &str, dir: &Path) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: {token}
  ttl: 24h0m0s
  usages: [signing, authentication]
  groups: [system:bootstrappers:kubeadm:default-node-token]
localAPIEndpoint:
  advertiseAddress: {ADDRESS}
  bindPort: 6443
nodeRegistration:
  name: lab
  criSocket: unix:///run/kutties/cri.sock
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.1
controlPlaneEndpoint: {ADDRESS}:6443
# Ten RSA keys take seconds.
encryptionAlgorithm: ECDSA-P256
networking:
  podSubnet: 10.244.0.0/16
etcd:
  local:
    dataDir: {dir}/etcd.data
    extraArgs:
    # In memory, and gone with the lab.
    - {{name: unsafe-no-fsync, value: 'true'}}
apiServer:
  extraArgs:
  # Nobody here knows the nodes' names.
  - {{name: kubelet-preferred-address-types, value: InternalIP}}
controllerManager:
  extraArgs:
  # Its own brake of 20 requests a second holds its controllers' start up for five seconds.
  - {{name: kube-api-qps, value: '200'}}
  - {{name: kube-api-burst, value: '400'}}
  - {{name: leader-elect, value: 'false'}}
scheduler:
  extraArgs:
  - {{name: leader-elect, value: 'false'}}
",
        dir = dir.display()
    )
}

/// A kubeconfig that can do no more than ask for a certificate.
pub fn bootstrap_kubeconfig(endpoint: &str, ca: &str, token: &str) -> String {
    let ca = BASE64_STANDARD.encode(ca);
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: lab
  cluster:
    server: https://{endpoint}
    certificate-authority-data: {ca}
users:
- name: bootstrap
  user:
    token: {token}
contexts:
- name: bootstrap
  context: {{cluster: lab, user: bootstrap}}
current-context: bootstrap
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_kubeadms_form() {
        let token = token();
        let (id, secret) = token.split_once('.').unwrap_or_default();
        assert_eq!((id.len(), secret.len()), (6, 16));
        assert!(token.bytes().all(|b| b == b'.' || b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert_ne!(token, super::token());
    }
}
