//! A control plane's files as kubeadm makes them, below a root, and its etcd.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::Applet;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};

type Ca = CertifiedIssuer<'static, KeyPair>;

/// Time for etcd to be there.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// Tells whether somebody has named the programs' directory.
pub fn are_programs_here() -> bool {
    std::env::var_os("KUTTIES_PROGRAMS").is_some()
}

/// One of the programs that the test brings.
pub fn program(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("KUTTIES_PROGRAMS").unwrap()).join(name)
}

/// The output of a command that must succeed.
pub fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Call an applet. etcdutl is found beside the test's other programs.
pub fn tried(applet: &Applet, words: &[&str]) -> kit::Result<kit::Exit> {
    let words: Vec<OsString> = words.iter().copied().map(Into::into).collect();
    (applet.run)(&words)
}

/// The files.
pub struct ControlPlane {
    /// The hash of its CA.
    pub pin: String,
    client: u16,
    peer: u16,
}

impl ControlPlane {
    /// Make them.
    pub fn new(root: &Path) -> Self {
        let (client, peer) = (free_port(), free_port());
        let (cluster, etcd) = (ca("kubernetes"), ca("etcd-ca"));
        let pki = root.join("etc/kubernetes/pki");
        for dir in ["etcd", "../manifests", "../kubelet.conf.d", "../tmp"] {
            fs::create_dir_all(pki.join(dir)).unwrap();
        }
        keep(&pki.join("ca"), &cluster.pem(), cluster.key());
        keep(&pki.join("etcd/ca"), &etcd.pem(), etcd.key());
        for name in ["etcd/server", "etcd/peer", "etcd/healthcheck-client", "apiserver-etcd-client"] {
            leaf(&pki.join(name), name, &etcd);
        }
        let kubernetes = root.join("etc/kubernetes");
        fs::write(kubernetes.join("admin.conf"), "not read\n").unwrap();
        fs::write(kubernetes.join("kubelet.conf"), "not read\n").unwrap();
        fs::write(kubernetes.join("kubelet.conf.d/05-kutties-shutdown.conf"), "made anew\n").unwrap();
        fs::write(kubernetes.join("manifests/etcd.yaml"), manifest("etcd", "3.7.0", &flags(client, peer))).unwrap();
        fs::write(kubernetes.join("manifests/kube-apiserver.yaml"), manifest("kube-apiserver", "v1.37.1", &[])).unwrap();
        let kubelet = root.join("var/lib/kubelet");
        fs::create_dir_all(kubelet.join("pki")).unwrap();
        fs::write(kubelet.join("config.yaml"), "kind: KubeletConfiguration\n").unwrap();
        fs::write(kubelet.join("kubeadm-flags.env"), "KUBELET_KUBEADM_ARGS=\"\"\n").unwrap();
        fs::write(kubelet.join("pki/kubelet-client-1.pem"), "a key\n").unwrap();
        let link = kubelet.join("pki/kubelet-client-current.pem");
        std::os::unix::fs::symlink("/var/lib/kubelet/pki/kubelet-client-1.pem", link).unwrap();
        let pin = kube::discovery::pins_of(cluster.pem().as_bytes()).unwrap().remove(0).0;
        Self { pin, client, peer }
    }

    /// Its etcd, with the data and the certificates below `root`.
    pub fn start(&self, root: &Path) -> Etcd {
        let root = fs::canonicalize(root).unwrap();
        let below = |word: String| word.replace("=/", &format!("={}/", root.display()));
        let mut command = Command::new(program("etcd"));
        command.args(flags(self.client, self.peer).into_iter().map(below));
        let log = fs::File::create(root.parent().unwrap().join("etcd.log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let etcd = Etcd { child, root, port: self.client };
        let end = Instant::now() + START_TIMEOUT;
        while !etcd.control(&["endpoint", "health"]).output().unwrap().status.success() {
            assert!(Instant::now() < end, "etcd does not start: see {}", etcd.root.display());
            std::thread::sleep(Duration::from_millis(100));
        }
        etcd
    }
}

/// A running etcd.
pub struct Etcd {
    child: Child,
    root: PathBuf,
    port: u16,
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Etcd {
    fn control(&self, words: &[&str]) -> Command {
        let pki = self.root.join("etc/kubernetes/pki");
        let mut command = Command::new(program("etcdctl"));
        command.arg(format!("--endpoints=https://127.0.0.1:{}", self.port));
        for (flag, file) in
            [("cacert", "etcd/ca.crt"), ("cert", "apiserver-etcd-client.crt"), ("key", "apiserver-etcd-client.key")]
        {
            command.arg(format!("--{flag}={}", pki.join(file).display()));
        }
        command.args(words);
        command
    }

    /// Write a key.
    pub fn put(&self, key: &str, value: &str) {
        // As standard input: a command line is too short for some.
        let file = self.root.join("value");
        fs::write(&file, value).unwrap();
        said(self.control(&["put", key]).stdin(fs::File::open(&file).unwrap()));
        fs::remove_file(file).unwrap();
    }

    /// A key's value, empty when there is none.
    pub fn get(&self, key: &str) -> String {
        said(&mut self.control(&["get", key, "--print-value-only"])).trim_end().to_owned()
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        let answer = said(&mut self.control(&["get", "first", "-w", "json"]));
        serde_json::from_str::<serde_json::Value>(&answer).unwrap()["header"]["revision"].as_u64().unwrap()
    }

    /// The words for a client that goes on where it was at that revision.
    pub fn watch(&self, key: &str, revision: u64) -> String {
        let output = self.control(&["watch", key, &format!("--rev={revision}")]).stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

/// etcd's arguments, as kubeadm writes them.
fn flags(client: u16, peer: u16) -> Vec<String> {
    let pki = "/etc/kubernetes/pki/etcd";
    [
        format!("--advertise-client-urls=https://127.0.0.1:{client}"),
        format!("--cert-file={pki}/server.crt"),
        "--client-cert-auth=true".into(),
        "--data-dir=/var/lib/etcd".into(),
        format!("--initial-advertise-peer-urls=https://127.0.0.1:{peer}"),
        format!("--initial-cluster=cp1=https://127.0.0.1:{peer}"),
        format!("--key-file={pki}/server.key"),
        format!("--listen-client-urls=https://127.0.0.1:{client}"),
        format!("--listen-peer-urls=https://127.0.0.1:{peer}"),
        "--name=cp1".into(),
        format!("--peer-cert-file={pki}/peer.crt"),
        "--peer-client-cert-auth=true".into(),
        format!("--peer-key-file={pki}/peer.key"),
        format!("--peer-trusted-ca-file={pki}/ca.crt"),
        format!("--trusted-ca-file={pki}/ca.crt"),
    ]
    .into()
}

fn manifest(name: &str, version: &str, flags: &[String]) -> String {
    let words = flags.iter().fold(String::new(), |text, flag| text + "    - " + flag + "\n");
    format!(
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: {name}\n    image: registry.k8s.io/{name}:{version}\n    command:\n    - {name}\n{words}"
    )
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn ca(name: &str) -> Ca {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn leaf(path: &Path, name: &str, ca: &Ca) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    keep(path, &params.signed_by(&key, ca).unwrap().pem(), &key);
}

fn keep(path: &Path, certificate: &str, key: &KeyPair) {
    fs::write(path.with_extension("crt"), certificate).unwrap();
    fs::write(path.with_extension("key"), key.serialize_pem()).unwrap();
}
