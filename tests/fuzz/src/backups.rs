//! Input of a node that takes a control plane back: files of age, and the archives in them.
#![expect(clippy::panic, reason = "a panic is how a target tells")]

use std::io::{self, Read, Write};

use kit::Result;
use kube::age::{Header, Identity, Opener, identities};
use kube::backup::archive::{self, Manifest, Receiver, What};

/// The identity of the corpus: its bytes are all 0x42.
const IDENTITY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
/// The longest snapshot that is taken, in bytes.
const LONGEST: u64 = 1 << 20;

/// A file of age: a header that is read is written as it was, and what can be opened is shorter
/// than the file.
pub fn age(input: &[u8]) {
    if let Ok((header, length)) = Header::parse(input) {
        assert_eq!(Some(header.bytes().as_slice()), input.get(..length), "a header has more than one form");
    }
    let identity = Identity::parse(IDENTITY).unwrap_or_else(|e| panic!("{e}"));
    let mut content = Vec::new();
    if let Ok(mut opener) = Opener::new(input, &[identity]) {
        let _ = opener.read_to_end(&mut content);
        assert!(content.len() < input.len());
        // An opener that has failed gives nothing more.
        let before = content.len();
        let _ = opener.read_to_end(&mut content);
        assert_eq!(content.len(), before);
    }
    let text = String::from_utf8_lossy(input);
    if let Err(e) = identities(&text) {
        assert!(e.to_string().len() < 200, "an identity's text is no part of a complaint");
    }
}

/// Takes what an archive holds, and looks at its names.
struct Taken;

impl Receiver for Taken {
    fn manifest(&mut self, manifest: &Manifest) -> Result<()> {
        assert_eq!(manifest.version, archive::VERSION);
        Ok(())
    }

    fn thing(&mut self, name: &str, mode: u32, what: &What) -> Result<()> {
        harmless(name, mode);
        assert!(!matches!(what, What::File(_) | What::Stream(_)));
        Ok(())
    }

    fn file(&mut self, name: &str, mode: u32) -> Result<Box<dyn Write + '_>> {
        harmless(name, mode);
        Ok(Box::new(io::sink()))
    }
}

/// An archive: no name leads out of the place where it is unpacked, and no mode gives more than
/// permissions.
pub fn archive(input: &[u8]) {
    let _ = archive::read(&mut &*input, LONGEST, &mut Taken);
}

fn harmless(name: &str, mode: u32) {
    assert!(!name.is_empty() && name.split('/').all(|part| !["", ".", ".."].contains(&part)), "{name:?} leads out");
    assert!(mode <= 0o777 && !name.chars().any(char::is_control));
}
