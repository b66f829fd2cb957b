//! `tar -c|-x|-t|-d|-r|-u|-A|--delete [-f ARCHIVE] [OPTION]... [NAME]...` packs, unpacks, lists and changes archives. The dash may
//! be left out: `tar xzf FILE`.
//!
//! Forms (`--format`): gnu, which is usual, oldgnu, pax, ustar and v7; all are read, with devices, hard links, sparse files
//! (`-S`), attributes (`--xattrs --acls --selinux`) and names of any length. Compression: `-z -j -J --lzma --zstd`, `-a` by
//! the archive's name, `-I PROGRAM`; on reading the first bytes tell it. Options are those of GNU tar; what is refused says why.
//!
//! Unpacking never leaves the directory: names lose their root and all up to their last `..`, and links that lead out are
//! not followed, whoever made them. `-P` alone lets names be absolute. Directories get their modes and times last.
//!
//! `-g FILE` packs what changed since FILE was written, and writes it anew; `-G` unpacks such an archive and removes from its
//! directories what was not there any more.
//!
//! Names in a directory are packed in their order by bytes, so that the same files give the same archive; `--sort=none` takes
//! them as they come. Exit status: 0, 1 files differ or changed meanwhile, 2 something failed.
//!
//! Example: `tar -C /etc --exclude='*.bak' -czf etc.tgz .`

mod block;
mod choose;
mod command;
mod content;
mod create;
mod date;
mod diff;
mod edit;
mod extract;
mod ids;
mod ignores;
mod increment;
mod items;
mod list;
mod mode;
mod options;
mod pattern;
mod pax;
mod purge;
mod quote;
mod reader;
mod snapshot;
mod sparse;
mod state;
mod stream;
mod table;
mod tags;
mod transform;
mod writer;
mod xattrs;

use std::ffi::OsString;

use kit::{Applet, Error, Exit, Place, Result};

use crate::files::status::Status;
use options::{Mode, Options};

pub(crate) use content::Whole;
pub(crate) use reader::Reader;
#[cfg(test)]
pub(crate) use writer::{Format, PaxOptions, Writer, headers};

/// Archives.
pub const TAR: Applet = Applet { name: "tar", about: "pack and unpack archives", place: Place::Bin, run };

/// End of the help.
const EXAMPLE: &str = "Example: tar -C /etc --exclude='*.bak' -czf etc.tgz .";

/// Numbers in a file of `--listed-incremental`.
const RANGES: &str = "This tar's snapshot file field ranges are
   (field name      => [ min, max ]):

    nfs             => [ 0, 1 ],
    timestamp_sec   => [ -9223372036854775808, 9223372036854775807 ],
    timestamp_nsec  => [ 0, 999999999 ],
    dev             => [ 0, 18446744073709551615 ],
    ino             => [ 0, 18446744073709551615 ],

";

fn run(args: &[OsString]) -> Result<Exit> {
    if args.iter().any(|arg| arg == "--show-defaults") {
        return Err(Error::text("--format=gnu -f- -b20 --quoting-style=escape\n"));
    }
    if args.iter().any(|arg| arg == "--usage") {
        return Err(Error::text("Usage: tar -c|-x|-t|-d|-r|-u|-A|--delete [-f ARCHIVE] [OPTION]... [NAME]...\n"));
    }
    if args.iter().any(|arg| arg == "--show-snapshot-field-ranges") {
        return Err(Error::text(RANGES));
    }
    let status = Status::new("tar", 2);
    // A failure that ends it all has the status of any other one here.
    let fatal = |e: Error| if e.is_text() { e } else { e.with_exit(Exit::USAGE) };
    let options = Options::read(args).map_err(fatal)?;
    let done = match options.mode {
        Mode::Create => create(&options, &status),
        Mode::Extract => extract::extract(&options, &status),
        Mode::List => list::list(&options, &status),
        Mode::Diff => diff::diff(&options, &status, false),
        Mode::Append | Mode::Update => edit::append(&options, &status),
        Mode::Catenate => edit::catenate(&options),
        Mode::Delete => edit::delete(&options, &status),
        Mode::TestLabel => list::test_label(&options, &status),
    };
    done.map_err(fatal)?;
    Ok(status.exit())
}

fn create(options: &Options, status: &Status) -> Result<()> {
    if options.names().next().is_none() && options.line.at("files-from").is_none() && options.line.at("label").is_none() {
        return Err(Error::usage("an archive without a member is not made: give files to pack"));
    }
    let target = stream::create(options)?;
    let mut packer = create::Packer::new(options, target, 0, status)?;
    packer.begin()?;
    packer.all()?;
    packer.finish()?;
    if options.line.has("verify") { diff::diff(options, status, true) } else { Ok(()) }
}
