//! The checks before a restore: of this machine, of the manifest, and of what was unpacked.

use std::fs::{self, File, OpenOptions};
use std::net::{IpAddr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use kit::{Context, Error, Result, paths};
use rustix::fs::{FlockOperation, flock};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::stage::Stage;
use crate::backup::archive::Manifest;
use crate::backup::facts::{self, CA, CA_KEY, DATA, ETCD, KUBELET};
use crate::discovery::{Pin, pins_of};
use crate::stale_node;

/// Files of a machine that is a control plane or a node already.
const TAKEN: &[&str] = &["etc/kubernetes/kubelet.conf", "etc/kubernetes/admin.conf", KUBELET];

/// Refuses a machine that a restore would take something from.
pub fn free(root: &Path) -> Result<()> {
    let member = root.join(DATA).join("member");
    if member.exists() {
        return Err(Error::new(format!("{} is there: a store of a cluster is not written over", member.display())));
    }
    let manifests = root.join(ETCD).with_file_name("");
    if fs::read_dir(&manifests).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::new(format!("{} is not empty: this node is a control plane already", manifests.display())));
    }
    match TAKEN.iter().map(|name| root.join(name)).find(|path| path.exists()) {
        Some(path) => Err(Error::new(format!("{} is there: this node belongs to a cluster already", path.display()))),
        None => Ok(()),
    }
}

/// A lock that one restore holds at a time, as long as the file is open.
pub fn alone(root: &Path) -> Result<File> {
    let directory = root.join(paths::RUN.trim_start_matches('/'));
    fs::create_dir_all(&directory).on("make", &directory)?;
    let path = directory.join("restore.lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).on("open", &path)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| Error::new("another restore is under way"))?;
    Ok(lock)
}

/// Refuses an archive of another cluster, or of a node that this machine can't be.
pub fn manifest(manifest: &Manifest, cluster: Option<&Pin>, root: &Path) -> Result<()> {
    if let Some(pin) = cluster.filter(|pin| pin.0 != manifest.cluster) {
        return Err(other_cluster(&manifest.cluster, pin));
    }
    let Ok(address) = manifest.address.parse::<IpAddr>() else {
        return Err(Error::new(format!("it names no address of its node but {:?}", manifest.address)));
    };
    // Only an address of this machine can be bound.
    if UdpSocket::bind((address, 0)).is_err() {
        return Err(Error::new(format!(
            "it is of node {} with the address {address}, which this machine has not: give it that address (ip=, or the DHCP server), for its certificates and its etcd are bound to it",
            manifest.node
        )));
    }
    let name = stale_node::host_name().to_ascii_lowercase();
    if root == Path::new("/") && name != manifest.node {
        // kubeadm writes the name down where it is not the host's.
        return Err(Error::new(format!(
            "it is of node {}, and this machine is called {name}: name it so with kutties.hostname={}",
            manifest.node, manifest.node
        )));
    }
    Ok(())
}

/// Refuses files that the manifest does not fit, and those that the holder of the cluster's key has
/// not made, for a cluster that is known.
pub fn files(stage: &Stage, manifest: &Manifest, cluster: Option<&Pin>) -> Result<()> {
    for name in [ETCD, CA, KUBELET] {
        if !stage.has(name) {
            return Err(Error::new(format!("it is no backup that kutties has made: {name} is missing")));
        }
    }
    let ca = stage.path(CA)?;
    let found = facts::cluster(&ca)?;
    if found != manifest.cluster {
        return Err(Error::new(format!("its manifest says cluster {}, but the CA in it is {found}", manifest.cluster)));
    }
    if !stage.has(CA_KEY) {
        return cluster.map_or(Ok(()), |_| {
            Err(Error::new("the key of the cluster's CA is not in it, so nothing proves that the cluster has made it"))
        });
    }
    let pem = fs::read(&ca).on("read", &ca)?;
    if let Some(pin) = cluster.filter(|pin| !pins_of(&pem).is_ok_and(|pins| pins.first() == Some(*pin))) {
        return Err(other_cluster(&found, pin));
    }
    let key = stage.path(CA_KEY)?;
    let key = fs::read(&key).on("read", &key)?;
    belong_together(&pem, &key).map_err(|why| Error::new(format!("the key of the cluster's CA in it is not the CA's: {why}")))
}

/// Refuses a key (PEM) that is not that of the first certificate (PEM).
fn belong_together(certificate: &[u8], key: &[u8]) -> Result<(), rustls::Error> {
    let certificates = CertificateDer::pem_slice_iter(certificate).filter_map(Result::ok).collect();
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| rustls::Error::General(e.to_string()))?;
    let key = ring::sign::any_supported_type(&key)?;
    CertifiedKey::new(certificates, Arc::clone(&key)).keys_match()
}

fn other_cluster(found: &str, wanted: &Pin) -> Error {
    Error::new(format!("it is of another cluster: the hash of its CA is {found}, not {}", wanted.0))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::backup::archive::Store;

    fn about(address: &str) -> Manifest {
        let text = |text: &str| text.to_owned();
        let [version, cluster, name, peer] = ["3.7.0", "c", "n", "https://127.0.0.1:2380"].map(text);
        let etcd = Store { version, cluster, revision: 1, name, peer };
        let [node, cluster, kubernetes, time] = ["n", "sha256:00", "", "t"].map(text);
        Manifest { version: 1, node, address: text(address), cluster, kubernetes, time, etcd }
    }

    #[test]
    fn another_machines_backup_is_refused() {
        let here = Path::new("/tmp");
        manifest(&about("127.0.0.1"), None, here).unwrap();
        let why = manifest(&about("192.0.2.7"), None, here).unwrap_err().to_string();
        assert!(why.contains("with the address 192.0.2.7, which this machine has not: give it that address"), "{why}");
        assert!(manifest(&about("a.example"), None, here).is_err());
        let why = manifest(&about("127.0.0.1"), None, Path::new("/")).unwrap_err().to_string();
        assert!(why.contains("kutties.hostname=n"), "{why}");
        let why = manifest(&about("127.0.0.1"), Some(&Pin("sha256:11".into())), here).unwrap_err().to_string();
        assert!(why.contains("of another cluster: the hash of its CA is sha256:00, not sha256:11"), "{why}");
    }

    #[test]
    fn a_key_and_its_certificate_belong_together() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap().pem();
        belong_together(certificate.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert!(belong_together(certificate.as_bytes(), other.as_bytes()).is_err());
    }
}
