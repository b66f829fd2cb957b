//! Entry points of `tests/fuzz` for the parsers of untrusted input: each takes any bytes, and panics when an invariant does not hold.
#![expect(clippy::missing_panics_doc, reason = "to a broken invariant is reported to the fuzzer by a panic")]

use std::io::{self, Cursor, Read, Write};

use crate::codec::{Codec, Input};

/// Bytes that are taken of a member, and members of an archive.
const LIMIT: u64 = 1 << 20;

/// A tar archive: each member's stored bytes lie in it, and its parts ascend.
pub fn tar(bytes: &[u8]) {
    let mut reader = crate::tar::Reader::new(Cursor::new(bytes));
    while let Ok(Some(member)) = reader.next() {
        assert!(member.at <= bytes.len() as u64, "a member begins behind the archive");
        let mut end = 0;
        for part in member.parts.iter().flatten() {
            assert!(part.offset >= end && part.offset + part.len <= member.size, "parts of a file overlap");
            end = part.offset + part.len;
        }
        let read = io::copy(&mut crate::tar::Whole::new(&mut reader, &member).take(LIMIT), &mut io::sink());
        assert!(read.is_err() || read.is_ok_and(|read| read == member.size.min(LIMIT)), "a member has another length");
        assert!(reader.at <= bytes.len() as u64, "more was read than there is");
    }
}

/// A cpio archive.
pub fn cpio(bytes: &[u8]) {
    let mut reader = crate::cpio::Reader::new(Cursor::new(bytes));
    while let Ok(Some((_, entry))) = reader.next() {
        assert!(!entry.name.contains(&0), "a name holds a zero byte");
        let read = io::copy(&mut reader.by_ref().take(LIMIT), &mut io::sink());
        assert!(read.is_err() || read.is_ok_and(|read| read == entry.size.min(LIMIT)), "a member has another length");
    }
}

/// A compressed stream of any form.
pub fn stream(bytes: &[u8]) {
    let mut input = Input::new(Cursor::new(bytes.to_vec()));
    let Some(codec) = input.peek(crate::codec::MAGIC).ok().and_then(Codec::detect) else { return };
    // Its memory is what the header asks for: other limits are tried elsewhere.
    if matches!(codec, Codec::Xz | Codec::Lzma) {
        return;
    }
    if let Ok(reader) = codec.reader(input) {
        let _ = io::copy(&mut reader.take(LIMIT), &mut io::sink());
    }
}

/// A zip archive, in a file of memory.
pub fn zip(bytes: &[u8]) {
    let Ok(memory) = rustix::fs::memfd_create("zip", rustix::fs::MemfdFlags::CLOEXEC) else { return };
    let mut file = std::fs::File::from(memory);
    if file.write_all(bytes).is_ok() {
        crate::unzip::try_all(&file, 64, LIMIT);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::files::member::{Kind, Member, Part};
    use crate::tar::{Format, PaxOptions, Writer, headers};

    struct Random(u32);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as usize % limit.max(1)
        }
    }

    fn archive(format: Format) -> Vec<u8> {
        let parts = vec![Part { offset: 0, len: 3 }, Part { offset: 4096, len: 512 }, Part { offset: 9000, len: 0 }];
        let members = [
            Member { name: b"a/".to_vec(), kind: Kind::Directory, mode: 0o755, ..Member::default() },
            Member { name: vec![b'n'; 150], size: 700, xattrs: vec![(b"user.x".to_vec(), vec![1; 9])], ..Member::default() },
            Member { name: b"l".to_vec(), link: vec![b't'; 120], kind: Kind::Symlink, ..Member::default() },
            Member { name: b"s".to_vec(), size: 9000, parts: Some(parts), ..Member::default() },
        ];
        let mut out = Writer::new(Vec::new(), 0);
        for member in &members {
            out.write_all(&headers(member, format, &PaxOptions::default()).unwrap()).unwrap();
            out.write_all(&vec![7; member.stored() as usize]).unwrap();
            out.pad().unwrap();
        }
        out.end(512).unwrap();
        out.to
    }

    fn mutations(seeds: &[Vec<u8>], target: fn(&[u8])) {
        let mut random = Random(7);
        for seed in seeds {
            target(seed);
            for _ in 0..3000 {
                let mut bytes = seed.clone();
                for _ in 0..=random.below(6) {
                    let at = random.below(bytes.len());
                    match random.below(4) {
                        0 => bytes[at] = random.below(256) as u8,
                        1 => bytes[at] ^= 1 << random.below(8),
                        2 => bytes.truncate(at + 1),
                        _ => bytes[at] = b'0' + random.below(10) as u8,
                    }
                }
                // Headers count only with a sum that holds.
                for block in bytes.chunks_exact_mut(512).filter(|block| block[148..154].iter().all(u8::is_ascii_digit)) {
                    let sum: u32 =
                        block.iter().enumerate().map(|(at, b)| u32::from(if (148..156).contains(&at) { b' ' } else { *b })).sum();
                    block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
                }
                target(&bytes);
            }
        }
    }

    #[test]
    fn damaged_archives_break_nothing() {
        mutations(&[archive(Format::Gnu), archive(Format::Pax)], tar);
        let mut entry = b"07070100000001000081a40000000000000000000000016553f100000000050000000000000000000000000000000000000002\
            00000000a\0hello\0\0\0"
            .to_vec();
        entry.extend_from_slice(b"070707000001000002100644000000000000000001000000145237703600000200000000005b\0hello");
        mutations(&[entry], cpio);
        let mut seeds = Vec::new();
        for bytes in [
            &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00"[..],
            b"\x1f\x9d\x90h\xca\xb0a\xf3\x06",
        ] {
            seeds.push(bytes.to_vec());
        }
        mutations(&seeds, stream);
    }
}
