//! The files that make a kubelet join, as kubeadm 1.37 writes them; a join that fails leaves none behind.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use kit::fs::Form;
use kit::{Context, Error, Result, paths};
use serde_json::{Value, json};

use crate::kubeconfig::Kubeconfig;
use crate::plan::Plan;
use crate::{own_ca, yaml};

/// Kubeconfig with which the kubelet asks for its certificate; gone once it has that.
pub const BOOTSTRAP: &str = "etc/kubernetes/bootstrap-kubelet.conf";
/// This node's own part of the kubelet's configuration.
const INSTANCE: &str = "var/lib/kubelet/instance-config.yaml";

/// Files that were written, and what was there before.
#[derive(Debug)]
pub struct Written {
    root: PathBuf,
    before: Vec<(PathBuf, Option<Vec<u8>>)>,
}

impl Written {
    /// None yet; paths are below `root`.
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), before: vec![] }
    }

    /// Write one. Directories are made as kubeadm makes them.
    fn put(&mut self, path: &str, content: &[u8], mode: u32) -> Result<()> {
        let path = self.root.join(path.trim_start_matches('/'));
        if let Some(directory) = path.parent() {
            let secret = directory.ends_with("var/lib/kubelet");
            let outcome = DirBuilder::new().recursive(true).mode(if secret { 0o700 } else { 0o755 }).create(directory);
            outcome.on("make", directory)?;
        }
        let before = match fs::read(&path) {
            Ok(before) => Some(before),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(e).on("read", &path),
        };
        self.before.push((path.clone(), before));
        // A new file, so that a secret is never readable for all.
        kit::fs::replace(&path, content, Form { mode, sync: false })
    }

    /// Put everything back as it was.
    pub fn undo(self) {
        for (path, before) in self.before.into_iter().rev() {
            // A file that can't be put back is not worse than the one that is there.
            let _ = match before {
                Some(content) => fs::write(&path, content),
                None => fs::remove_file(&path),
            };
        }
    }

    /// All of them. `config` is the cluster's configuration for kubelets; gives what was changed in it for this node.
    pub fn write(&mut self, plan: &Plan, cluster: &Kubeconfig, mut config: Value, host: &str) -> Result<Vec<String>> {
        self.put(BOOTSTRAP, cluster.text().as_bytes(), 0o600)?;
        let differs = self.put_ca(&plan.ca, &cluster.ca)?;
        let socket = format!("unix://{}", paths::CRI);
        self.put(INSTANCE, format!("containerRuntimeEndpoint: \"{socket}\"\n").as_bytes(), 0o644)?;
        let mut changed = self.fit(plan, &mut config);
        changed.extend(differs);
        config["containerRuntimeEndpoint"] = socket.into();
        self.put(paths::KUBELET_CONFIG, yaml::text(&config).as_bytes(), 0o644)?;
        let flags = arguments(plan, host).join(" ");
        let flags = flags.replace('\\', "\\\\").replace('"', "\\\"");
        self.put(paths::KUBELET_FLAGS, format!("KUBELET_KUBEADM_ARGS=\"{flags}\"\n").as_bytes(), 0o644)?;
        Ok(changed)
    }

    /// The CA. A file that is there already stays as its owner brought it, and must hold a CA of this cluster's; gives what differs.
    fn put_ca(&mut self, path: &str, ca: &[u8]) -> Result<Option<String>> {
        let there = self.root.join(path.trim_start_matches('/'));
        match fs::read(&there) {
            Ok(own) => own_ca::compare(path, &own, ca),
            Err(e) if e.kind() == ErrorKind::NotFound => self.put(path, ca, 0o644).map(|()| None),
            Err(e) => Err(e).on("read", &there),
        }
    }

    /// Files that the cluster's configuration names and this node has not: a CA at the control plane's own place, or the resolv.conf
    /// of a program that does not run here. The kubelet would not start, or would make no pod.
    fn fit(&self, plan: &Plan, config: &mut Value) -> Vec<String> {
        let table = [("/authentication/x509/clientCAFile", plan.ca.as_str()), ("/resolvConf", "/etc/resolv.conf")];
        let mut changed = Vec::new();
        for (field, own) in table {
            let Some(value) = config.pointer_mut(field) else { continue };
            let Some(path) = value.as_str().filter(|path| !path.is_empty()).map(str::to_owned) else { continue };
            if !self.root.join(path.trim_start_matches('/')).exists() {
                changed.push(format!("the cluster's kubelets use {path}, which is not here: this one uses {own}"));
                *value = own.into();
            }
        }
        changed
    }
}

/// Checks that this is a configuration of kubelets.
pub fn check(config: &Value) -> Result<()> {
    let is = config["kind"] == "KubeletConfiguration" && config["apiVersion"] == "kubelet.config.k8s.io/v1beta1";
    if is {
        Ok(())
    } else {
        Err(Error::new("the cluster's kubelet-config is no KubeletConfiguration of kubelet.config.k8s.io/v1beta1"))
    }
}

/// Returns the address of the health check for a kubelet of that configuration; none when it has
/// none.
pub fn health(config: &Value) -> Option<String> {
    let address = config["healthzBindAddress"].as_str().filter(|a| !a.is_empty()).unwrap_or("127.0.0.1");
    let port = config.get("healthzPort").unwrap_or(&json!(10248)).as_u64()?;
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    (port != 0).then(|| format!("{address}:{port}"))
}

/// The kubelet's arguments of this node, in kubeadm's order.
fn arguments(plan: &Plan, host: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let own = |name: &str| plan.kubelet_args.iter().any(|(given, _)| given == name);
    if let Some(name) = plan.node.as_ref().filter(|name| *name != host && !own("hostname-override")) {
        arguments.push(format!("--hostname-override={name}"));
    }
    if !plan.taints.is_empty() && !own("register-with-taints") {
        arguments.push(format!("--register-with-taints={}", plan.taints.join(",")));
    }
    arguments.extend(plan.kubelet_args.iter().map(|(name, value)| format!("--{name}={value}")));
    arguments
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::kubeconfig::Credentials;
    use crate::plan::Discovery;
    use std::os::unix::fs::PermissionsExt;

    fn cluster() -> Kubeconfig {
        Kubeconfig { endpoint: "10.0.0.1:6443".into(), ca: b"ca\n".to_vec(), credentials: Credentials::Token("a.b".into()) }
    }

    fn config() -> Value {
        json!({"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1", "containerRuntimeEndpoint": "",
            "authentication": {"x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}}, "resolvConf": "/run/systemd/resolve/resolv.conf"})
    }

    fn root(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("kutties-join-{}-{name}", std::process::id()));
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc/resolv.conf"), "").unwrap();
        root
    }

    #[test]
    fn what_kubeadm_writes_is_written() {
        let root = root("all");
        let mut plan = Plan::new(Discovery::File("/x".into()), None);
        plan.node = Some("n1".into());
        plan.taints = vec!["a:NoSchedule".into()];
        plan.kubelet_args = vec![("node-labels".into(), "a=\"b\"".into())];
        let mut files = Written::below(&root);
        let changed = files.write(&plan, &cluster(), config(), "host").unwrap();
        assert!(changed.len() == 1 && changed[0].contains("/run/systemd/resolve/resolv.conf"), "{changed:?}");
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
        let kubelet = yaml::document(&read("var/lib/kubelet/config.yaml")).unwrap();
        assert_eq!(kubelet["containerRuntimeEndpoint"], "unix:///run/kutties/cri.sock");
        assert_eq!(
            (&kubelet["resolvConf"], &kubelet["authentication"]["x509"]["clientCAFile"]),
            (&json!("/etc/resolv.conf"), &json!("/etc/kubernetes/pki/ca.crt"))
        );
        assert_eq!(
            read("var/lib/kubelet/kubeadm-flags.env"),
            "KUBELET_KUBEADM_ARGS=\"--hostname-override=n1 --register-with-taints=a:NoSchedule --node-labels=a=\\\"b\\\"\"\n"
        );
        assert_eq!(read("var/lib/kubelet/instance-config.yaml"), "containerRuntimeEndpoint: \"unix:///run/kutties/cri.sock\"\n");
        assert_eq!(read("etc/kubernetes/pki/ca.crt"), "ca\n");
        assert_eq!(Kubeconfig::parse(&read(BOOTSTRAP), None).unwrap(), cluster());
        let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(BOOTSTRAP), mode("var/lib/kubelet"), mode("etc/kubernetes/pki/ca.crt")), (0o600, 0o700, 0o644));
        files.undo();
        for path in [BOOTSTRAP, "etc/kubernetes/pki/ca.crt", "var/lib/kubelet/config.yaml", "var/lib/kubelet/kubeadm-flags.env"] {
            assert!(!root.join(path).exists(), "{path}");
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_was_there_comes_back_and_another_ca_is_refused() {
        let root = root("back");
        let plan = Plan::new(Discovery::File("/x".into()), None);
        fs::create_dir_all(root.join("etc/kubernetes/pki")).unwrap();
        fs::write(root.join(BOOTSTRAP), "mine").unwrap();
        let [ours, theirs] = [(); 2].map(|()| certificate());
        let cluster = Kubeconfig { ca: ours.clone().into_bytes(), ..cluster() };
        for (wrong, says) in [(theirs.as_str(), "another cluster"), ("no certificate", "no certificate"), ("", "no certificate")]
        {
            fs::write(root.join("etc/kubernetes/pki/ca.crt"), wrong).unwrap();
            let mut files = Written::below(&root);
            let said = files.write(&plan, &cluster, config(), "host").unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
            files.undo();
            assert_eq!(fs::read_to_string(root.join(BOOTSTRAP)).unwrap(), "mine");
            assert_eq!(fs::read_to_string(root.join("etc/kubernetes/pki/ca.crt")).unwrap(), wrong);
        }
        fs::remove_dir_all(root).unwrap();
    }

    /// A CA's certificate with a key of its own.
    fn certificate() -> String {
        let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn a_ca_that_the_owner_brought_stays_as_it_is() {
        let root = root("own-ca");
        let plan = Plan::new(Discovery::File("/x".into()), None);
        fs::create_dir_all(root.join("etc/kubernetes/pki")).unwrap();
        let file = root.join("etc/kubernetes/pki/ca.crt");
        let [old, new, other] = [(); 3].map(|()| certificate());
        let cluster = Kubeconfig { ca: format!("{new}{old}").into_bytes(), ..cluster() };
        let join = |own: &str| {
            fs::write(&file, own).unwrap();
            let mut files = Written::below(&root);
            let changed = files.write(&plan, &cluster, config(), "host").unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), own);
            // The kubelet asks for its certificate with all that was proved.
            let bootstrap = Kubeconfig::parse(&fs::read_to_string(root.join(BOOTSTRAP)).unwrap(), None).unwrap();
            assert_eq!(bootstrap.ca, cluster.ca);
            files.undo();
            assert_eq!(fs::read_to_string(&file).unwrap(), own);
            changed.into_iter().filter(|line| line.contains("ca.crt")).collect::<Vec<_>>()
        };
        let pin = |pem: &str| crate::discovery::pins_of(pem.as_bytes()).unwrap().remove(0).0;
        // The same in another order, with remarks, twice, and with other line ends.
        for same in
            [format!("{old}{new}"), format!("# old\n{old}\n# new\n{new}{old}"), format!("{new}{old}").replace('\n', "\r\n")]
        {
            assert_eq!(join(&same), [""; 0], "{same}");
        }
        for (own, lacks) in [(&old, &new), (&new, &old)] {
            let said = join(own).concat();
            assert!(said.contains(&format!("lacks {}", pin(lacks))) && !said.contains(&pin(own)), "{said}");
        }
        let said = join(&format!("{old}{other}{new}")).concat();
        assert!(said.contains(&pin(&other)) && said.contains("none of the cluster's") && !said.contains("lacks"), "{said}");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn health_is_where_the_configuration_says() {
        assert_eq!(health(&json!({})), Some("127.0.0.1:10248".into()));
        assert_eq!(health(&json!({"healthzBindAddress": "::1", "healthzPort": 1})), Some("[::1]:1".into()));
        assert_eq!(health(&json!({"healthzPort": 0})), None);
        assert!(check(&json!({"kind": "Pod"})).is_err() && check(&config()).is_ok());
    }
}
