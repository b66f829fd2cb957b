//! Sizes of packed files, as `gzip -l` and `xz -l` print them.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use kit::{Context, Exit, Result, out};

use super::{Job, names};
use crate::codec::{Codec, Input, MAGIC};

/// Print a line for each file, and one for all.
pub(super) fn list(job: &Job, files: &[PathBuf]) -> Result<Exit> {
    let mut out = out();
    let mut exit = Exit::OK;
    if job.quiet == 0 {
        writeln!(out, "         compressed        uncompressed  ratio uncompressed_name").doing("write standard output")?;
    }
    let (mut all_packed, mut all_plain, mut count) = (0, 0, 0);
    for file in files {
        match sizes(job, file) {
            Ok((packed, plain, name)) => {
                all_packed += packed;
                all_plain += plain;
                count += 1;
                line(&mut out, packed, plain, &name.display().to_string()).doing("write standard output")?;
            }
            Err(e) => exit = job.fail(&e),
        }
    }
    if count > 1 {
        line(&mut out, all_packed, all_plain, "(totals)").doing("write standard output")?;
    }
    out.flush().doing("write standard output")?;
    Ok(exit)
}

fn line(out: &mut impl Write, packed: u64, plain: u64, name: &str) -> io::Result<()> {
    writeln!(out, "{packed:>19} {plain:>19} {} {name}", ratio(packed, plain))
}

/// Share of the bytes that were saved, in per cent.
pub(super) fn ratio(packed: u64, plain: u64) -> String {
    let saved = i128::from(plain) - i128::from(packed);
    // In tenths, rounded.
    let tenths = if plain == 0 { 0 } else { (saved * 2000 / i128::from(plain) + 1).div_euclid(2) };
    let sign = if tenths < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10);
    format!("{text:>5}%")
}

/// Bytes of both forms: the whole file is unpacked, for no form tells the second one reliably.
fn sizes(job: &Job, file: &Path) -> Result<(u64, u64, PathBuf)> {
    let counted = std::rc::Rc::new(std::cell::Cell::new(0));
    let (name, source): (PathBuf, Box<dyn Read>) = if file == Path::new("-") {
        ("stdout".into(), Box::new(io::stdin()))
    } else {
        let (name, opened) = names::open(job, file)?;
        (name, Box::new(opened))
    };
    let mut input = Input::new(Counted { from: source, count: counted.clone() });
    let start = input.peek(MAGIC).on("read", file)?;
    let codec = Codec::detect(start).filter(|found| job.takes(*found)).unwrap_or(job.codec);
    let mut reader = codec.reader(input).on("unpack", file)?;
    let plain = io::copy(&mut reader, &mut io::sink()).on("unpack", file)?;
    let target = names::target(job, &name).unwrap_or(name);
    Ok((counted.get(), plain, target))
}

struct Counted {
    from: Box<dyn Read>,
    count: std::rc::Rc<std::cell::Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(to)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}
