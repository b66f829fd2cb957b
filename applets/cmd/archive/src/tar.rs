//! `tar -c|-x|-t [-z|-J|-a|--zstd] [-v] [-f FILE] [-C DIR] [NAME]...` packs, unpacks and lists archives. The dash may be left out.
//!
//! Unpacking tells gzip, xz and zstd by their first bytes; packing knows gzip. Names that are absolute or lead out of the folder,
//! and links through which a later name would, are refused. Options: `-p --numeric-owner -o --no-same-owner
//! --no-same-permissions --strip-components=N --exclude=GLOB -h -k -O -T FILE -m`.

mod pack;
mod unpack;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, glob, parse};

/// Archives.
pub const TAR: Applet = Applet { name: "tar", about: "pack and unpack archives", place: Place::Bin, run };

#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Options {
    /// Pack.
    #[arg(short, long)]
    create: bool,
    /// Unpack.
    #[arg(short = 'x', long, visible_alias = "get")]
    extract: bool,
    /// List.
    #[arg(short = 't', long)]
    list: bool,
    /// The archive; - or none is standard input or output.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// In this folder; when packing it holds for the names behind it, and may be given once.
    #[arg(short = 'C', long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// With gzip.
    #[arg(short = 'z', long, visible_alias = "gunzip")]
    gzip: bool,
    /// With xz; to unpack.
    #[arg(short = 'J', long)]
    xz: bool,
    /// With zstd; to unpack.
    #[arg(long)]
    zstd: bool,
    /// As the archive's name says.
    #[arg(short = 'a', long)]
    auto_compress: bool,
    /// Say each name; twice, or with -t, more about it.
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Modes as they are in the archive, not less the umask: so for root always.
    #[arg(short = 'p', long, visible_alias = "same-permissions", overrides_with = "no_same_permissions")]
    preserve_permissions: bool,
    /// Modes less the umask.
    #[arg(long)]
    no_same_permissions: bool,
    /// Owners by number.
    #[arg(long)]
    numeric_owner: bool,
    /// Owners as in the archive: so for root always.
    #[arg(long, overrides_with = "no_same_owner")]
    same_owner: bool,
    /// What is unpacked belongs to us.
    #[arg(short = 'o', long)]
    no_same_owner: bool,
    /// Without the first parts of each name.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    strip_components: usize,
    /// Not these names.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Pack what links lead to.
    #[arg(short = 'h', long)]
    dereference: bool,
    /// Never over a file that is there.
    #[arg(short, long)]
    keep_old_files: bool,
    /// Files to standard output.
    #[arg(short = 'O', long)]
    to_stdout: bool,
    /// Names from a file, one a line.
    #[arg(short = 'T', long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// Times of now.
    #[arg(short = 'm', long)]
    touch: bool,
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// What to pack, or which names of the archive; a folder's stands for all below it.
    names: Vec<PathBuf>,
}

impl Options {
    /// Whether a name, or a folder that it lies in, is left out.
    fn excludes(&self, name: &[u8]) -> bool {
        let fits = |part: &[u8]| self.exclude.iter().any(|g| glob::matches(g.as_bytes(), part));
        let ends = (0..=name.len()).filter(|at| *at == name.len() || name[*at] == b'/');
        ends.into_iter().any(|end| fits(&name[..end]) || name[..end].rsplit(|b| *b == b'/').next().is_some_and(fits))
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let mut options: Options = parse(&TAR, &with_dash(args))?;
    if let Some(file) = &options.files_from {
        let text =
            if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
        let text = kit::Context::on(text, "read", file)?;
        options.names.extend(text.lines().map(PathBuf::from));
    }
    match (options.create, options.extract, options.list) {
        (true, false, false) => pack::pack(&options),
        (false, true, false) => unpack::unpack(&options),
        (false, false, true) => unpack::list(&options),
        _ => Err(Error::usage("give one of -c, -x and -t")),
    }
}

/// `tar xzf FILE` as `tar -x -z -f FILE`: in the old form arguments follow the letters in their order.
fn with_dash(args: &[OsString]) -> Vec<OsString> {
    let Some(letters) = args.get(1).and_then(|a| a.to_str()).filter(|a| !a.starts_with('-') && !a.is_empty()) else {
        return args.to_vec();
    };
    let mut rest = args[2..].iter().cloned();
    let mut all = vec![args[0].clone()];
    for letter in letters.chars() {
        all.push(format!("-{letter}").into());
        if "fCT".contains(letter) {
            all.extend(rest.next());
        }
    }
    all.extend(rest);
    all
}
