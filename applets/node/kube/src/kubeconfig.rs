//! Kubeconfigs, as far as a joining node needs them: where the cluster is, its CA, and who we are to it.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kit::{Context, Error, Result};
use serde_json::{Value, json};

use crate::yaml;

/// A cluster, and the credentials for it if there are some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubeconfig {
    /// `HOST:PORT` of the API server.
    pub endpoint: String,
    /// The CA's certificates, PEM; empty when the file has none.
    pub ca: Vec<u8>,
    /// The client's credentials.
    pub credentials: Credentials,
}

/// Credentials of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A bearer token.
    Token(String),
    /// A client's certificates and its key, PEM.
    Certificate(Vec<u8>, Vec<u8>),
}

/// Fields that are not implemented; ignoring them would be worse than refusing.
const CLUSTER_REFUSED: &[&str] = &["insecure-skip-tls-verify", "proxy-url", "tls-server-name"];
const USER_REFUSED: &[&str] = &["exec", "auth-provider", "username", "password", "as"];

impl Kubeconfig {
    /// Read the current context's cluster and user. Files that it names are read below `directory`; without one there may be none.
    pub fn parse(text: &str, directory: Option<&Path>) -> Result<Self> {
        let file = yaml::document(text)?;
        let context = named(&file["contexts"], file["current-context"].as_str().unwrap_or_default());
        let context = context.map(|context| &context["context"]);
        // kubeadm's cluster-info has one cluster without a name, and no context.
        let cluster = named(&file["clusters"], "")
            .or_else(|| named(&file["clusters"], context?["cluster"].as_str()?))
            .map(|cluster| &cluster["cluster"])
            .ok_or_else(|| Error::new("it names no current cluster"))?;
        let user = context.and_then(|context| named(&file["users"], context["user"].as_str()?)).map(|user| &user["user"]);
        refuse(cluster, CLUSTER_REFUSED)?;
        let server = cluster["server"].as_str().unwrap_or_default();
        Ok(Self {
            endpoint: endpoint(server)?,
            ca: data(cluster, "certificate-authority", directory)?.unwrap_or_default(),
            credentials: user.map_or(Ok(Credentials::None), |user| credentials(user, directory))?,
        })
    }

    /// As a file in which all is contained, as the kubelet takes it.
    pub fn text(&self) -> String {
        let user = match &self.credentials {
            Credentials::None => json!({}),
            Credentials::Token(token) => json!({"token": token}),
            Credentials::Certificate(certificate, key) => {
                json!({"client-certificate-data": STANDARD.encode(certificate), "client-key-data": STANDARD.encode(key)})
            }
        };
        let cluster =
            json!({"certificate-authority-data": STANDARD.encode(&self.ca), "server": format!("https://{}", self.endpoint)});
        yaml::text(&json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "kubernetes", "cluster": cluster}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": "kubernetes", "user": USER}}],
            "current-context": CONTEXT,
            "users": [{"name": USER, "user": user}],
        }))
    }
}

/// kubeadm's own name for the user that may do no more than ask for a certificate.
const USER: &str = "tls-bootstrap-token-user";
const CONTEXT: &str = "tls-bootstrap-token-user@kubernetes";

fn named<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|item| item["name"].as_str().unwrap_or_default() == name)
}

fn refuse(part: &Value, keys: &[&str]) -> Result<()> {
    match keys.iter().find(|key| !matches!(part[**key], Value::Null | Value::Bool(false))) {
        Some(key) => Err(Error::new(format!("{key} is not supported by a native join"))),
        None => Ok(()),
    }
}

/// `https://HOST[:PORT]` as `HOST:PORT`.
fn endpoint(server: &str) -> Result<String> {
    let wrong = || Error::new(format!("its server {server:?} is not https://HOST:PORT"));
    let rest = server.strip_prefix("https://").ok_or_else(wrong)?.trim_end_matches('/');
    if rest.is_empty() || rest.contains(|c: char| c == '/' || c == '@' || c == '?' || c == '#' || c.is_whitespace()) {
        return Err(wrong());
    }
    // A colon inside of brackets belongs to the address.
    let has_port = rest.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let whole = if has_port { rest.to_owned() } else { format!("{rest}:443") };
    crate::endpoint::split(&whole).map_err(|_| wrong())?;
    Ok(whole)
}

fn credentials(user: &Value, directory: Option<&Path>) -> Result<Credentials> {
    refuse(user, USER_REFUSED)?;
    if let Some(certificate) = data(user, "client-certificate", directory)? {
        let key = data(user, "client-key", directory)?.ok_or_else(|| Error::new("a client's certificate has no key"))?;
        return Ok(Credentials::Certificate(certificate, key));
    }
    let token = match (user["token"].as_str(), user["tokenFile"].as_str()) {
        (Some(token), _) => token.to_owned(),
        (None, Some(name)) => String::from_utf8_lossy(&read(name, directory)?).into_owned(),
        (None, None) => return Ok(Credentials::None),
    };
    let token = token.trim();
    // It becomes a line of a request.
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::new("its token is not one word"));
    }
    Ok(Credentials::Token(token.to_owned()))
}

/// The field `NAME-data`, or the file that `NAME` names.
fn data(part: &Value, name: &str, directory: Option<&Path>) -> Result<Option<Vec<u8>>> {
    if let Some(text) = part[format!("{name}-data")].as_str().filter(|text| !text.is_empty()) {
        return STANDARD.decode(text).doing(format_args!("decode {name}-data")).map(Some);
    }
    part[name].as_str().filter(|file| !file.is_empty()).map(|file| read(file, directory)).transpose()
}

fn read(name: &str, directory: Option<&Path>) -> Result<Vec<u8>> {
    let directory = directory.ok_or_else(|| Error::new(format!("it names the file {name}, which is on another machine")))?;
    let path = directory.join(name);
    std::fs::read(&path).on("read", path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn cluster_info_as_kubeadm_makes_it() {
        let text = "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: QUJD\n    server: https://10.0.0.1:6443\n  name: \"\"\ncontexts: null\ncurrent-context: \"\"\nkind: Config\nusers: null\n";
        let found = Kubeconfig::parse(text, None).unwrap();
        let endpoint = "10.0.0.1:6443".to_owned();
        assert_eq!(found, Kubeconfig { endpoint, ca: b"ABC".to_vec(), credentials: Credentials::None });
    }

    #[test]
    fn what_is_written_is_read_again() {
        for credentials in
            [Credentials::None, Credentials::Token("a.b".into()), Credentials::Certificate(b"c".to_vec(), b"k".to_vec())]
        {
            let one = Kubeconfig { endpoint: "[fd00::1]:6443".into(), ca: b"ca".to_vec(), credentials };
            assert_eq!(Kubeconfig::parse(&one.text(), None).unwrap(), one);
        }
    }

    #[test]
    fn servers_are_https_and_nothing_more() {
        assert_eq!(endpoint("https://api.example").unwrap(), "api.example:443");
        assert_eq!(endpoint("https://[::1]/").unwrap(), "[::1]:443");
        for wrong in ["", "http://x:1", "https://", "https://x:y", "https://u@x:1", "https://x:1/p", "https://x y:1", "x:1"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_native_join_can_not_do_is_refused() {
        let user = |text: &str| {
            format!(
                "clusters: [{{name: c, cluster: {{server: 'https://x:1'}}}}]\ncontexts: [{{name: k, context: {{cluster: c, user: u}}}}]\ncurrent-context: k\nusers: [{{name: u, user: {text}}}]\n"
            )
        };
        assert_eq!(Kubeconfig::parse(&user("{token: abc}"), None).unwrap().credentials, Credentials::Token("abc".into()));
        let refused = [
            "{exec: {command: x}}",
            "{username: a, password: b}",
            "{tokenFile: /x}",
            "{token: \"a\\r\\nb\"}",
            "{client-certificate-data: QQ==}",
            "{client-certificate-data: '!'}",
        ];
        for wrong in refused {
            assert!(Kubeconfig::parse(&user(wrong), None).is_err(), "{wrong}");
        }
        assert!(Kubeconfig::parse("clusters: []\n", None).is_err());
        assert!(
            Kubeconfig::parse("clusters: [{name: '', cluster: {server: 'https://x:1', insecure-skip-tls-verify: true}}]", None)
                .is_err()
        );
    }
}
