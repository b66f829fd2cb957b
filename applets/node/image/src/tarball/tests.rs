#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use std::fs::File;
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::layer::tests::Made;

/// The file that the first entry of an archive makes.
fn written(bytes: &[u8]) -> io::Result<(Entry, Vec<u8>, u64)> {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("kutties-sparse-{}-{number}", std::process::id()));
    let mut tar = Tar::new(bytes);
    let entry = tar.next_entry()?.unwrap();
    let mut file = File::create(&path)?;
    let result = match &entry.sparse {
        Some(sparse) => sparse.write(&mut tar, &mut file),
        None => tar.write_to(&mut file, u64::MAX).map(drop),
    };
    let content = std::fs::read(&path);
    let blocks = file.metadata()?.blocks();
    std::fs::remove_file(&path)?;
    result?;
    while tar.next_entry()?.is_some() {}
    Ok((entry, content?, blocks))
}

/// Two parts in a file of 1 MiB: `ab` at 0, `cd` at 512 KiB.
fn check(bytes: &[u8]) {
    let (entry, content, blocks) = written(bytes).unwrap();
    assert_eq!(entry.path, b"real");
    assert_eq!((content.len(), &content[..3], &content[524_288..524_291]), (1 << 20, &b"ab\0"[..], &b"cd\0"[..]));
    assert!(blocks < 256, "the holes take {blocks} blocks");
}

#[test]
fn sparse_files_of_posix() {
    let size = ("GNU.sparse.size", &b"1048576"[..]);
    let name = ("GNU.sparse.name", &b"real"[..]);
    check(&Made::default().pax(&[size, name, ("GNU.sparse.map", b"0,2,524288,2")]).file("x", "abcd").file("y", "").bytes());
    let numbers: [(&str, &[u8]); 6] = [
        size,
        name,
        ("GNU.sparse.offset", b"0"),
        ("GNU.sparse.numbytes", b"2"),
        ("GNU.sparse.offset", b"524288"),
        ("GNU.sparse.numbytes", b"2"),
    ];
    check(&Made::default().pax(&numbers).file("x", "abcd").bytes());
    let records: [(&str, &[u8]); 4] =
        [("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.realsize", b"1048576"), name];
    let list = format!("{:\0<512}abcd", "2\n0\n2\n524288\n2\n");
    check(&Made::default().pax(&records).file("x", &list).file("y", "z").bytes());
}

#[test]
fn sparse_files_of_gnu() {
    let mut bytes = Made::default().pax(&[("path", b"real")]).raw(b'S', "x", "", 4, 0o644, b"").0;
    let at = bytes.len() - 512;
    let header = &mut bytes[at..];
    header[257..265].copy_from_slice(b"ustar  \0");
    header[386..398].copy_from_slice(b"00000000000\0");
    header[398..410].copy_from_slice(b"00000000002\0");
    header[482] = 1;
    header[483..494].copy_from_slice(b"00004000000");
    let sum: u32 = header.iter().enumerate().map(|(n, b)| if (148..156).contains(&n) { 32 } else { u32::from(*b) }).sum();
    header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    let mut more = vec![0; 512];
    more[..12].copy_from_slice(b"00002000000\0");
    more[12..24].copy_from_slice(b"00000000002\0");
    bytes.extend(more);
    bytes.extend(b"abcd");
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    check(&bytes);
}

#[test]
fn lies_about_sparse_files() {
    for map in ["0,2,1,2", "0,2,524288", "0,3,8,2", "1048575,2,0,2", "18446744073709551615,2,0,2", "0,2,x,2", ""] {
        let records: [(&str, &[u8]); 2] = [("GNU.sparse.size", b"1048576"), ("GNU.sparse.map", map.as_bytes())];
        assert!(written(&Made::default().pax(&records).file("x", "abcd").bytes()).is_err(), "{map}");
    }
    let huge: [(&str, &[u8]); 2] = [("GNU.sparse.size", b"18446744073709551615"), ("GNU.sparse.map", b"0,4")];
    assert!(written(&Made::default().pax(&huge).file("x", "abcd").bytes()).is_err());
    let version: [(&str, &[u8]); 3] = [("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.realsize", b"9")];
    for list in ["", "2\n0\n", "99999999999\n", "1\n0\n99999999999999999999999999\n"] {
        let list = format!("{list:x<512}");
        assert!(written(&Made::default().pax(&version).file("x", &list).bytes()).is_err(), "{list}");
    }
}

#[test]
fn the_last_word_of_extended_headers_counts() {
    let bytes = Made::default().pax(&[("path", b"one"), ("path", b"two"), ("size", b"3")]).file("x", "abc").bytes();
    let (entry, content, _) = written(&bytes).unwrap();
    assert_eq!((entry.path.as_slice(), content.as_slice()), (&b"two"[..], &b"abc"[..]));
}
