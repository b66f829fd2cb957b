//! Keys and signatures (Ed25519) for what nodes take from a network: manifests, and settings from a URL.
//!
//! A private key is a file of 64 hexadecimal digits, its public key the same in `FILE.pub`, a signature 128 of them in `FILE.sig`;
//! `kit::trust` reads the last two on the node.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};

/// Bytes of a private key.
const SEED: usize = 32;

/// A private key.
#[derive(Debug)]
pub struct Key(Ed25519KeyPair);

impl Key {
    /// Make a new one: `path`, for its owner alone, and `path.pub`. A key that is there is never written over.
    pub fn make(path: &Path) -> Result<Self> {
        let mut seed = [0; SEED];
        SystemRandom::new().fill(&mut seed).map_err(|_| anyhow::anyhow!("get random bytes"))?;
        let key = Self::of(&seed)?;
        let mut file = OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o600).open(path);
        let mut file = file.with_context(|| format!("make {}", path.display()))?;
        writeln!(file, "{}", hex(&seed)).with_context(|| format!("write {}", path.display()))?;
        let public = beside(path, "pub");
        fs::write(&public, key.public()).with_context(|| format!("write {}", public.display()))?;
        Ok(key)
    }

    /// Read one.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read the key {}", path.display()))?;
        let digits = text.trim().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let seed: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        match seed.and_then(|seed| <[u8; SEED]>::try_from(seed).ok()) {
            Some(seed) if digits.len() == 2 * SEED => Self::of(&seed),
            _ => bail!(
                "read the key {}: it needs 64 hexadecimal digits; `cargo run -p firmware -- key FILE` makes one",
                path.display()
            ),
        }
    }

    fn of(seed: &[u8; SEED]) -> Result<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|e| anyhow::anyhow!("use the key: {e}"))
    }

    /// The public key's line, as a node's /etc/kutties/update.pub has it.
    pub fn public(&self) -> String {
        format!("{}\n", hex(self.0.public_key().as_ref()))
    }

    /// The signature's text.
    pub fn sign(&self, content: &[u8]) -> String {
        format!("{}\n", hex(self.0.sign(content).as_ref()))
    }

    /// Write `file.sig`.
    pub fn sign_file(&self, file: &Path) -> Result<PathBuf> {
        let content = fs::read(file).with_context(|| format!("read {}", file.display()))?;
        let signature = beside(file, "sig");
        fs::write(&signature, self.sign(&content)).with_context(|| format!("write {}", signature.display()))?;
        Ok(signature)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", path.display()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_signs() {
        let dir = std::env::temp_dir().join(format!("kutties-sign-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("key");
        let made = Key::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Key::make(&path).is_err(), "a key was written over");
        let read = Key::read(&path).unwrap();
        assert_eq!((read.public(), read.sign(b"x")), (made.public(), made.sign(b"x")));
        assert_eq!(fs::read_to_string(dir.join("key.pub")).unwrap(), made.public());
        fs::write(dir.join("short"), "00ff\n").unwrap();
        assert!(Key::read(&dir.join("short")).unwrap_err().to_string().contains("64 hexadecimal digits"));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_test_of_rfc_8032_holds() {
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let bytes: Vec<u8> = (0..SEED).map(|at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).unwrap()).collect();
        let key = Key::of(&bytes.try_into().unwrap()).unwrap();
        assert_eq!(key.public(), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c\n");
        assert!(key.sign(&[0x72]).starts_with("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"));
    }
}
