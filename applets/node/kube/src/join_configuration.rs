//! kubeadm's `JoinConfiguration` (kubeadm.k8s.io/v1beta4), as far as it speaks of a worker. A field that is not known is an error.

use std::collections::BTreeMap;

use kit::{Context, Error, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::discovery::{Pin, Token};
use crate::duration::duration;
use crate::plan::{Discovery, Plan, check_name, check_socket};
use crate::yaml;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct JoinConfiguration {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    node_registration: NodeRegistration,
    ca_cert_path: Option<String>,
    discovery: DiscoveryPart,
    control_plane: Option<Value>,
    #[serde(default)]
    skip_phases: Vec<String>,
    patches: Option<Value>,
    #[serde(default)]
    timeouts: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NodeRegistration {
    name: Option<String>,
    cri_socket: Option<String>,
    taints: Option<Vec<Taint>>,
    #[serde(default)]
    kubelet_extra_args: Vec<Argument>,
    #[serde(default)]
    ignore_preflight_errors: Vec<String>,
    // Both speak of the control plane's images, of which a worker pulls none.
    #[serde(rename = "imagePullPolicy")]
    _image_pull_policy: Option<String>,
    #[serde(rename = "imagePullSerial")]
    _image_pull_serial: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Argument {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Taint {
    key: String,
    #[serde(default)]
    value: String,
    effect: String,
    #[serde(rename = "timeAdded")]
    _time_added: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DiscoveryPart {
    bootstrap_token: Option<ByToken>,
    file: Option<ByFile>,
    tls_bootstrap_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ByToken {
    token: String,
    api_server_endpoint: String,
    #[serde(default)]
    ca_cert_hashes: Vec<String>,
    #[serde(default, rename = "unsafeSkipCAVerification")]
    unsafe_skip_ca_verification: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ByFile {
    kube_config_path: String,
}

/// The plan that a file describes.
pub fn read(file: &str) -> Result<Plan> {
    let text = std::fs::read_to_string(file).on("read", file)?;
    parse(&text).doing(format_args!("read {file}"))
}

/// The same from its text.
pub fn parse(text: &str) -> Result<Plan> {
    let documents = yaml::documents(text)?;
    let is_join = |document: &&Value| document["kind"] == "JoinConfiguration";
    let document = documents.iter().find(is_join).ok_or_else(|| Error::new("it holds no JoinConfiguration"))?;
    if document["apiVersion"] != "kubeadm.k8s.io/v1beta4" {
        return Err(Error::new(format!("its version is {}, not kubeadm.k8s.io/v1beta4", document["apiVersion"])));
    }
    let file: JoinConfiguration =
        serde_json::from_value(document.clone()).map_err(|e| Error::new(format!("its JoinConfiguration is wrong: {e}")))?;
    file.plan()
}

impl JoinConfiguration {
    fn plan(self) -> Result<Plan> {
        let given = |name: &str, is: bool| {
            if is { Err(Error::new(format!("{name} needs kubeadm, and this is a native join"))) } else { Ok(()) }
        };
        given("controlPlane", self.control_plane.is_some_and(|part| !part.is_null()))?;
        given("patches", self.patches.is_some_and(|part| !part.is_null()))?;
        given("dryRun", self.dry_run)?;
        let mut plan = self.discovery.plan()?;
        let node = self.node_registration;
        plan.node = node.name.filter(|name| !name.is_empty()).map(|name| check_name(&name)).transpose()?;
        node.cri_socket.filter(|socket| !socket.is_empty()).map_or(Ok(()), |socket| check_socket(&socket))?;
        plan.taints = node.taints.unwrap_or_default().iter().map(Taint::text).collect::<Result<_>>()?;
        for Argument { name, value } in node.kubelet_extra_args {
            plan.kubelet_args.push((word(name)?, one_line(value)?));
        }
        plan.ignored = node.ignore_preflight_errors.iter().map(|name| name.to_ascii_lowercase()).collect();
        plan.skipped = self.skip_phases;
        if let Some(path) = self.ca_cert_path {
            if !path.starts_with('/') {
                return Err(Error::new(format!("caCertPath {path:?} is not an absolute path")));
            }
            plan.ca = path;
        }
        for (name, text) in &self.timeouts {
            let limit =
                duration(text).ok_or_else(|| Error::new(format!("timeouts.{name} {text:?} is not a time such as 4m0s")))?;
            match name.as_str() {
                "discovery" => plan.reach = limit,
                "kubeletHealthCheck" => plan.healthy = limit,
                "tlsBootstrap" => plan.bootstrapped = limit,
                // These speak of what a worker has not.
                "controlPlaneComponentHealthCheck" | "kubernetesAPICall" | "etcdAPICall" | "upgradeManifests" => {}
                _ => return Err(Error::new(format!("there is no timeouts.{name}"))),
            }
        }
        Ok(plan)
    }
}

impl DiscoveryPart {
    fn plan(self) -> Result<Plan> {
        let tls = self.tls_bootstrap_token.filter(|token| !token.is_empty()).map(|token| Token::parse(&token)).transpose()?;
        match (self.bootstrap_token, self.file) {
            (Some(by), None) => {
                let token = Token::parse(&by.token)?;
                let pins = by.ca_cert_hashes.iter().map(|hash| Pin::parse(hash)).collect::<Result<_>>()?;
                let bootstrap = tls.unwrap_or_else(|| token.clone());
                let any_ca = by.unsafe_skip_ca_verification;
                let discovery = Discovery::Token { endpoint: by.api_server_endpoint, token, pins, any_ca };
                Ok(Plan::new(discovery, Some(bootstrap)))
            }
            (None, Some(by)) => Ok(Plan::new(Discovery::File(by.kube_config_path), tls)),
            _ => Err(Error::new("its discovery must have either a bootstrapToken or a file")),
        }
    }
}

impl Taint {
    fn text(&self) -> Result<String> {
        if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&self.effect.as_str()) {
            return Err(Error::new(format!("the taint {} has no effect {:?}", self.key, self.effect)));
        }
        let value = if self.value.is_empty() { String::new() } else { format!("={}", self.value) };
        let text = format!("{}{value}:{}", self.key, self.effect);
        if text.bytes().any(|b| b == b',' || !b.is_ascii_graphic()) {
            Err(Error::new(format!("the taint {text:?} is not one word")))
        } else {
            Ok(text)
        }
    }
}

/// The name of a flag, which becomes a word of a command line.
fn word(name: String) -> Result<String> {
    if !name.is_empty()
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
    {
        return Ok(name);
    }
    Err(Error::new(format!("{name:?} is not the name of a kubelet's flag, which stands without dashes")))
}

fn one_line(value: String) -> Result<String> {
    if value.chars().any(char::is_control) {
        Err(Error::new(format!("the flag's value {value:?} is not one line")))
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::time::Duration;

    const HEAD: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n";
    const BY_TOKEN: &str = "discovery:\n  bootstrapToken:\n    token: abcdef.0123456789abcdef\n    apiServerEndpoint: 10.0.0.1:6443\n    unsafeSkipCAVerification: true\n";

    #[test]
    fn a_workers_file_is_taken() {
        let text = format!(
            "{HEAD}{BY_TOKEN}nodeRegistration:\n  name: Node-1\n  criSocket: unix:///run/kutties/cri.sock\n  taints:\n  - {{key: a/b, value: c, effect: NoSchedule}}\n  kubeletExtraArgs:\n  - {{name: node-labels, value: 'a=b,c=d'}}\n  ignorePreflightErrors: [Swap]\ntimeouts: {{discovery: 2m, tlsBootstrap: 10m0s}}\nskipPhases: [preflight]\n"
        );
        let plan = parse(&text).unwrap();
        assert_eq!(plan.node.as_deref(), Some("node-1"));
        assert_eq!(
            (plan.taints, plan.kubelet_args),
            (vec!["a/b=c:NoSchedule".into()], vec![("node-labels".into(), "a=b,c=d".into())])
        );
        assert_eq!((plan.reach, plan.bootstrapped), (Duration::from_mins(2), Duration::from_mins(10)));
        assert!(plan.bootstrap.is_some() && matches!(plan.discovery, Discovery::Token { any_ca: true, .. }));
        let by_file = format!("{HEAD}discovery: {{file: {{kubeConfigPath: /x}}, tlsBootstrapToken: abcdef.0123456789abcdef}}\n");
        assert_eq!(parse(&by_file).unwrap().discovery, Discovery::File("/x".into()));
    }

    #[test]
    fn what_is_not_known_or_wrong_is_an_error() {
        let whole = |more: &str| format!("{HEAD}{BY_TOKEN}{more}");
        let table = [
            (whole("nodeRegistraton: {}\n"), "nodeRegistraton"),
            (whole("nodeRegistration: {nam: x}\n"), "nam"),
            (whole("controlPlane: {}\n"), "controlPlane"),
            (whole("patches: {directory: /x}\n"), "patches"),
            (whole("timeouts: {discovery: soon}\n"), "soon"),
            (whole("timeouts: {nonsense: 1s}\n"), "nonsense"),
            (whole("nodeRegistration: {taints: [{key: a, effect: Now}]}\n"), "Now"),
            (whole("nodeRegistration: {kubeletExtraArgs: [{name: --v, value: '1'}]}\n"), "--v"),
            (whole("nodeRegistration: {kubeletExtraArgs: [{name: v, value: \"1\\n2\"}]}\n"), "one line"),
            (whole("nodeRegistration: {criSocket: unix:///run/crio/crio.sock}\n"), "runtime"),
            (format!("{HEAD}discovery: {{}}\n"), "either"),
            (format!("apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\n{BY_TOKEN}"), "v1beta3"),
            ("apiVersion: v1\nkind: Pod\n".into(), "no JoinConfiguration"),
            ("a: [".into(), "YAML"),
        ];
        for (text, words) in table {
            let e = parse(&text).map(|_| ()).unwrap_err().to_string();
            assert!(e.contains(words), "{text}: {e}");
        }
    }
}
