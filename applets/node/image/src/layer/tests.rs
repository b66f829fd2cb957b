#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use super::*;
use crate::hash::digest;

/// An archive made by hand, for what no tool would write.
#[derive(Clone, Default)]
pub struct Made(pub Vec<u8>);

impl Made {
    /// One entry; `size` is told in the header whatever the content is.
    pub fn raw(mut self, flag: u8, name: &str, link: &str, size: u64, mode: u32, content: &[u8]) -> Self {
        let mut header = [0u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &name.as_bytes()[..name.len().min(100)]);
        put(100, format!("{mode:07o}").as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{size:011o}").as_bytes());
        put(136, b"00000000007");
        put(156, &[flag]);
        put(157, &link.as_bytes()[..link.len().min(100)]);
        put(257, b"ustar\x0000");
        put(329, b"0000001");
        put(337, b"0000003");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        header[155] = b' ';
        self.0.extend(header);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: &str, content: &str) -> Self {
        self.raw(b'0', name, "", content.len() as u64, 0o644, content.as_bytes())
    }

    pub fn directory(self, name: &str) -> Self {
        self.raw(b'5', name, "", 0, 0o755, b"")
    }

    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.raw(b'2', name, target, 0, 0o777, b"")
    }

    /// A character device.
    pub fn device(self, name: &str, major: u32, minor: u32) -> Self {
        let start = self.0.len();
        let mut made = self.raw(b'3', name, "", 0, 0o600, b"");
        let header = &mut made.0[start..start + 512];
        header[329..336].copy_from_slice(format!("{major:07o}").as_bytes());
        header[337..344].copy_from_slice(format!("{minor:07o}").as_bytes());
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        made
    }

    pub fn link(self, name: &str, target: &str) -> Self {
        self.raw(b'1', name, target, 0, 0o644, b"")
    }

    /// An extended header with these records.
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut body = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let length = (rest..rest + 20).find(|length| length.to_string().len() + rest == *length).unwrap();
            body.extend([format!("{length} {key}=").as_bytes(), value, b"\n"].concat());
        }
        self.raw(b'x', "PaxHeaders/x", "", body.len() as u64, 0o644, &body)
    }

    pub fn bytes(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// Directories that go when the test ends.
struct Directories(PathBuf);

impl Directories {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("kutties-layer-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    /// Unpack layers one over another into directories called 0, 1, …; the last result.
    fn unpack(&self, layers: Vec<Made>) -> Result<PathBuf> {
        let mut below = Vec::new();
        for (number, made) in layers.into_iter().enumerate() {
            let top = self.0.join(number.to_string());
            fs::create_dir(&top).unwrap();
            let bytes = made.bytes();
            unpack(&bytes[..], &digest(&bytes), &top, &Below::there(&below))?;
            below.push(top);
        }
        Ok(below.pop().unwrap())
    }
}

impl Drop for Directories {
    fn drop(&mut self) {
        let _ = kit::tree::remove(&self.0);
    }
}

fn is_opaque(path: &Path) -> bool {
    let mut value = [0; 1];
    rustix::fs::lgetxattr(path, "trusted.overlay.opaque", &mut value).is_ok()
}

#[test]
fn files_and_links_arrive() {
    let directories = Directories::new("arrive");
    let made = Made::default().directory("d/").file("./d/f", "hello").symlink("l", "d").file("l/g", "through").link("h", "/d/f");
    let top = directories.unpack(vec![made.raw(b'6', "pipe", "", 0, 0o600, b"").raw(b'0', "suid", "", 0, 0o4755, b"")]).unwrap();
    assert_eq!(fs::read_to_string(top.join("d/g")).unwrap(), "through");
    assert_eq!(fs::metadata(top.join("h")).unwrap().ino(), fs::metadata(top.join("d/f")).unwrap().ino());
    assert!(fs::metadata(top.join("pipe")).unwrap().file_type().is_fifo());
    assert_eq!(fs::metadata(top.join("suid")).unwrap().permissions().mode() & 0o7777, 0o4755);
    for path in ["d", "d/f", "suid"] {
        assert_eq!(fs::symlink_metadata(top.join(path)).unwrap().mtime(), 7, "{path}");
    }
}

#[test]
fn nothing_leaves_the_directory() {
    let attacks: Vec<(&str, Made)> = vec![
        ("dots", Made::default().file("../x", "x")),
        ("inner dots", Made::default().file("a/../../x", "x")),
        ("hard link up", Made::default().link("x", "../../../../etc/passwd")),
        ("hard link to nothing", Made::default().link("x", "/etc/passwd")),
        ("hard link to itself", Made::default().file("x", "").link("x", "x")),
        ("hard link to a directory", Made::default().directory("d").link("x", "d")),
        ("file as directory", Made::default().file("f", "").file("f/x", "x")),
        ("root as link", Made::default().symlink("./", "/etc")),
        ("root as file", Made::default().file("/", "x")),
        ("whiteout of the parent", Made::default().directory("a").file("a/.wh...", "")),
        ("whiteout of itself", Made::default().directory("a").file("a/.wh..", "")),
        ("whiteout of nothing", Made::default().file(".wh.", "")),
        ("loop of links", Made::default().symlink("a", "b").symlink("b", "a").file("a/x", "x")),
        ("unknown kind", Made::default().raw(b'?', "x", "", 0, 0, b"")),
        ("too deep", Made::default().pax(&[("path", deep(513).as_bytes())]).file("x", "x")),
        (
            "too deep by a link",
            Made::default()
                .pax(&[("path", deep(500).as_bytes())])
                .directory("x")
                .pax(&[("linkpath", deep(499).as_bytes())])
                .symlink("l", "")
                .file("l/a/b/c/d/e/f/g/h/i/j/k/l/m/n", "x"),
        ),
        (
            "around in a link",
            Made::default()
                .pax(&[("linkpath", "a/../".repeat(800).as_bytes())])
                .symlink("l", "")
                .pax(&[("path", "l/".repeat(20).as_bytes())])
                .directory("x"),
        ),
        ("NUL in a name", Made::default().pax(&[("path", b"a\0b")]).file("x", "")),
        ("no name", Made::default().pax(&[("path", b"")]).file("x", "")),
    ];
    for (name, made) in attacks {
        let directories = Directories::new(&name.replace(' ', "-"));
        let outside = directories.0.join("outside");
        fs::write(&outside, "as it was").unwrap();
        let result = directories.unpack(vec![made]);
        assert!(result.is_err(), "{name}");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "as it was", "{name}");
        assert_eq!(fs::read_dir(&directories.0).unwrap().count(), 2, "{name}");
    }
}

/// A path of that many names.
fn deep(count: usize) -> String {
    vec!["d"; count].join("/")
}

#[test]
fn the_deepest_path_is_taken_over_layers_that_have_it() {
    let directories = Directories::new("deepest");
    let path = |end: &str| format!("{}/{end}", deep(511));
    let made = |end: &str| Made::default().pax(&[("path", path(end).as_bytes())]).file("x", end);
    let link = Made::default().pax(&[("linkpath", path("0").as_bytes())]).link("l", "");
    let layers: Vec<Made> = (0..20).map(|number| made(&number.to_string())).chain([link]).collect();
    let top = directories.unpack(layers).unwrap();
    assert_eq!(fs::read_to_string(top.join("l")).unwrap(), "0");
}

#[test]
fn marks_of_overlayfs_are_unpacked_as_containerd_does() {
    let directories = Directories::new("marks");
    let low = Made::default().file("d/gone", "old").file("d/f", "old").file("e/gone/f", "old");
    let attributes: [(&str, &[u8]); 3] = [
        ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
        ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
        ("SCHILY.xattr.user.overlay.impure", b"y"),
    ];
    let upper = Made::default()
        .pax(&attributes)
        .directory("d")
        .device("d/gone", 0, 0)
        .device("e/gone", 0, 0)
        .device("null", 1, 3)
        // It deletes what is below, as if it were a whiteout: a directory in its place shows nothing of it.
        .file("e/gone/new", "new");
    let top = directories.unpack(vec![low, upper]).unwrap();
    let gone = fs::symlink_metadata(top.join("d/gone")).unwrap();
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
    let null = fs::symlink_metadata(top.join("null")).unwrap();
    assert_eq!(null.rdev(), rustix::fs::makedev(1, 3));
    assert!(is_opaque(&top.join("e/gone")) && !is_opaque(&top.join("d")));
    let has = |name: &str| rustix::fs::lgetxattr(top.join("d"), name, &mut [0; 8]).is_ok();
    assert!(!has("trusted.overlay.redirect"));
}

#[test]
fn a_hard_link_does_not_reach_below_what_its_own_layer_hides() {
    for mark in ["d/.wh..wh..opq", "d/.wh.f"] {
        let directories = Directories::new(&format!("own-{}", mark.len()));
        let upper = Made::default().directory("d").file(mark, "").link("x", "d/f");
        assert!(directories.unpack(vec![Made::default().file("d/f", "old"), upper]).is_err(), "{mark}");
    }
}

#[test]
fn links_that_lead_out_are_followed_inside() {
    let directories = Directories::new("inside");
    let outside = directories.0.join("outside");
    fs::create_dir(&outside).unwrap();
    let escape = outside.to_str().unwrap();
    let made = Made::default().symlink("a", escape).file("a/x", "x").symlink("b", "../../../../..").file("b/y", "y");
    let top = directories.unpack(vec![made]).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert!(top.join("y").is_file());
    assert!(top.join(escape.trim_start_matches('/')).join("x").is_file());
}

#[test]
fn a_link_that_replaces_a_directory_is_not_walked_through() {
    let directories = Directories::new("swap");
    let outside = directories.0.join("outside");
    fs::create_dir(&outside).unwrap();
    let made = Made::default().directory("a").file("a/x", "1").symlink("a", outside.to_str().unwrap()).file("a/y", "2");
    directories.unpack(vec![made]).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn links_of_lower_layers_are_followed() {
    let directories = Directories::new("low");
    let low = Made::default().raw(b'5', "usr/", "", 0, 0o751, b"").file("usr/lib/a", "a").symlink("lib", "usr/lib");
    let top = directories.unpack(vec![low, Made::default().file("lib/b", "b")]).unwrap();
    assert!(top.join("usr/lib/b").is_file());
    assert!(!top.join("lib").exists());
    assert_eq!(fs::metadata(top.join("usr")).unwrap().permissions().mode() & 0o777, 0o751);
}

#[test]
fn a_hard_link_to_a_lower_layer_brings_the_file_up() {
    let directories = Directories::new("up");
    let low = Made::default().raw(b'0', "d/f", "", 3, 0o4711, b"old").symlink("s", "d/f");
    let top = directories.unpack(vec![low, Made::default().link("g", "d/f").link("t", "s")]).unwrap();
    let (one, two) = (fs::metadata(top.join("g")).unwrap(), fs::metadata(top.join("d/f")).unwrap());
    assert_eq!((one.ino(), one.permissions().mode() & 0o7777, one.mtime()), (two.ino(), 0o4711, 7));
    assert_eq!(fs::read_to_string(top.join("g")).unwrap(), "old");
    assert_eq!(fs::read_link(top.join("t")).unwrap(), Path::new("d/f"));
}

#[test]
fn what_was_deleted_below_is_not_found() {
    let directories = Directories::new("deleted");
    let low = Made::default().file("a/f", "f").symlink("l", "a").file("o/f", "f");
    let middle = Made::default().file(".wh.l", "").file("o/.wh..wh..opq", "").file(".wh.a", "");
    let top = Made::default().file("l/x", "x").file("a/y", "y");
    let top = directories.unpack(vec![low, middle, top]).unwrap();
    // The link is gone, so this is a new directory.
    assert!(top.join("l/x").is_file() && top.join("a/y").is_file());
    let directories = Directories::new("deleted-target");
    let low = Made::default().file("o/f", "f").file("g", "g");
    let middle = Made::default().file("o/.wh..wh..opq", "").file(".wh.g", "");
    for target in ["o/f", "g"] {
        let directories = Directories::new(&format!("deleted-{}", target.replace('/', "-")));
        let (low, middle) = (Made(low.0.clone()), Made(middle.0.clone()));
        assert!(directories.unpack(vec![low, middle, Made::default().link("x", target)]).is_err(), "{target}");
    }
    drop(directories);
}

#[test]
fn whiteouts_are_overlayfs_s() {
    let directories = Directories::new("whiteouts");
    let made = Made::default()
        .file(".wh.gone", "")
        .file("o/.wh..wh..opq", "")
        .directory(".wh..wh.plnk")
        .file(".wh..wh.plnk/1.2", "")
        // The layer's own entry stays, in either order; a directory hides deleted ones.
        .file("kept", "kept")
        .file(".wh.kept", "")
        .file(".wh.file", "")
        .file("file", "new")
        .file(".wh.first", "")
        .directory("first")
        .directory("last")
        .file("last/f", "")
        .file(".wh.last", "")
        .file(".wh.implicit", "")
        .file("implicit/f", "");
    let top = directories.unpack(vec![made]).unwrap();
    let gone = fs::symlink_metadata(top.join("gone")).unwrap();
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
    assert_eq!(fs::read_to_string(top.join("kept")).unwrap(), "kept");
    assert_eq!(fs::read_to_string(top.join("file")).unwrap(), "new");
    assert!(top.join("last/f").is_file());
    for directory in ["o", "first", "last", "implicit"] {
        assert!(is_opaque(&top.join(directory)), "{directory}");
    }
    assert!(!top.join(".wh..wh.plnk").exists());
}

#[test]
fn a_file_becomes_a_directory_and_back() {
    let directories = Directories::new("becomes");
    let made = Made::default()
        .file("a", "1")
        .directory("a")
        .file("a/x", "2")
        .file("b/x/y", "")
        .file("b/x", "3")
        .directory("c")
        .directory("c");
    let top = directories.unpack(vec![made]).unwrap();
    assert_eq!(fs::read_to_string(top.join("a/x")).unwrap(), "2");
    assert_eq!(fs::read_to_string(top.join("b/x")).unwrap(), "3");
}

#[test]
fn attributes_and_fine_times() {
    let directories = Directories::new("attributes");
    // Version 2, effective, CAP_NET_BIND_SERVICE.
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let records: [(&str, &[u8]); 3] =
        [("SCHILY.xattr.security.capability", &capability), ("mtime", b"9.25"), ("SCHILY.xattr.no.such", b"left out")];
    let top = directories.unpack(vec![Made::default().pax(&records).raw(b'0', "p", "", 1, 0o755, b"x")]).unwrap();
    let mut value = [0; 64];
    let length = rustix::fs::lgetxattr(top.join("p"), "security.capability", &mut value).unwrap();
    assert_eq!(value[..length], capability);
    let meta = fs::metadata(top.join("p")).unwrap();
    assert_eq!((meta.mtime(), meta.mtime_nsec()), (9, 250_000_000));
}

#[test]
fn long_names_of_both_kinds() {
    let directories = Directories::new("long");
    let (name, other) = (format!("{}/{}", "d".repeat(90), "f".repeat(200)), "p".repeat(240));
    let long = format!("{name}\0");
    let made = Made::default()
        .raw(b'L', "././@LongLink", "", long.len() as u64, 0, long.as_bytes())
        .file("cut", "gnu")
        .pax(&[("path", other.as_bytes()), ("linkpath", name.as_bytes())])
        .symlink("cut", "cut");
    let top = directories.unpack(vec![made]).unwrap();
    assert_eq!(fs::read_to_string(top.join(&name)).unwrap(), "gnu");
    assert_eq!(fs::read_link(top.join(&other)).unwrap(), Path::new(&name));
}

#[test]
fn a_wrong_digest_is_refused() {
    let directories = Directories::new("digest");
    let (bytes, wrong) = (Made::default().file("f", "x").bytes(), digest(b"something else"));
    let said = unpack(&bytes[..], &wrong, &directories.0, &Below::there(&[])).unwrap_err().to_string();
    assert!(said.contains(&wrong), "{said}");
}

#[test]
fn rubbish_is_an_error() {
    let cut = Made::default().file("f", &"x".repeat(5000)).0;
    let huge = Made::default().raw(b'0', "f", "", 0o7_7777_7777_7777 >> 6, 0o644, b"x").0;
    let name = Made::default().raw(b'L', "x", "", 1 << 30, 0, b"").0;
    for bytes in [&b"abc"[..], &[0x1f, 0x8b, 1, 2, 3], &[0x28, 0xb5, 0x2f, 0xfd, 9, 9], &[7; 2048], &cut[..3000], &huge, &name] {
        let directories = Directories::new("rubbish");
        assert!(unpack(bytes, &digest(bytes), &directories.0, &Below::there(&[])).is_err(), "{} bytes", bytes.len());
    }
}

#[test]
fn a_decompressed_stream_that_nobody_wants_ends() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // More than lies between the threads.
    std::io::Write::write_all(&mut encoder, &vec![7; 8 << 20]).unwrap();
    let bytes = encoder.finish().unwrap();
    let directories = Directories::new("unwanted");
    assert!(unpack(&bytes[..], &digest(b""), &directories.0, &Below::there(&[])).is_err());
}

#[test]
fn packed_layers() {
    let bytes = Made::default().file("f", &"x".repeat(100_000)).bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(&bytes[..], ruzstd::encoding::CompressionLevel::Fastest);
    for packed in [gzip.finish().unwrap(), zstd] {
        let directories = Directories::new("packed");
        unpack(&packed[..], &digest(&bytes), &directories.0, &Below::there(&[])).unwrap();
        assert_eq!(File::open(directories.0.join("f")).unwrap().metadata().unwrap().len(), 100_000);
        assert!(unpack(&packed[..packed.len() / 2], &digest(&bytes), &directories.0.join("f"), &Below::there(&[])).is_err());
    }
}

/// Small numbers that look like chance and are the same each time.
fn chance(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

#[test]
fn changed_archives_never_leave_the_directory() {
    let good = Made::default()
        .directory("d/")
        .file("d/f", "content")
        .symlink("d/up", "../../..")
        .file("d/up/x", "x")
        .link("l", "d/f")
        .file(".wh.gone", "")
        .file("d/.wh..wh..opq", "")
        .pax(&[("path", b"long/name"), ("SCHILY.xattr.user.a", b"b"), ("mtime", b"1.5")])
        .file("cut", "more")
        .pax(&[("GNU.sparse.size", b"4096"), ("GNU.sparse.map", b"0,2,1024,2")])
        .file("sparse", "abcd")
        .bytes();
    let directories = Directories::new("changed");
    let (outside, mut state, mut whole) = (directories.0.join("outside"), 0x9e37_79b9_7f4a_7c15, 0);
    fs::write(&outside, "as it was").unwrap();
    for round in 0..600 {
        let mut bytes = good.clone();
        for _ in 0..=chance(&mut state) % 3 {
            let at = chance(&mut state) % bytes.len();
            // Changes that tell something: digits, slashes, dots, flags.
            bytes[at] = b"/.012345xLKgS\0\xff"[chance(&mut state) % 15];
        }
        for header in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
            let sum: u32 = header.iter().enumerate().map(|(n, b)| if (148..156).contains(&n) { 32 } else { u32::from(*b) }).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        let top = directories.0.join("top");
        fs::create_dir(&top).unwrap();
        whole += usize::from(unpack(&bytes[..], &digest(&bytes), &top, &Below::there(&[])).is_ok());
        fs::remove_dir_all(&top).unwrap();
        assert_eq!(fs::read_dir(&directories.0).unwrap().count(), 1, "round {round}");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "as it was", "round {round}");
    }
    assert!((50..590).contains(&whole), "{whole} were taken: the changes are of no use");
}
