//! `sha3sum [-a 224|256|384|512] [-c] [-s] [-w] [FILE]...` prints or checks SHA-3 checksums.
//!
//! `-a` chooses the bits, 224 without. `-c` checks the sums of a list of that length, `-s` by the exit status alone, `-w` warns about lines that are none. `-` is standard input.
//!
//! Example: `sha3sum -a 256 vmlinuz`.

use std::ffi::OsString;

use clap::Parser;
use kit::{Applet, Exit, Place, Result, parse};

use crate::adopted::adopt;

/// SHA-3.
pub const SHA3SUM: Applet = Applet { name: "sha3sum", about: "print or check SHA-3 checksums", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Bits of the sum
    #[arg(short, long, value_name = "BITS", default_value = "224", value_parser = ["224", "256", "384", "512"])]
    algorithm: String,
    /// Check the sums of a list
    #[arg(short, long)]
    check: bool,
    /// Say nothing
    #[arg(short, long, requires = "check")]
    status: bool,
    /// Warn about lines that are none
    #[arg(short, long, requires = "check")]
    warn: bool,
    /// The files
    files: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SHA3SUM, args)?;
    // uutils has the digest in its `cksum`.
    let mut words: Vec<OsString> = ["sha3sum", "-a", "sha3", "-l", &options.algorithm].iter().map(OsString::from).collect();
    words.extend((!options.check).then(|| "--untagged".into()));
    for (is_wanted, word) in [(options.check, "-c"), (options.status, "--status"), (options.warn, "-w")] {
        words.extend(is_wanted.then(|| word.into()));
    }
    words.push("--".into());
    words.extend(options.files);
    // The words live as long as the process, as those of its arguments do.
    adopt("cksum", uu_cksum::uumain, Vec::leak(words))
}
