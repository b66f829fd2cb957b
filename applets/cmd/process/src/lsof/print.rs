//! The table of `lsof`, and its forms for programs.

use std::io::Write;

use kit::{Context, Result, account, out};

use super::choice::{Choice, name};
use super::found::{Found, Row};
use crate::open_files::Use;
use crate::process::Process;

/// Bits of a mode that are the file's type, and the types.
const TYPE_MASK: u32 = 0o170_000;

/// Show all that was found.
pub fn all(choice: &Choice, found: &[Found]) -> Result<()> {
    let mut out = out();
    if choice.is_terse {
        for one in found {
            writeln!(out, "{}", one.process.pid).doing("write standard output")?;
        }
    } else if let Some(fields) = &choice.fields {
        found.iter().try_for_each(|one| with_fields(&mut out, choice, one, fields)).doing("write standard output")?;
    } else if !found.is_empty() {
        table(&mut out, choice, found).doing("write standard output")?;
    }
    out.flush().doing("write standard output")
}

fn user(choice: &Choice, process: &Process) -> String {
    if choice.numbers { process.user.to_string() } else { account::user_name(process.user) }
}

/// A letter and a value in each line: those of the process, then those of each file behind its `f`.
fn with_fields(out: &mut dyn Write, choice: &Choice, one: &Found, fields: &str) -> std::io::Result<()> {
    let has = |letter: char| fields.contains(letter);
    writeln!(out, "p{}", one.process.pid)?;
    if has('R') {
        writeln!(out, "R{}", one.process.parent)?;
    }
    if has('c') {
        writeln!(out, "c{}", one.process.name)?;
    }
    if has('u') {
        writeln!(out, "u{}", one.process.user)?;
    }
    if has('L') {
        writeln!(out, "L{}", user(choice, &one.process))?;
    }
    for row in &one.rows {
        writeln!(out, "f{}", name(row.file.used))?;
        let cells = [('a', access(row)), ('t', kind(row)), ('s', size(row)), ('i', node(row)), ('n', text(row))];
        for (letter, cell) in cells {
            if has(letter) {
                writeln!(out, "{letter}{}", cell.trim())?;
            }
        }
    }
    Ok(())
}

fn table(out: &mut dyn Write, choice: &Choice, found: &[Found]) -> std::io::Result<()> {
    let mut lines = vec![headings(choice)];
    for one in found {
        for row in &one.rows {
            let command: String = one.process.name.chars().take(9).collect();
            let mut line = vec![command, one.process.pid.to_string()];
            if choice.parents {
                line.push(one.process.parent.to_string());
            }
            let descriptor = format!("{:>4}{:<2}", name(row.file.used), access(row));
            line.extend([user(choice, &one.process), descriptor, kind(row), device(row), size(row), node(row), text(row)]);
            lines.push(line);
        }
    }
    let last = lines[0].len() - 1;
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<_> = (0..last).map(width).collect();
    for line in &lines {
        let mut text = String::new();
        for (at, cell) in line[..last].iter().enumerate() {
            // The command and the descriptor stand at the left of their columns.
            let is_left = at == 0 || lines[0][at].contains("FD");
            let blanks = " ".repeat(widths[at] - cell.chars().count());
            let (before, after) = if is_left { ("", blanks.as_str()) } else { (blanks.as_str(), "") };
            text.extend([before, cell, after, " "]);
        }
        writeln!(out, "{text}{}", line[last])?;
    }
    Ok(())
}

fn headings(choice: &Choice) -> Vec<String> {
    let parent: &[&str] = if choice.parents { &["PPID"] } else { &[] };
    let rest = ["USER", "  FD  ", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME"];
    ["COMMAND", "PID"].iter().chain(parent).chain(&rest).map(|&text| text.to_owned()).collect()
}

/// `r`, `w` or `u` of a descriptor.
fn access(row: &Row) -> String {
    let text = match (row.file.used, row.file.flags & 3) {
        (Use::Descriptor(_), 0) => "r",
        (Use::Descriptor(_), 1) => "w",
        (Use::Descriptor(_), _) => "u",
        _ => "",
    };
    text.to_owned()
}

fn kind(row: &Row) -> String {
    let text = match (&row.socket, row.file.mode & TYPE_MASK) {
        (Some(socket), _) if socket.local.is_none() => socket.protocol,
        (Some(socket), _) if socket.is_v6 => "IPv6",
        (Some(_), _) => "IPv4",
        (None, 0o040_000) => "DIR",
        (None, 0o020_000) => "CHR",
        (None, 0o060_000) => "BLK",
        (None, 0o010_000) => "FIFO",
        (None, 0o140_000) => "sock",
        (None, 0o100_000) => "REG",
        (None, _) if row.file.name.to_string_lossy().starts_with("anon_inode:") => "a_inode",
        (None, _) => "unknown",
    };
    text.to_owned()
}

fn device(row: &Row) -> String {
    let number = match row.file.mode & TYPE_MASK {
        0o020_000 | 0o060_000 => row.file.special,
        _ => row.file.device,
    };
    format!("{},{}", rustix::fs::major(number), rustix::fs::minor(number))
}

fn size(row: &Row) -> String {
    match row.file.mode & TYPE_MASK {
        0o100_000 | 0o040_000 => row.file.size.to_string(),
        _ => format!("0t{}", row.file.position),
    }
}

fn node(row: &Row) -> String {
    match &row.socket {
        Some(socket) if socket.local.is_some() => socket.protocol.to_owned(),
        _ => row.file.inode.to_string(),
    }
}

fn text(row: &Row) -> String {
    if let Some(socket) = &row.socket {
        return socket.name();
    }
    let name = row.file.name.to_string_lossy();
    if name.starts_with("pipe:[") {
        return "pipe".to_owned();
    }
    // A name with control characters must not write to the terminal.
    let plain: String = name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
    plain.strip_prefix("anon_inode:").map(str::to_owned).unwrap_or(plain)
}
