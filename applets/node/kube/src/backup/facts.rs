//! A control plane's own files: which of them a backup holds, and what they say about it.
//!
//! All paths are below a root, which is / but in tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use serde_json::Value;

use super::archive::{Entry, LONGEST, MOST, What};
use crate::api::Api;
use crate::discovery::pins_of;
use crate::http_stream::Url;
use crate::kubeconfig::Credentials;
use crate::yaml;

/// The manifest that makes a node keep a store of its own.
pub const ETCD: &str = "etc/kubernetes/manifests/etcd.yaml";
/// The API server's.
const API_SERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";
/// The cluster's CA.
pub const CA: &str = "etc/kubernetes/pki/ca.crt";
/// The key of that; not there where somebody else signs for the cluster.
pub const CA_KEY: &str = "etc/kubernetes/pki/ca.key";
/// Directory of etcd's data, as kubeadm has it.
pub const DATA: &str = "var/lib/etcd";
/// The file that starts the kubelet: it is put back last.
pub const KUBELET: &str = "var/lib/kubelet/config.yaml";
/// Files that a control plane needs to be itself again: kubeadm's, and those by which its kubelet
/// is known.
pub const HELD: &[&str] = &[
    "etc/kubernetes",
    "etc/default/kubelet",
    KUBELET,
    "var/lib/kubelet/kubeadm-flags.env",
    "var/lib/kubelet/instance-config.yaml",
    "var/lib/kubelet/pki",
];
/// Files that this system makes anew, and those that kubeadm keeps of earlier upgrades.
const LEFT_OUT: &[&str] = &["etc/kubernetes/tmp", "etc/kubernetes/kubelet.conf.d/05-kutties-shutdown.conf"];
/// Certificates of clients that etcd believes, in order.
const CLIENTS: &[&str] =
    &["etc/kubernetes/pki/etcd/healthcheck-client", "etc/kubernetes/pki/apiserver-etcd-client", "etc/kubernetes/pki/etcd/server"];

/// Facts from the files.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    /// The member's name, which kubeadm makes the Node's.
    pub name: String,
    /// The URL that peers know it by.
    pub peer: String,
    /// The host of that.
    pub address: String,
    /// `HOST:PORT` for clients on this machine.
    pub endpoint: String,
    /// The hash of the CA.
    pub cluster: String,
    /// The API server's version; empty when its image has no such tag.
    pub kubernetes: String,
}

impl Facts {
    /// Those of the control plane below `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(ETCD);
        if !path.exists() {
            return Err(Error::new(format!("{} is missing: this node keeps no store of a cluster", path.display())));
        }
        let etcd = manifest(&path)?;
        let flag = |name: &str| option(&etcd, name).ok_or_else(|| Error::new(format!("{} has no --{name}", path.display())));
        let data = flag("data-dir")?;
        if data != format!("/{DATA}") {
            return Err(Error::new(format!("etcd's data is in {data}, but a restored one's would be in /{DATA}")));
        }
        let peer = flag("initial-advertise-peer-urls")?;
        let address = host(&peer).ok_or_else(|| Error::new(format!("{}: {peer:?} is no URL", path.display())))?;
        Ok(Self {
            name: flag("name")?,
            address,
            peer,
            endpoint: endpoint(&flag("listen-client-urls")?)?,
            cluster: cluster(&root.join(CA))?,
            kubernetes: manifest(&root.join(API_SERVER)).ok().and_then(|pod| version(&pod)).unwrap_or_default(),
        })
    }

    /// The store, as a client that it believes.
    pub fn store(&self, root: &Path) -> Result<Api> {
        let read = |name: &str| fs::read(root.join(name)).on("read", root.join(name));
        let ca = read("etc/kubernetes/pki/etcd/ca.crt")?;
        let client = CLIENTS.iter().find(|client| root.join(format!("{client}.key")).exists());
        let client = client.ok_or_else(|| Error::new("there is no certificate for etcd in /etc/kubernetes/pki"))?;
        let credentials = Credentials::Certificate(read(&format!("{client}.crt"))?, read(&format!("{client}.key"))?);
        Api::verified(&self.endpoint, &ca, &credentials)
    }
}

/// The hash of a CA in a file.
pub fn cluster(path: &Path) -> Result<String> {
    let pem = fs::read(path).on("read", path)?;
    let pins = pins_of(&pem).on("read", path)?;
    pins.into_iter().next().map(|pin| pin.0).ok_or_else(|| Error::new(format!("{} holds no certificate", path.display())))
}

fn manifest(path: &Path) -> Result<Value> {
    yaml::document(&fs::read_to_string(path).on("read", path)?).on("read", path)
}

/// `--NAME=VALUE` of the pod's first container.
fn option(pod: &Value, name: &str) -> Option<String> {
    let container = &pod["spec"]["containers"][0];
    let words = ["command", "args"].into_iter().flat_map(|field| container[field].as_array().into_iter().flatten());
    let mut words = words.filter_map(Value::as_str);
    words.find_map(|word| word.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

/// The tag of the image, when it is a version.
fn version(pod: &Value) -> Option<String> {
    let image = pod["spec"]["containers"][0]["image"].as_str()?;
    let tag = image.split('@').next()?.rsplit_once(':')?.1;
    (tag.starts_with('v') && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))).then(|| tag.to_owned())
}

/// The first URL for clients that is of this machine alone, or the first of all.
fn endpoint(urls: &str) -> Result<String> {
    let urls: Vec<Url> = urls.split(',').filter_map(|url| Url::parse(url).ok()).filter(|url| url.tls).collect();
    let own = |url: &&Url| url.endpoint.starts_with("127.") || url.endpoint.starts_with("[::1]");
    let url = urls.iter().find(own).or_else(|| urls.first());
    url.map(|url| url.endpoint.clone()).ok_or_else(|| Error::new("etcd serves no HTTPS: only kubeadm's form is known"))
}

/// The host of a URL, without brackets.
fn host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    crate::endpoint::split(&url.endpoint).ok().map(|(host, _)| host.to_owned())
}

/// The files of a backup, directories before what is in them.
pub fn held(root: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for name in HELD {
        collect(root, name, &mut entries)?;
    }
    Ok(entries)
}

fn collect(root: &Path, name: &str, entries: &mut Vec<Entry>) -> Result<()> {
    let path = root.join(name);
    let Ok(about) = path.symlink_metadata() else { return Ok(()) };
    if LEFT_OUT.contains(&name) {
        return Ok(());
    }
    if entries.len() >= MOST {
        return Err(Error::new(format!("there are more than {MOST} files in {}", root.join("etc/kubernetes").display())));
    }
    let mode = about.permissions().mode() & 0o777;
    let entry = |what| Entry { name: name.to_owned(), mode, what };
    if about.is_dir() {
        entries.push(entry(What::Directory));
        return names(&path)?.iter().try_for_each(|inner| collect(root, &format!("{name}/{inner}"), entries));
    }
    if about.is_symlink() {
        let to = fs::read_link(&path).on("read", &path)?;
        // A root of tests is not a part of the name.
        let to = to.strip_prefix(root).map_or_else(|_| to.clone(), |rest| Path::new("/").join(rest));
        entries.push(entry(What::Link(to.to_string_lossy().into_owned())));
    } else if about.is_file() {
        if about.len() > LONGEST {
            return Err(Error::new(format!("{} is longer than {LONGEST} bytes", path.display())));
        }
        let content = fs::read(&path).on("read", &path)?;
        entries.push(entry(What::File(content)));
    }
    Ok(())
}

/// The names in a directory, sorted.
fn names(path: &PathBuf) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).on("read", path)? {
        names.push(entry.on("read", path)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_kubeadm_writes_is_understood() {
        let command = ["etcd", "--data-dir=/var/lib/etcd", "--name=cp1", "--initial-advertise-peer-urls=https://10.0.0.5:2380"];
        let pod =
            json!({"spec": {"containers": [{"command": command, "image": "registry.k8s.io/kube-apiserver:v1.37.1@sha256:00"}]}});
        assert_eq!(option(&pod, "name").as_deref(), Some("cp1"));
        assert_eq!(option(&pod, "nam"), None);
        assert_eq!(version(&pod).as_deref(), Some("v1.37.1"));
        assert_eq!(host("https://[fd00::5]:2380").as_deref(), Some("fd00::5"));
        let urls = "https://10.0.0.5:2379,https://127.0.0.1:2379";
        assert_eq!(endpoint(urls).unwrap(), "127.0.0.1:2379");
        assert_eq!(endpoint("https://10.0.0.5:2379").unwrap(), "10.0.0.5:2379");
        assert!(endpoint("http://127.0.0.1:2379").is_err());
    }

    #[test]
    fn a_worker_has_nothing_to_back_up() {
        let why = Facts::read(Path::new("/nonexistent")).unwrap_err().to_string();
        assert!(why.ends_with("this node keeps no store of a cluster"), "{why}");
    }
}
