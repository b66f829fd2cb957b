//! The test vectors of age's own authors (C2SP's CCTV, module c2sp.org/CCTV/age), as far as they
//! are of X25519 and without armor.
//!
//! `AGE_TESTKIT=DIRECTORY cargo test -p kube --test age_testkit -- --ignored`
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a failed unwrap is a failed test, and it says how much was tried")]

use std::fs;
use std::io::Read;

use kube::age::{Identity, Opener};
use ring::digest;

/// The least number of vectors that must be tried: fewer are a wrong directory.
const LEAST: usize = 48;

/// A vector's head and its file.
fn split(bytes: &[u8]) -> (String, Vec<u8>) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
    (String::from_utf8_lossy(&bytes[..=end]).into_owned(), bytes[end + 2..].to_vec())
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn open(file: &[u8], identities: &[Identity]) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let mut opener = Opener::new(file, identities).map_err(|e| e.to_string())?;
    opener.read_to_end(&mut content).map_err(|e| e.to_string())?;
    Ok(content)
}

#[test]
fn the_vectors_of_age_hold() {
    let Ok(dir) = std::env::var("AGE_TESTKIT") else { return };
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let (mut opened, mut refused, mut others) = (0, 0, 0);
    for path in paths {
        let (head, mut file) = split(&fs::read(&path).unwrap());
        if field(&head, "compressed") == Some("zlib") {
            let packed = std::mem::take(&mut file);
            flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut file).unwrap();
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let identities: Vec<Identity> = head
            .lines()
            .filter_map(|line| line.strip_prefix("identity: "))
            .filter_map(|text| Identity::parse(text).ok())
            .collect();
        let foreign = head.contains("passphrase: ") || identities.is_empty();
        if foreign || field(&head, "armored") == Some("yes") {
            others += 1;
            continue;
        }
        match (field(&head, "expect").unwrap(), open(&file, &identities)) {
            ("success", Ok(content)) => {
                let sum = digest::digest(&digest::SHA256, &content);
                let sum = sum.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
                assert_eq!(Some(sum.as_str()), field(&head, "payload"), "{name}");
                opened += 1;
            }
            ("success", Err(why)) => unreachable!("{name} is good, but {why}"),
            (wanted, Ok(_)) => unreachable!("{name} was opened, but is {wanted}"),
            (wanted, Err(why)) => {
                let fits = match wanted {
                    "no match" => why.contains("another identity"),
                    "HMAC failure" => why.contains("header was changed"),
                    "payload failure" => why.contains("was cut"),
                    _ => why.contains("header") || why.contains("no file of age"),
                };
                assert!(fits, "{name}: {wanted}, but {why}");
                refused += 1;
            }
        }
    }
    eprintln!("{opened} opened, {refused} refused, {others} of other kinds");
    assert!(opened + refused >= LEAST);
}
