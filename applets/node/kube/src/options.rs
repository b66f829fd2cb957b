//! kubeadm's command line of a worker's join, and what it asks for.

use std::ffi::OsString;

use clap::{ArgAction, Parser};
use kit::{Applet, Error, Result};

use crate::discovery::{Pin, Token};
use crate::join_configuration;
use crate::plan::{Discovery, Plan, check_name, check_phases, check_socket};

/// Options of a native join. `--v` and `-v` are kubeadm's own verbosity: from 1 on each step is
/// told.
#[derive(Parser, Debug, Default)]
pub struct Options {
    /// The API server: HOST:PORT
    #[arg(value_name = "HOST:PORT")]
    endpoint: Option<String>,
    /// The token for discovery and for the kubelet's first request
    #[arg(long)]
    token: Option<String>,
    /// The token for discovery
    #[arg(long, value_name = "TOKEN")]
    discovery_token: Option<String>,
    /// The token for the kubelet's first request
    #[arg(long, value_name = "TOKEN")]
    tls_bootstrap_token: Option<String>,
    /// A hash of the CA's public key: sha256:HEX; any of several will do
    #[arg(long, value_name = "HASH", value_delimiter = ',')]
    discovery_token_ca_cert_hash: Vec<String>,
    /// Believe any CA that the token's holder has signed for
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set, default_value_t = false)]
    discovery_token_unsafe_skip_ca_verification: bool,
    /// A kubeconfig that describes the cluster: a file, or an HTTPS URL
    #[arg(long, value_name = "FILE|URL")]
    discovery_file: Option<String>,
    /// This node's name; its hostname when not given
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
    /// The container runtime's socket: this node has one of its own only
    #[arg(long, value_name = "SOCKET")]
    cri_socket: Option<String>,
    /// A JoinConfiguration (kubeadm.k8s.io/v1beta4)
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Failed checks that are only to be told, or all
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    ignore_preflight_errors: Vec<String>,
    /// Steps to leave out: preflight, kubelet-wait-bootstrap
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    skip_phases: Vec<String>,
    /// Tell more
    #[arg(short, long, value_name = "LEVEL", default_value_t = 0)]
    v: u8,
    #[arg(long, hide = true)]
    control_plane: bool,
    #[arg(long, hide = true)]
    certificate_key: Option<String>,
    #[arg(long, hide = true)]
    apiserver_advertise_address: Option<String>,
    #[arg(long, hide = true)]
    apiserver_bind_port: Option<String>,
    #[arg(long, hide = true)]
    dry_run: bool,
    #[arg(long, hide = true)]
    patches: Option<String>,
}

impl Options {
    /// The plan that the command line, and the file it may name, make.
    pub fn plan(applet: &Applet, args: &[OsString]) -> Result<Plan> {
        let options: Self = kit::parse(applet, args)?;
        options.refuse_what_needs_kubeadm()?;
        let mut plan = match &options.config {
            Some(file) => {
                options.refuse_mixture()?;
                join_configuration::read(file)?
            }
            None => options.own_plan()?,
        };
        options.add_to(&mut plan)?;
        plan.complete()?;
        Ok(plan)
    }

    /// Options that kubeadm has and a native join of a worker has not.
    fn refuse_what_needs_kubeadm(&self) -> Result<()> {
        let table = [
            ("--control-plane", self.control_plane),
            ("--certificate-key", self.certificate_key.is_some()),
            ("--apiserver-advertise-address", self.apiserver_advertise_address.is_some()),
            ("--apiserver-bind-port", self.apiserver_bind_port.is_some()),
            ("--dry-run", self.dry_run),
            ("--patches", self.patches.is_some()),
        ];
        match table.iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Error::usage(format!(
                "{option} needs kubeadm, and this is the native join of a worker: boot with the kube-node segment"
            ))),
            None => Ok(()),
        }
    }

    /// With `--config` all that is in the file's reach must come from there, as with kubeadm.
    fn refuse_mixture(&self) -> Result<()> {
        let table = [
            ("HOST:PORT", self.endpoint.is_some()),
            ("--token", self.token.is_some()),
            ("--discovery-token", self.discovery_token.is_some()),
            ("--tls-bootstrap-token", self.tls_bootstrap_token.is_some()),
            ("--discovery-token-ca-cert-hash", !self.discovery_token_ca_cert_hash.is_empty()),
            ("--discovery-token-unsafe-skip-ca-verification", self.discovery_token_unsafe_skip_ca_verification),
            ("--discovery-file", self.discovery_file.is_some()),
            ("--cri-socket", self.cri_socket.is_some()),
        ];
        match table.iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Error::usage(format!("--config and {option} can't be given together"))),
            None => Ok(()),
        }
    }

    fn own_plan(&self) -> Result<Plan> {
        let bootstrap = self.tls_bootstrap_token.as_ref().or(self.token.as_ref()).map(|t| Token::parse(t)).transpose()?;
        let discovery = if let Some(place) = &self.discovery_file {
            if self.endpoint.is_some() || self.discovery_token.is_some() {
                return Err(Error::usage(
                    "--discovery-file says where the cluster is: give no HOST:PORT and no --discovery-token",
                ));
            }
            Discovery::File(place.clone())
        } else {
            let endpoint = self.endpoint.clone().ok_or_else(|| Error::usage("give the API server: HOST:PORT"))?;
            let token = self.discovery_token.as_ref().or(self.token.as_ref());
            let token = token.ok_or_else(|| Error::usage("give the token: --token TOKEN (kubeadm token create prints it)"))?;
            let pins = self.discovery_token_ca_cert_hash.iter().map(|h| Pin::parse(h)).collect::<Result<_>>()?;
            let any_ca = self.discovery_token_unsafe_skip_ca_verification;
            Discovery::Token { endpoint, token: Token::parse(token)?, pins, any_ca }
        };
        Ok(Plan::new(discovery, bootstrap))
    }

    fn add_to(&self, plan: &mut Plan) -> Result<()> {
        if let Some(name) = &self.node_name {
            plan.node = Some(check_name(name)?);
        }
        if let Some(socket) = &self.cri_socket {
            check_socket(socket)?;
        }
        plan.ignored.extend(self.ignore_preflight_errors.iter().map(|name| name.to_ascii_lowercase()));
        if !self.skip_phases.is_empty() {
            plan.skipped.clone_from(&self.skip_phases);
        }
        check_phases(&plan.skipped)?;
        plan.verbose = self.v > 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::native::JOIN;

    fn plan(line: &str) -> Result<Plan> {
        let words: Vec<OsString> = std::iter::once("join").chain(line.split_whitespace()).map(Into::into).collect();
        Options::plan(&JOIN, &words)
    }

    const TOKEN: &str = "--token abcdef.0123456789abcdef";

    #[test]
    fn kubeadms_line_is_taken() {
        let (one, two) = ("aB".repeat(32), "01".repeat(32));
        let line = format!(
            "10.0.0.1:6443 {TOKEN} --discovery-token-ca-cert-hash sha256:{one},sha256:{two} --node-name=N1 -v=5 --cri-socket unix:///run/containerd/containerd.sock --ignore-preflight-errors=Swap,CRI"
        );
        let plan = plan(&line).unwrap();
        let Discovery::Token { endpoint, pins, .. } = &plan.discovery else { unreachable!() };
        assert_eq!((endpoint.as_str(), pins.len(), plan.node.as_deref()), ("10.0.0.1:6443", 2, Some("n1")));
        assert_eq!(pins[0].0, format!("sha256:{}", one.to_lowercase()));
        assert_eq!(plan.bootstrap, Some(Token::parse("abcdef.0123456789abcdef").unwrap()));
        assert!(plan.ignores("CRI") && plan.ignores("Swap") && !plan.ignores("Port-10250") && plan.verbose);
    }

    #[test]
    fn lines_that_make_no_sense_say_why() {
        let hash = format!("--discovery-token-ca-cert-hash=sha256:{}", "0".repeat(64));
        let table = [
            (String::new(), "HOST:PORT"),
            ("10.0.0.1:6443".into(), "--token"),
            (format!("10.0.0.1:6443 {TOKEN}"), "--discovery-token-ca-cert-hash"),
            (format!("10.0.0.1 {TOKEN} {hash}"), "is not HOST:PORT"),
            (format!("10.0.0.1:6443 --token abc {hash}"), "the token is not"),
            (format!("10.0.0.1:6443 {TOKEN} --discovery-token-ca-cert-hash=sha256:12"), "64 hexadecimal digits"),
            (format!("10.0.0.1:6443 {TOKEN} {hash} --control-plane"), "needs kubeadm"),
            (format!("10.0.0.1:6443 {TOKEN} {hash} --dry-run"), "needs kubeadm"),
            (format!("10.0.0.1:6443 {TOKEN} {hash} --cri-socket unix:///run/crio/crio.sock"), "runtime"),
            (format!("10.0.0.1:6443 {TOKEN} {hash} --node-name Bad_Name"), "Bad_Name"),
            (format!("10.0.0.1:6443 {TOKEN} {hash} --skip-phases kubelet-start"), "kubelet-start"),
            (format!("10.0.0.1:6443 {TOKEN} {hash} --skip-phases nonsense"), "nonsense"),
            (format!("10.0.0.1:6443 {TOKEN} --discovery-file /x"), "no HOST:PORT"),
            (format!("--config /nonexistent {TOKEN}"), "--config and --token"),
            ("--config /nonexistent".into(), "/nonexistent"),
            (format!("10.0.0.1:6443 {TOKEN} {hash} more"), "more"),
        ];
        for (line, words) in table {
            let e = plan(&line).map(|_| ()).unwrap_err().to_string();
            assert!(e.contains(words), "{line}: {e}");
        }
        assert!(plan(&format!("10.0.0.1:6443 {TOKEN} --discovery-token-unsafe-skip-ca-verification")).is_ok());
        assert!(plan("--discovery-file /etc/x.conf --tls-bootstrap-token abcdef.0123456789abcdef").is_ok());
    }
}
