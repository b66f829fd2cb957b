//! The command in a static pod's manifest, as kubeadm writes it.

use kit::{Error, Result};

/// The words under `command:`, which kubeadm writes one a line; there is no other YAML here to understand.
pub fn command(manifest: &str) -> Result<Vec<String>> {
    let mut lines = manifest.lines().skip_while(|line| line.trim_start_matches([' ', '-']) != "command:");
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = lines.next().map(indent).ok_or_else(|| Error::new("it has no command"))?;
    let words: Vec<String> = lines
        .take_while(|line| indent(line) > own && line.trim_start().starts_with("- "))
        .map(|line| line.trim_start().trim_start_matches("- ").trim_matches(['"', '\'']).to_owned())
        .collect();
    if words.is_empty() { Err(Error::new("its command is empty")) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_with_the_list() {
        let text = "spec:\n  containers:\n  - command:\n    - etcd\n    - --name=\"a b\"\n    image: x\n    args:\n    - no\n";
        assert_eq!(command(text).unwrap_or_default(), ["etcd", "--name=\"a b"]);
        assert!(command("spec: {}").is_err());
        assert!(command("- command:\n- x").is_err());
    }
}
