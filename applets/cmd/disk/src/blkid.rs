//! `blkid [-p] [-s TAG]... [-o FORMAT] [DEVICE]...` tells what lies on block devices, or on all of them.
//!
//! `-L LABEL` and `-U UUID` print the device that has it. FORMAT is `full`, `export`, `value` or `device`. Exit status, as
//! util-linux's: 0, 2 nothing found, 4 usage.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use kit::{Applet, Context, Exit, Place, Result, out, parse};

use crate::signature::{self, Content};

/// Shows the contents of block devices.
pub const BLKID: Applet = Applet { name: "blkid", about: "tell what lies on block devices", place: Place::Sbin, run };

const NOTHING: Exit = Exit(2);
const USAGE: Exit = Exit(4);

#[derive(Parser)]
struct Options {
    /// Look at the device itself: there is no cache, so that is always so.
    #[arg(short, long)]
    probe: bool,
    /// Only these tags.
    #[arg(short = 's', long = "match-tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value = "full")]
    output: Format,
    /// Name the device with this label.
    #[arg(short = 'L', long)]
    label: Option<String>,
    /// Name the device with this UUID.
    #[arg(short = 'U', long)]
    uuid: Option<String>,
    /// The devices.
    devices: Vec<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Full,
    Export,
    Value,
    Device,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&BLKID, args).map_err(|e| if e.is_text() { e } else { e.with_exit(USAGE) })?;
    let mut out = out();
    let by_tag = options.label.as_ref().map(|l| format!("LABEL={l}"));
    if let Some(tag) = by_tag.or_else(|| options.uuid.as_ref().map(|u| format!("UUID={u}"))) {
        let Ok(device) = signature::resolve(Path::new(&tag)) else { return Ok(NOTHING) };
        writeln!(out, "{}", device.display()).and_then(|()| out.flush()).doing("write standard output")?;
        return Ok(Exit::OK);
    }
    let all = options.devices.is_empty();
    let devices = if all { signature::devices()? } else { options.devices.clone() };
    let mut found = false;
    for device in devices {
        let content = match signature::probe(&device) {
            Ok(content) => content,
            // A drive without a medium, or a device that is just going away: nothing lies there.
            Err(_) if all || !signature::is_readable(&device) && device.exists() => continue,
            Err(e) => return Err(e.with_exit(NOTHING)),
        };
        let tags = tags(&content, &options.tags);
        if !tags.is_empty() {
            write!(out, "{}", shown(&device, &tags, options.output, found)).doing("write standard output")?;
            found = true;
        }
    }
    out.flush().doing("write standard output")?;
    Ok(if found { Exit::OK } else { NOTHING })
}

/// The wanted tags that have a value.
fn tags(content: &Content, wanted: &[String]) -> Vec<(&'static str, String)> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let all = [
        ("LABEL", content.label.clone()),
        ("UUID", content.uuid.clone()),
        ("TYPE", owned(content.kind)),
        ("USAGE", owned(content.usage).filter(|_| wanted.iter().any(|w| w == "USAGE"))),
        ("PTTYPE", owned(content.table)),
    ];
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    all.into_iter().filter(|(name, _)| is_wanted(name)).filter_map(|(name, value)| Some((name, value?))).collect()
}

fn shown(device: &Path, tags: &[(&str, String)], format: Format, not_first: bool) -> String {
    let device = device.display();
    let lines = |line: &dyn Fn(&(&str, String)) -> String| tags.iter().map(line).collect::<String>();
    match format {
        Format::Full => format!("{device}:{}\n", lines(&|(name, value)| format!(" {name}=\"{value}\""))),
        Format::Value => lines(&|(_, value)| format!("{value}\n")),
        Format::Device => format!("{device}\n"),
        Format::Export => {
            let gap = if not_first { "\n" } else { "" };
            format!("{gap}DEVNAME={device}\n{}", lines(&|(name, value)| format!("{name}={value}\n")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubelets_form() {
        let content = Content { kind: Some("ext4"), usage: Some("filesystem"), uuid: Some("1-2".into()), ..Content::default() };
        let tags = tags(&content, &["TYPE".into(), "PTTYPE".into()]);
        assert_eq!(shown(Path::new("/dev/vda"), &tags, Format::Export, false), "DEVNAME=/dev/vda\nTYPE=ext4\n");
    }
}
