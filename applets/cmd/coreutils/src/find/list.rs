//! `-ls`.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::time::{SystemTime, UNIX_EPOCH};

use kit::account;

use super::File;
use super::printf::mode;
use super::test::letter;
use super::time::Date;

/// Seconds after which a year is of more use than a time of the day: half a year, as for ls.
const OLD: i64 = 31_556_952 / 2;

/// The line of a file.
pub(super) fn line(file: &File) -> Vec<u8> {
    let meta = file.meta;
    let kind = meta.file_type();
    let size = if kind.is_char_device() || kind.is_block_device() {
        format!("{:3}, {:3}", rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()))
    } else {
        format!("{:8}", meta.len())
    };
    let date = Date::new((meta.mtime(), 0));
    let form = |letter| date.form(letter).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().cast_signed();
    let recent = (now - OLD..=now).contains(&meta.mtime());
    let day = form('d').trim_start_matches('0').to_owned();
    let last = if recent { form('R') } else { format!(" {}", form('Y')) };
    let head = format!(
        "{:9} {:6} {} {:3} {:8} {:8} {size} {} {day:>2} {last} ",
        meta.ino(),
        meta.blocks().div_ceil(2),
        mode(meta.mode(), letter(kind)),
        meta.nlink(),
        account::user_name(meta.uid()),
        account::group_name(meta.gid()),
        form('b'),
    );
    let mut line = head.into_bytes();
    put_name(file.path.as_os_str().as_bytes(), &mut line);
    if meta.is_symlink()
        && let Ok(target) = fs::read_link(file.path)
    {
        line.extend_from_slice(b" -> ");
        put_name(target.as_os_str().as_bytes(), &mut line);
    }
    line.push(b'\n');
    line
}

/// A name with nothing in it that a terminal would act on.
fn put_name(name: &[u8], line: &mut Vec<u8>) {
    for byte in name {
        match byte {
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\t' => line.extend_from_slice(b"\\t"),
            b' ' | b'"' | b'\\' => line.extend_from_slice(&[b'\\', *byte]),
            0x21..0x7f => line.push(*byte),
            byte => line.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
        }
    }
}
