//! State of a file made into a member.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use super::create::Packer;
use super::writer::Format;
use crate::files::member::{Kind, Member, Time};

impl Packer<'_> {
    /// All but names and content.
    pub(super) fn about(&self, member: &mut Member, meta: &Metadata) {
        let sort = meta.file_type();
        member.kind = match () {
            () if sort.is_dir() => Kind::Directory,
            () if sort.is_symlink() => Kind::Symlink,
            () if sort.is_char_device() => Kind::Char,
            () if sort.is_block_device() => Kind::Block,
            () if sort.is_fifo() => Kind::Fifo,
            () => Kind::File,
        };
        member.mode = meta.mode() & 0o7777;
        if let Some(change) = self.options.change.as_ref().filter(|_| !sort.is_symlink()) {
            member.mode = change.apply(member.mode, sort.is_dir(), self.umask);
        }
        self.options.ids.put(member, meta.uid(), meta.gid());
        let time = |seconds, nanos| Time { seconds, nanos };
        member.mtime = time(meta.mtime(), meta.mtime_nsec() as u32);
        let clamp = self.options.line.has("clamp-mtime");
        if let Some(fixed) = self.options.mtime.filter(|fixed| !clamp || member.mtime > *fixed) {
            member.mtime = fixed;
        }
        if self.options.format == Format::Pax || self.options.incremental {
            member.atime = Some(time(meta.atime(), meta.atime_nsec() as u32));
            member.ctime = Some(time(meta.ctime(), meta.ctime_nsec() as u32));
        }
        if matches!(member.kind, Kind::Char | Kind::Block) {
            member.major = rustix::fs::major(meta.rdev());
            member.minor = rustix::fs::minor(meta.rdev());
        }
        if member.kind == Kind::File {
            member.size = meta.len();
        }
    }
}
