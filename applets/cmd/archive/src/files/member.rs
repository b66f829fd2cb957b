//! A member of an archive: all that is told of a file, in no particular form.

/// Seconds since 1970 and parts of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

impl Time {
    /// The present.
    pub(crate) fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { seconds: since.as_secs() as i64, nanos: since.subsec_nanos() }
    }
}

/// Sort of file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    File,
    /// Another name of a member before it.
    Hard,
    Symlink,
    Char,
    Block,
    Directory,
    Fifo,
    /// Name of the archive.
    Label,
    /// Rest of a file that began in another archive.
    Rest,
    /// Something else, by its letter; GNU takes it for a file.
    Other(u8),
}

/// A part of a sparse file that is stored; between them are zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// A member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    /// Name as it is stored; a directory's ends in a slash or not.
    pub(crate) name: Vec<u8>,
    /// File that a link leads to.
    pub(crate) link: Vec<u8>,
    pub(crate) kind: Kind,
    /// Permissions with set-ID and sticky bits.
    pub(crate) mode: u32,
    pub(crate) uid: i64,
    pub(crate) gid: i64,
    pub(crate) user: Vec<u8>,
    pub(crate) group: Vec<u8>,
    pub(crate) mtime: Time,
    pub(crate) atime: Option<Time>,
    pub(crate) ctime: Option<Time>,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Stored parts, ascending, when the file is sparse.
    pub(crate) parts: Option<Vec<Part>>,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    /// Extended attributes by name.
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// ACLs as text: access, default.
    pub(crate) acls: [Option<Vec<u8>>; 2],
    /// Names in a directory, each with a letter before it and a zero byte behind it: of incremental archives.
    pub(crate) list: Option<Vec<u8>>,
    /// Place of its first block in the archive.
    pub(crate) at: u64,
}

impl Member {
    /// Bytes that are stored.
    pub(crate) fn stored(&self) -> u64 {
        match &self.parts {
            Some(parts) => parts.iter().map(|part| part.len).sum(),
            None => self.size,
        }
    }

    /// Tell if there are bytes of a file.
    pub(crate) const fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File | Kind::Other(_))
    }
}
