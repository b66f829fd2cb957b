//! Untrusted responses to a joining node, and the files of people.

use kube::discovery::{Pin, Token, prove};
use kube::kubeconfig::Kubeconfig;
use kube::{http, join_configuration, spki, yaml};
use serde_json::Value;

/// The token of the corpus: its cluster-info is signed with it.
const TOKEN: &str = "abcdef.0123456789abcdef";

/// A `ConfigMap` as JSON: whatever is believed without a pin must have been signed, so it is one of the corpus, and another token's
/// holder never believes it.
pub fn cluster_info(input: &[u8]) {
    let (Ok(token), Ok(other)) = (Token::parse(TOKEN), Token::parse("abcdef.0123456789abcdeg")) else { return };
    let Ok(map) = serde_json::from_slice::<Value>(input) else { return };
    let pin = Pin(format!("sha256:{}", "0".repeat(64)));
    assert!(prove("x:1", &map, &token, std::slice::from_ref(&pin)).is_err(), "a CA that is not pinned is believed");
    assert!(prove("x:1", &map, &other, &[]).is_err(), "another secret's signature is believed");
    if prove("x:1", &map, &token, &[]).is_ok() {
        let text = map["data"]["kubeconfig"].as_str().unwrap_or_default();
        assert!(text.contains("https://10.0.0.1:6443"), "what nobody signed is believed: {text}");
    }
}

/// An HTTP answer: its body is never longer than what came.
pub fn answer(input: &[u8]) {
    if let Some(answer) = http::parse(input) {
        assert!(answer.body.len() < input.len());
    }
    // Certificates come along on the same way.
    if let Some(key) = spki::public_key(input) {
        assert!(key.len() < input.len());
    }
}

/// A kubeconfig: what is understood is written and understood again, the same. And any YAML survives the way out and in.
pub fn kubeconfig(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(value) = yaml::document(text) {
        let again = yaml::document(&yaml::text(&value));
        assert!(again.as_ref().is_ok_and(|again| *again == value), "{value} becomes {again:?}");
    }
    if let Ok(one) = Kubeconfig::parse(text, None) {
        assert!(Kubeconfig::parse(&one.text(), None).is_ok_and(|again| again == one));
    }
}

/// A `JoinConfiguration`: no word of the kubelet's command line gets a second line.
pub fn configuration(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(plan) = join_configuration::parse(text) {
        assert!(plan.taints.iter().all(|taint| !taint.contains([' ', ',', '\n'])));
        assert!(plan.kubelet_args.iter().all(|(name, value)| !name.contains(' ') && !value.contains('\n')));
    }
}
