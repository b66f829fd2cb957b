//! This machine's own API server, asked at its own address with the administrator's kubeconfig.
//!
//! kubeadm writes the shared address into that file, which is what must not be asked: the server's own is in its static pod. A kubelet's
//! credentials would not do, as a kubelet may write Leases of `kube-node-lease` alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kit::{Context, Error, Result};

use super::lease::{Lease, NAME};
use super::member::Cluster;
use crate::api::{Answer, Api};
use crate::kubeconfig::Kubeconfig;
use crate::yaml;

/// The directory of these files.
pub const DIR: &str = "/etc/kubernetes";
const MANIFEST: &str = "manifests/kube-apiserver.yaml";
const ADMIN: &str = "admin.conf";
/// kubeadm's default.
const PORT: &str = "6443";
/// A server on this machine answers at once or is in trouble. An emulated one needs a second, with TLS.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

/// The server, when there is one.
pub struct Local {
    dir: PathBuf,
    /// The client, and the times of the files that it was made from.
    api: Option<(Times, Api)>,
}

type Times = [Option<SystemTime>; 2];

impl Local {
    /// The server of that directory.
    pub const fn new(dir: PathBuf) -> Self {
        Self { dir, api: None }
    }

    /// The client that was made last: a server whose files have gone may answer for a moment.
    pub fn last(&self) -> Option<&Api> {
        self.api.as_ref().map(|(_, api)| api)
    }

    /// A client of it; none on a machine without a control plane. Files that have changed are read again.
    pub fn api(&mut self) -> Result<Option<&Api>> {
        let times = [MANIFEST, ADMIN].map(|name| fs::metadata(self.dir.join(name)).and_then(|about| about.modified()).ok());
        if times.iter().any(Option::is_none) {
            return Ok(None);
        }
        if self.api.as_ref().is_none_or(|(of, _)| *of != times) {
            self.api = Some((times, open(&self.dir)?));
        }
        Ok(self.last())
    }
}

fn open(dir: &Path) -> Result<Api> {
    let manifest = dir.join(MANIFEST);
    let text = fs::read_to_string(&manifest).on("read", &manifest)?;
    let endpoint = endpoint(&text).on("read", &manifest)?;
    let admin = dir.join(ADMIN);
    let text = fs::read_to_string(&admin).on("read", &admin)?;
    let config = Kubeconfig::parse(&text, Some(dir)).on("read", &admin)?;
    Ok(Api::verified(&endpoint, &config.ca, &config.credentials)?.with_timeout(ANSWER_TIMEOUT))
}

/// Address and port of the API server that a static pod runs: where it listens, or what it says of itself when it listens everywhere.
fn endpoint(manifest: &str) -> Result<String> {
    let pod = yaml::document(manifest)?;
    let words = pod["spec"]["containers"][0]["command"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
    let words: Vec<&str> = words.collect();
    let value = |option: &str| words.iter().rev().find_map(|word| word.strip_prefix(option)?.strip_prefix('='));
    let everywhere = |host: &&str| !matches!(*host, "" | "0.0.0.0" | "::");
    let host = value("--bind-address").filter(everywhere).or_else(|| value("--advertise-address"));
    let host = host.ok_or_else(|| Error::new("its command has no --advertise-address"))?;
    let port = value("--secure-port").unwrap_or(PORT);
    Ok(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

impl Cluster for Api {
    fn is_ready(&self) -> Result<bool> {
        Ok(self.get_bytes("/readyz")?.status == 200)
    }

    fn read(&self) -> Result<Option<Lease>> {
        let answer = self.get(&format!("{LEASES}/{NAME}"))?;
        match answer.status {
            200 => {
                Lease::parse(&answer.body).map(Some).ok_or_else(|| Error::new(format!("read the Lease {NAME}: it is no Lease")))
            }
            404 => Ok(None),
            _ => Err(refusal(&answer, "read")),
        }
    }

    fn write(&self, lease: &Lease) -> Result<bool> {
        let document = lease.document(SystemTime::now());
        let is_new = lease.version.is_empty();
        let answer = if is_new { self.post(LEASES, &document) } else { self.put(&format!("{LEASES}/{NAME}"), &document) }?;
        match (answer.status, is_new) {
            (201, true) | (200, false) => Ok(true),
            // Somebody else has written it, or deleted it.
            (409, _) | (404, false) => Ok(false),
            _ => Err(refusal(&answer, "write")),
        }
    }
}

fn refusal(answer: &Answer, verb: &str) -> Error {
    let why = answer.body["message"].as_str().map_or_else(|| format!("status {}", answer.status), str::to_owned);
    Error::new(format!("{verb} the Lease {NAME}: {why}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn manifest(words: &[&str]) -> String {
        let words: String = words.iter().fold(String::new(), |text, word| text + &format!("    - {word}\n"));
        format!(
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n{words}    name: kube-apiserver\n"
        )
    }

    #[test]
    fn the_servers_own_address_is_in_its_pod() {
        for (words, expected) in [
            (&["--advertise-address=10.0.0.1", "--allow-privileged=true", "--secure-port=6443"][..], "10.0.0.1:6443"),
            (&["--advertise-address=fd00::1", "--bind-address=::", "--secure-port=8443"], "[fd00::1]:8443"),
            (&["--advertise-address=10.0.0.1", "--bind-address=10.0.0.2"], "10.0.0.2:6443"),
            (&["--advertise-address=10.0.0.1", "--bind-address=0.0.0.0", "--advertise-address=10.0.0.3"], "10.0.0.3:6443"),
        ] {
            assert_eq!(endpoint(&manifest(words)).unwrap(), expected);
        }
        for wrong in [manifest(&["--secure-port=6443"]), "kind: Pod\n".into(), String::new(), "{".into()] {
            assert!(endpoint(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_machine_without_a_control_plane_has_none() {
        let dir = std::env::temp_dir().join(format!("kutties-vip-local-{}", std::process::id()));
        fs::create_dir_all(dir.join("manifests")).unwrap();
        let mut local = Local::new(dir.clone());
        assert!(local.api().unwrap().is_none());
        fs::write(dir.join(MANIFEST), manifest(&["--advertise-address=10.0.0.1"])).unwrap();
        assert!(local.api().unwrap().is_none());
        fs::write(dir.join(ADMIN), "clusters: []\n").unwrap();
        assert!(local.api().is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
