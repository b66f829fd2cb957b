//! Checks of the cluster before kubeadm's own join: it is there, it knows the token, its CA is the
//! pinned one, and it no longer believes that this node, which has just been switched on, is still
//! running.

use std::time::Duration;

use kit::{Error, Result};

use crate::api::Api;
use crate::discovery::{Pin, Token, discover};
use crate::retry::reach;
use crate::stale_node;

/// Timeout of reaching a server before the join gives up: a network that has just come up may take
/// that long.
const REACH_TIMEOUT: Duration = Duration::from_secs(30);

/// A join by token, as its command line says.
#[derive(Debug, PartialEq, Eq)]
pub struct Join {
    endpoint: String,
    token: Token,
    pins: Vec<Pin>,
    node: String,
}

impl Join {
    /// Read kubeadm's command line (the words after `kubeadm`). None when it joins by other means, which kubeadm checks itself.
    pub fn parse(words: &[String]) -> Result<Option<Self>> {
        let flags = Flags(words);
        if flags.has("--config") || flags.has("--discovery-file") {
            return Ok(None);
        }
        let token = flags.last("--discovery-token").or_else(|| flags.last("--token"));
        let (Some(endpoint), Some(token)) = (flags.endpoint(), token) else { return Ok(None) };
        let hashes = flags.all("--discovery-token-ca-cert-hash");
        let pins = hashes.iter().flat_map(|h| h.split(',')).map(Pin::parse).collect::<Result<Vec<_>>>()?;
        if pins.is_empty() && !flags.has("--discovery-token-unsafe-skip-ca-verification") {
            return Err(Error::usage(
                "give the CA's hash: --discovery-token-ca-cert-hash sha256:… (kubeadm token create prints it)",
            ));
        }
        let node = flags.last("--node-name").map_or_else(stale_node::host_name, str::to_owned).to_ascii_lowercase();
        Ok(Some(Self { endpoint: endpoint.to_owned(), token: Token::parse(token)?, pins, node }))
    }

    /// Ask; `say` hears of each wait. An error is the sentence that the person needs.
    pub fn ask_cluster(&self, say: &mut dyn FnMut(&str)) -> Result<()> {
        let cluster = reach(REACH_TIMEOUT, say, || discover(&self.endpoint, &self.token, &self.pins))?;
        let api = Api::verified(&self.endpoint, &cluster.ca, &self.token.credentials())?;
        stale_node::wait(&api, &self.node, say)
    }
}

/// kubeadm's flags, as far as they matter here.
struct Flags<'a>(&'a [String]);

/// Flags of `kubeadm join` without a value; after any other the next word is its value.
const SWITCHES: &[&str] =
    &["--discovery-token-unsafe-skip-ca-verification", "--control-plane", "--dry-run", "--experimental-control-plane"];

impl<'a> Flags<'a> {
    /// All values of a flag, `--flag=value` or `--flag value`.
    fn all(&self, flag: &str) -> Vec<&'a str> {
        let words = self.0.iter().enumerate();
        let value = |(at, word): (usize, &'a String)| match word.strip_prefix(flag)? {
            "" => self.0.get(at + 1).map(String::as_str),
            rest => rest.strip_prefix('='),
        };
        words.filter_map(value).collect()
    }

    fn last(&self, flag: &str) -> Option<&'a str> {
        self.all(flag).last().copied()
    }

    fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|word| word == flag || word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=')))
    }

    /// The first word after `join` that is neither a flag nor a flag's value.
    fn endpoint(&self) -> Option<&'a str> {
        let mut words = self.0.iter().skip_while(|word| *word != "join").skip(1);
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                return Some(word);
            }
            // Short flags of kubeadm are -v N and -h.
            if !word.contains('=') && !SWITCHES.contains(&word.as_str()) {
                words.next();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn a_join_line_is_read_in_any_order() {
        let hash = format!("sha256:{}", "ab".repeat(32));
        let line = format!(
            "join --token abcdef.0123456789abcdef 10.0.0.1:6443 --discovery-token-ca-cert-hash={hash} --node-name N1 --v=5"
        );
        let join = Join::parse(&words(&line)).unwrap().unwrap();
        assert_eq!((join.endpoint.as_str(), join.node.as_str(), join.pins), ("10.0.0.1:6443", "n1", vec![Pin(hash)]));
    }

    #[test]
    fn other_joins_are_left_to_kubeadm() {
        assert_eq!(Join::parse(&words("join --config /x")).unwrap(), None);
        assert_eq!(Join::parse(&words("join --discovery-file=/x 10.0.0.1:6443")).unwrap(), None);
        assert_eq!(Join::parse(&words("join")).unwrap(), None);
    }

    #[test]
    fn a_join_without_a_pin_says_so() {
        let line = "join 10.0.0.1:6443 --token abcdef.0123456789abcdef";
        assert!(Join::parse(&words(line)).unwrap_err().to_string().contains("--discovery-token-ca-cert-hash"));
        assert!(Join::parse(&words(&format!("{line} --discovery-token-unsafe-skip-ca-verification"))).unwrap().is_some());
    }
}
