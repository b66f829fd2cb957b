//! Keys of people who may log in, and the host's own key.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use kit::{Context, Error, Result};
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};

/// Our own, made at the first start unless the node's segment brought it.
pub const HOST: &str = "/etc/kutties/ssh_host_ed25519_key";
/// More keys than anybody gives.
const MOST: usize = 256;

/// The keys that are let in: those of the lines given and of the file, which need not be there. A bad line is told and left out: one
/// that somebody mistyped shall not keep all others out of a machine without a keyboard.
pub fn authorized(lines: &[String], file: &Path) -> Result<Vec<PublicKey>> {
    let text = match fs::read(file) {
        Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
        bytes => String::from_utf8_lossy(&bytes.on("read", file)?).into_owned(),
    };
    let all = lines.iter().map(String::as_str).chain(text.lines()).map(str::trim);
    let mut keys = Vec::new();
    for line in all.filter(|line| !line.is_empty() && !line.starts_with('#')).take(MOST) {
        match key(line) {
            Ok(key) => keys.push(key),
            Err(e) => super::say(&e.to_string()),
        }
    }
    if keys.is_empty() { Err(Error::new("no key is let in: nobody could come in")) } else { Ok(keys) }
}

fn key(line: &str) -> Result<PublicKey> {
    let key = PublicKey::from_openssh(line);
    let key =
        key.map_err(|_| Error::new(format!("left out: {line:?} is no public key of OpenSSH, without options in front of it")))?;
    // The binary has no code that could check a signature of another kind.
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(key),
        other => Err(Error::new(format!("left out: a key of the kind {other}; Ed25519 and ECDSA work"))),
    }
}

/// Formats a key's fingerprint as `ssh` shows it to a person.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// The host's key.
pub fn host(path: &Path) -> Result<PrivateKey> {
    match fs::read_to_string(path) {
        Ok(text) => PrivateKey::from_openssh(&text).on("read the host's key in", path),
        Err(e) if e.kind() == ErrorKind::NotFound => make(path),
        Err(e) => Err(e).on("read", path),
    }
}

fn make(path: &Path) -> Result<PrivateKey> {
    let mut seed = [0; 32];
    // Before there is entropy this waits: a key that can be guessed would be worse.
    rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty()).doing("get random bytes")?;
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let text = key.to_openssh(LineEnding::LF).doing("encode the host's key")?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).on("make", path)?;
    file.write_all(text.as_bytes()).on("write", path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const GOOD: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti a person";

    #[test]
    fn bad_lines_keep_nobody_out() {
        let dir = std::env::temp_dir().join(format!("kutties-ssh-{}", std::process::id()));
        let bad = [
            "ssh-ed25519 AAAA",
            "ssh-ed25519",
            "command=\"id\" ssh-ed25519 AAAA",
            "\u{fffd}",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==",
        ];
        fs::write(&dir, format!("# whose\n\n{GOOD}\n{}\n", bad.join("\n"))).unwrap();
        let keys = authorized(&[bad[0].into()], &dir).unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(fingerprint(&keys[0]), "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ");
        fs::write(&dir, bad.join("\n")).unwrap();
        assert!(authorized(&[], &dir).unwrap_err().to_string().contains("nobody could come in"));
        fs::remove_file(&dir).unwrap();
        assert_eq!(authorized(&[GOOD.into()], &dir).unwrap().len(), 1);
    }

    #[test]
    fn the_hosts_key_stays() {
        let path = std::env::temp_dir().join(format!("kutties-host-key-{}", std::process::id()));
        let made = host(&path).unwrap();
        assert_eq!(host(&path).unwrap().public_key(), made.public_key());
        let bits = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(bits & 0o777, 0o600);
        fs::write(&path, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n").unwrap();
        assert!(host(&path).is_err());
        fs::remove_file(&path).unwrap();
    }
}
