//! Lists of a disk's partitions.

use std::fmt::Write as _;
use std::path::Path;

use super::disk::Target;
use super::kinds::guid_text;
use super::model::{Label, Table};
use crate::{size, table};

/// The name of a partition's device.
pub fn node(disk: &Path, number: u32) -> String {
    let name = disk.display().to_string();
    let gap = if name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    format!("{name}{gap}{number}")
}

/// The disk's number as it is written.
pub fn identifier(label: Label) -> String {
    match label {
        Label::Dos(id) => format!("0x{id:08x}"),
        Label::Gpt(id) => guid_text(&id),
    }
}

/// Lines about the disk, with its table's partitions.
pub fn whole(target: &Target, parts: Option<&Table>) -> String {
    let bytes = target.sectors * target.sector;
    let size = size::spelled(bytes);
    let Target { sector, sectors, .. } = target;
    let mut text = format!(
        "Disk {}: {size}, {bytes} bytes, {sectors} sectors\nUnits: sectors of 1 * {sector} = {sector} bytes\n\
         Sector size (logical/physical): {sector} bytes / {sector} bytes\n\
         I/O size (minimum/optimal): {sector} bytes / {sector} bytes\n",
        target.path.display()
    );
    let Some(parts) = parts else { return text };
    let name = if parts.is_gpt() { "gpt" } else { "dos" };
    let _ = write!(text, "Disklabel type: {name}\nDisk identifier: {}\n", identifier(parts.label));
    if !parts.parts.is_empty() {
        text.push('\n');
        text.push_str(&rows(&target.path, parts));
    }
    text
}

fn rows(disk: &Path, parts: &Table) -> String {
    let is_gpt = parts.is_gpt();
    let words: &[&str] = if is_gpt {
        &["Device    ", "Start", "End", "Sectors", "Size", "Type"]
    } else {
        &["Device    ", "Boot", "Start", "End", "Sectors", "Size", "Id", "Type"]
    };
    let mut rows = vec![words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()];
    for part in &parts.parts {
        let mut row = vec![node(disk, part.number)];
        row.extend((!is_gpt).then(|| if part.boots { "*" } else { "" }.to_owned()));
        row.extend([part.start, part.end(), part.size].map(|number| number.to_string()));
        row.push(size::shown(part.size * parts.sector));
        row.extend((!is_gpt).then(|| part.kind.number()));
        row.push(part.kind.name().to_owned());
        rows.push(row);
    }
    let first = if is_gpt { 1 } else { 2 };
    table::plain(&rows, |at| (first..first + 4).contains(&at) || !is_gpt && at == 6, false)
}
