//! `lsmod` shows the modules in the kernel, their sizes and who uses them, as kmod prints /proc/modules.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

/// Shows the loaded modules.
pub const LSMOD: Applet = Applet { name: "lsmod", about: "show the kernel's modules", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {}

fn run(args: &[OsString]) -> Result<Exit> {
    let _: Options = parse(&LSMOD, args)?;
    let table = std::fs::read_to_string("/proc/modules").on("read", "/proc/modules")?;
    let mut out = out();
    writeln!(out, "Module                  Size  Used by").doing("write standard output")?;
    for line in table.lines().filter_map(line) {
        writeln!(out, "{line}").doing("write standard output")?;
    }
    out.flush().doing("write standard output")?;
    Ok(Exit::OK)
}

/// `loop 32768 1 a,b, Live 0x0` as `loop  32768  1 a,b`.
fn line(line: &str) -> Option<String> {
    let mut fields = line.split_whitespace();
    let (name, size, users) = (fields.next()?, fields.next()?, fields.next()?);
    let by = fields.next().unwrap_or("-").trim_end_matches(',');
    let by = if by == "-" { "" } else { by };
    Some(format!("{name:<19} {size:>8}  {users} {by}").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_none() {
        assert_eq!(
            line("bridge 409600 1 br_netfilter, Live 0x0").as_deref(),
            Some("bridge                409600  1 br_netfilter")
        );
        assert_eq!(line("loop 32768 0 - Live 0x0").as_deref(), Some("loop                   32768  0"));
    }
}
