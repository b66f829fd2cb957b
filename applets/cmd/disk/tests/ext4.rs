//! New ext4 file systems before the judge that everybody uses: e2fsck finds nothing to mend in any
//! size.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use format::ext4::{FileSystem, SMALLEST, SUPERBLOCK, Shape, state};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const GROUP: u64 = 128 * MIB;

const SHAPE: Shape<'_> = Shape { bytes: 0, label: "kutties-var", uuid: [0x5a; 16], time: 1_700_000_000, reserved: 0 };

/// A sparse file with a file system; `old` bytes were where it is written.
fn image(name: &str, shape: Shape<'_>, old: u8) -> PathBuf {
    let path = std::env::temp_dir().join(format!("ext4-{}-{name}", std::process::id()));
    let file = File::create(&path).unwrap();
    if old != 0 {
        file.write_all_at(&vec![old; usize::try_from(shape.bytes).unwrap()], 0).unwrap();
    }
    file.set_len(shape.bytes).unwrap();
    let system = FileSystem::new(shape).unwrap();
    system.write(|at, bytes| file.write_all_at(bytes, at)).unwrap();
    path
}

/// A program of e2fsprogs, its exit status and what it said.
fn run(program: &str, args: &[&str], path: &Path) -> (Option<i32>, String) {
    let sbin = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(args).arg(path).env("PATH", sbin).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn is_sound(path: &Path) {
    let (code, text) = run("e2fsck", &["-fn"], path);
    assert_eq!(code, Some(0), "{}: {text}", path.display());
}

#[test]
fn e2fsck_finds_nothing_in_any_size() {
    let sizes = [
        SMALLEST,
        SMALLEST + 4095,
        10 * MIB + 512,
        64 * MIB,
        GROUP - 4096,
        GROUP,
        // The last group is too small, and then just large enough.
        GROUP + 4096,
        GROUP + MIB,
        GROUP + 3 * MIB,
        16 * GROUP + 3 * MIB,
        16 * GROUP + 5 * MIB,
        17 * GROUP - 4096,
        GIB,
        16 * GIB,
        3 << 40,
    ];
    for bytes in sizes {
        let path = image(&bytes.to_string(), Shape { bytes, ..SHAPE }, 0);
        is_sound(&path);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn old_bytes_do_not_matter() {
    for old in [0xff, 0x53] {
        let path = image(&format!("old-{old}"), Shape { bytes: 300 * MIB, ..SHAPE }, old);
        is_sound(&path);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn others_read_what_was_meant() {
    let path = image("read", Shape { bytes: 2 * GIB, reserved: 5, ..SHAPE }, 0);
    let (_, text) = run("dumpe2fs", &["-h"], &path);
    for line in [
        "Filesystem volume name:   kutties-var",
        "Filesystem UUID:          5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a",
        "Filesystem state:         clean",
        "Errors behavior:          Remount read-only",
        "Inode count:              131072",
        "Block count:              524288",
        "Reserved block count:     26210",
        "Total journal size:       64M",
        "Checksum type:            crc32c",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let (_, text) = run("debugfs", &["-R", "ls -l /"], &path);
    assert!(text.contains("lost+found"), "{text}");
    let mut start = [0; 2 * SUPERBLOCK];
    File::open(&path).unwrap().read_exact(&mut start).unwrap();
    let state = state(&start[SUPERBLOCK..]).unwrap();
    assert_eq!((state.blocks, state.block, state.is_damaged), (524_288, 4096, false));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_same_shape_gives_the_same_bytes() {
    let read = |name: &str, shape| {
        let path = image(name, shape, 0);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        bytes
    };
    let shape = Shape { bytes: 200 * MIB, ..SHAPE };
    let one = read("one", shape);
    assert!(one == read("same", shape));
    assert!(one != read("other", Shape { uuid: [1; 16], ..shape }));
}

#[test]
fn the_ends_of_the_device_stay_zeroes_until_the_superblock() {
    // A program that is cut off in between finds an empty disk again.
    for bytes in [SMALLEST, 64 * MIB, GROUP + 3 * MIB, 3 * GROUP + 5 * MIB, 25 * GROUP + 6 * MIB, 3 << 40] {
        let system = FileSystem::new(Shape { bytes, ..SHAPE }).unwrap();
        let mut last = 0;
        let written: Result<(), ()> = system.write(|at, piece| {
            assert!(at + (piece.len() as u64) <= bytes - MIB, "{bytes}: {at}");
            last = at;
            Ok(())
        });
        assert_eq!((written, last), (Ok(()), SUPERBLOCK as u64));
    }
}
