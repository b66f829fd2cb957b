#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;

const A: Guid = [1; 16];
const B: Guid = [2; 16];
const C: Guid = [3; 16];

fn three(room: usize) -> Vec<u8> {
    volume(&[(A, b"first"), (B, &[7; 1000]), (C, b"third"), (A, b"")], room).unwrap()
}

#[test]
fn files_come_back_in_order() {
    let bytes = three(0x2000);
    assert_eq!(length(&bytes), Ok(0x2000));
    assert_eq!(raw(&bytes, &A).unwrap(), [b"first".as_slice(), b""]);
    assert_eq!(raw(&bytes, &B).unwrap(), [[7; 1000].as_slice()]);
    assert!(raw(&bytes, &[9; 16]).unwrap().is_empty());
    // The spec's own measure: the header's words and a file's header's bytes sum up to nothing.
    assert_eq!(words(&bytes[..HEADER_LEN]), 0);
    assert_eq!(volume(&[(A, &[0; 4096])], 4096), Err(Error::NoRoom));
}

#[test]
fn large_files_take_the_other_header() {
    let large = vec![5; 17 << 20];
    let bytes = volume(&[(A, &large), (B, b"behind")], 20 << 20).unwrap();
    assert_eq!(raw(&bytes, &A).unwrap(), [large.as_slice()]);
    assert_eq!(raw(&bytes, &B).unwrap(), [b"behind".as_slice()]);
    let inner = guided(&LZMA, &large);
    let found = sections(&inner).unwrap();
    assert_eq!((found[0].guid, &inner[found[0].content.clone()]), (Some(LZMA), large.as_slice()));
}

#[test]
fn a_replaced_file_leaves_the_others_in_place() {
    let mut bytes = three(0x2000);
    let before = files(&bytes).unwrap();
    replace(&mut bytes, &B, Some(&section(RAW, b"less"))).unwrap();
    assert_eq!(raw(&bytes, &B).unwrap(), [b"less".as_slice()]);
    let after = files(&bytes).unwrap();
    assert_eq!(
        after.iter().map(|file| file.whole.start).collect::<Vec<_>>(),
        before.iter().map(|file| file.whole.start).collect::<Vec<_>>()
    );
    replace(&mut bytes, &C, None).unwrap();
    assert_eq!(raw(&bytes, &A).unwrap(), [b"first".as_slice(), b""]);
    assert!(raw(&bytes, &C).unwrap().is_empty());
    assert_eq!(replace(&mut bytes, &C, None), Err(Error::NoFile));
    assert_eq!(replace(&mut bytes, &B, Some(&[0; 2000])), Err(Error::NoRoom));
    assert_eq!(raw(&bytes, &B).unwrap(), [b"less".as_slice()]);
}

#[test]
fn the_last_file_may_grow() {
    let mut bytes = volume(&[(A, b"first"), (B, b"x")], 0x2000).unwrap();
    replace(&mut bytes, &B, Some(&section(RAW, &[8; 3000]))).unwrap();
    assert_eq!(raw(&bytes, &B).unwrap(), [[8; 3000].as_slice()]);
    replace(&mut bytes, &B, Some(&section(RAW, b"y"))).unwrap();
    assert_eq!(bytes, volume(&[(A, b"first"), (B, b"y")], 0x2000).unwrap());
    assert_eq!(replace(&mut bytes, &B, Some(&[0; 0x2000])), Err(Error::NoRoom));
}

#[test]
fn damaged_volumes_are_refused() {
    assert_eq!(files(b"MZ"), Err(Error::NoVolume));
    let whole = three(0x1000);
    for len in 0..whole.len() {
        assert!(files(&whole[..len]).is_err(), "{len} bytes");
    }
    for at in 0..HEADER_LEN + FILE_LEN {
        let mut wild = whole.clone();
        wild[at] ^= 0x10;
        for file in files(&wild).unwrap_or_default() {
            let _ = sections(&wild[file.content]);
        }
        let _ = replace(&mut wild, &A, None);
    }
    // A section that says it is longer than the file.
    assert_eq!(sections(&[9, 0, 0, RAW, 1]), Err(Error::Damaged));
    assert_eq!(sections(&[0, 0, 0, RAW]), Err(Error::Damaged));
}
