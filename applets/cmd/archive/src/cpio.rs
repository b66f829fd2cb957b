//! `cpio -o [-H FORMAT] < NAMES > ARCHIVE` packs, `cpio -i [-dmu] [PATTERN]... < ARCHIVE` unpacks, `cpio -t` lists, and
//! `cpio -p [-dmu] DIRECTORY < NAMES` copies files.
//!
//! Names come from standard input, one a line, or with `-0` each with a zero byte at its end. Forms (`-H`): bin, which is usual as
//! with GNU, odc, newc and crc; ustar and tar are refused: tar does that. Reading tells the form by the first bytes.
//! Unpacking never leaves the directory; `--absolute-filenames` alone lets names be absolute. A file that is newer than the
//! archive's stays unless `-u` is given. Exit status: 0, 1 something failed, 2 something was left as it is or all failed.
//!
//! Example: `find . -print0 | cpio -0o -H newc -R 0:0 > initramfs.cpio`

mod format;
mod pack;
mod read;
mod unpack;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser};
use kit::{Applet, Error, Exit, Place, Result, account, parse};

use format::Format;

pub(crate) use read::Reader;

/// Archives of the kind that the kernel unpacks.
pub const CPIO: Applet = Applet { name: "cpio", about: "pack, unpack and copy files by their names", place: Place::Bin, run };

#[derive(Parser)]
#[command(infer_long_args = true, disable_version_flag = true)]
struct Options {
    /// Pack.
    #[arg(short = 'o', long)]
    create: bool,
    /// Unpack.
    #[arg(short = 'i', long)]
    extract: bool,
    /// List.
    #[arg(short = 't', long)]
    list: bool,
    /// Copy to a directory.
    #[arg(short = 'p', long)]
    pass_through: bool,
    /// Names end in a zero byte.
    #[arg(short = '0', long)]
    null: bool,
    /// Append to an archive.
    #[arg(short = 'A', long)]
    append: bool,
    /// Set the times of reading back.
    #[arg(short = 'a', long)]
    reset_access_time: bool,
    /// Form: bin, odc, newc, crc.
    #[arg(short = 'H', long, value_name = "FORMAT")]
    format: Option<String>,
    /// Form newc, as GNU has it.
    #[arg(short = 'c')]
    portable: bool,
    /// Archive instead of a standard stream.
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Archive instead of standard input.
    #[arg(short = 'I', value_name = "FILE")]
    input: Option<PathBuf>,
    /// Archive instead of standard output.
    #[arg(short = 'O', value_name = "FILE")]
    output: Option<PathBuf>,
    /// Enter a directory first.
    #[arg(short = 'D', long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Patterns from a file.
    #[arg(short = 'E', long, value_name = "FILE")]
    pattern_file: Option<PathBuf>,
    /// Names that fit no pattern.
    #[arg(short = 'f', long)]
    nonmatching: bool,
    /// Owner: USER, USER:GROUP, :GROUP.
    #[arg(short = 'R', long, value_name = "OWNER")]
    owner: Option<String>,
    /// Make directories.
    #[arg(short = 'd', long)]
    make_directories: bool,
    /// Keep times.
    #[arg(short = 'm', long)]
    preserve_modification_time: bool,
    /// Over files that are newer, too.
    #[arg(short = 'u', long)]
    unconditional: bool,
    /// Link files instead of copying them.
    #[arg(short = 'l', long)]
    link: bool,
    /// Pack what links lead to.
    #[arg(short = 'L', long)]
    dereference: bool,
    /// Numbers of owners in lists.
    #[arg(short = 'n', long)]
    numeric_uid_gid: bool,
    /// Names; with -t more.
    #[arg(short = 'v', long)]
    verbose: bool,
    /// A dot for each file.
    #[arg(short = 'V', long)]
    dot: bool,
    /// No number of blocks at the end.
    #[arg(long)]
    quiet: bool,
    /// Files with zeros get holes.
    #[arg(long)]
    sparse: bool,
    /// Files to standard output.
    #[arg(long)]
    to_stdout: bool,
    /// Check the sums of a crc archive alone.
    #[arg(long)]
    only_verify_crc: bool,
    /// Owners are those of who unpacks.
    #[arg(long)]
    no_preserve_owner: bool,
    /// Names lose their root: always so without the next one.
    #[arg(long)]
    no_absolute_filenames: bool,
    /// Names may be absolute.
    #[arg(long)]
    absolute_filenames: bool,
    /// Numbers of files count from 1.
    #[arg(long)]
    renumber_inodes: bool,
    /// Number of the file system is 0.
    #[arg(long)]
    ignore_devno: bool,
    /// Both of the last.
    #[arg(long)]
    reproducible: bool,
    /// Archive is a file, though its name has a colon: always so.
    #[arg(long)]
    force_local: bool,
    /// Blocks of 5120 bytes.
    #[arg(short = 'B')]
    large_blocks: bool,
    /// Blocks of so many times 512 bytes.
    #[arg(long, value_name = "COUNT")]
    block_size: Option<u64>,
    /// Blocks of so many bytes.
    #[arg(short = 'C', long, value_name = "BYTES")]
    io_size: Option<u64>,
    /// Version.
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
    #[arg(short = 'M', long, hide = true, value_name = "TEXT")]
    message: Option<String>,
    #[arg(short = 'r', long, hide = true, action = ArgAction::Count)]
    rename: u8,
    #[arg(short = 'b', long, hide = true, action = ArgAction::Count)]
    swap: u8,
    #[arg(short = 's', long, hide = true, action = ArgAction::Count)]
    swap_bytes: u8,
    #[arg(short = 'S', long, hide = true, action = ArgAction::Count)]
    swap_halfwords: u8,
    /// Patterns, or the directory of -p.
    names: Vec<OsString>,
}

impl Options {
    /// Bytes to which an archive is filled up.
    fn block(&self) -> u64 {
        let large = if self.large_blocks { 5120 } else { 512 };
        self.io_size.or_else(|| self.block_size?.checked_mul(512)).filter(|size| *size > 0).unwrap_or(large)
    }

    /// Owner and group that were asked for.
    fn owners(&self) -> Result<(Option<u32>, Option<u32>)> {
        let Some(text) = &self.owner else { return Ok((None, None)) };
        let (user, group) = text.split_once([':', '.']).map_or((text.as_str(), None), |(user, group)| (user, Some(group)));
        let plus = |name: &str| name.strip_prefix('+').unwrap_or(name).to_owned();
        let none = |sort: &str, name: &str| Error::usage(format!("there is no {sort} {name}"));
        let uid = match user {
            "" => None,
            name => Some(account::user_id(&plus(name)).ok_or_else(|| none("user", name))?),
        };
        let gid = match group {
            None | Some("") => None,
            Some(name) => Some(account::group_id(&plus(name)).ok_or_else(|| none("group", name))?),
        };
        Ok((uid, gid))
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&CPIO, args)?;
    let refused = [
        (options.rename > 0, "--rename asks at a terminal"),
        (options.swap + options.swap_bytes + options.swap_halfwords > 0, "bytes are not swapped: both orders are read"),
        (options.message.is_some(), "archives of several volumes are not made nor read"),
    ];
    if let Some((_, reason)) = refused.iter().find(|(given, _)| *given) {
        return Err(Error::usage(format!("the option is refused: {reason}")));
    }
    let format = Format::named(options.format.as_deref(), options.portable)?;
    let extract = options.extract || ((options.list || options.only_verify_crc) && !options.create && !options.pass_through);
    match (options.create, extract, options.pass_through) {
        (true, false, false) => pack::pack(&options, format),
        (false, true, false) => unpack::unpack(&options).map_err(|e| e.with_exit(Exit::USAGE)),
        (false, false, true) => unpack::pass(&options),
        _ => Err(Error::usage("give one of -o, -i, -t and -p")),
    }
}
