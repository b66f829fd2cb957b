//! The forms in which `lsblk` shows devices.

use std::fmt::Write as _;

use super::columns::{Column, Context, Kind};
use super::device::Device;

/// Form of the output.
pub struct Style {
    /// A line of headings.
    pub has_headings: bool,
    /// Devices stand below those that they lie on.
    pub is_tree: bool,
    /// Cells without padding.
    pub is_raw: bool,
    /// No characters beyond ASCII.
    pub is_ascii: bool,
    /// Wishes about the cells.
    pub context: Context,
}

/// Each device with the lines in front of its name, depth first.
fn rows<'a>(devices: &'a [Device], style: &Style) -> Vec<(String, String, &'a Device)> {
    let mut all = Vec::new();
    for device in devices {
        all.push((String::new(), String::new(), device));
        below(&mut all, device, "", style);
    }
    all
}

fn below<'a>(all: &mut Vec<(String, String, &'a Device)>, device: &'a Device, before: &str, style: &Style) {
    let (branch, end, line) = if style.is_ascii { ("|-", "`-", "| ") } else { ("├─", "└─", "│ ") };
    for (number, child) in device.children.iter().enumerate() {
        let is_last = number + 1 == device.children.len();
        let rest = format!("{before}{}", if is_last { "  " } else { line });
        all.push((format!("{before}{}", if is_last { end } else { branch }), rest.clone(), child));
        below(all, child, &rest, style);
    }
}

/// Columns with a blank between; a cell of several lines makes several rows.
pub fn table(devices: &[Device], columns: &[&Column], style: &Style) -> String {
    if devices.is_empty() {
        return String::new();
    }
    let mut lines: Vec<Vec<String>> = Vec::new();
    if style.has_headings {
        lines.push(columns.iter().map(|column| column.name.to_owned()).collect());
    }
    for (before, rest, device) in rows(devices, style) {
        let is_name = |column: &Column| style.is_tree && column.name == "NAME";
        let mut cells: Vec<Vec<String>> = Vec::new();
        for column in columns {
            let cell = column.cell(device, &style.context);
            let cell = if is_name(column) { format!("{before}{cell}") } else { cell };
            cells.push(if style.is_raw { vec![escaped(&cell)] } else { cell.split('\n').map(str::to_owned).collect() });
        }
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        for number in 0..height {
            let row = cells.iter().zip(columns).map(|(cell, column)| match cell.get(number) {
                Some(text) => text.clone(),
                None if is_name(column) => rest.clone(),
                None => String::new(),
            });
            lines.push(row.collect());
        }
    }
    let is_right = |at: usize| matches!(columns[at].kind, Kind::Number | Kind::Size | Kind::Bool);
    // A column of numbers with two parts stands around its colon.
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default();
    // As wide as the heading, shown or not; a size has room for five characters.
    let least = |at: usize| if columns[at].name == "SIZE" { 5 } else { columns[at].name.len() };
    let widths: Vec<usize> = (0..columns.len()).map(|at| width(at).max(least(at))).collect();
    let mut text = String::new();
    for line in &lines {
        for (at, cell) in line.iter().enumerate() {
            let room = if style.is_raw { 0 } else { widths[at] - cell.chars().count() };
            let (left, right) = match columns[at].name {
                "MAJ:MIN" if !style.is_raw && !cell.is_empty() => around_colon(cell, room),
                _ if is_right(at) => (room, 0),
                _ if at + 1 == line.len() => (0, 0),
                _ => (0, room),
            };
            let gap = if at == 0 { "" } else { " " };
            let _ = write!(text, "{gap}{:left$}{cell}{:right$}", "", "");
        }
        text.push('\n');
    }
    text
}

/// Blanks before and behind `254:0`, so that three digits stand before the colon.
fn around_colon(cell: &str, room: usize) -> (usize, usize) {
    let before = 3_usize.saturating_sub(cell.find(':').unwrap_or(3)).min(room);
    (before, room - before)
}

/// Blanks and bytes that are not printed, as a shell reads them.
fn escaped(text: &str) -> String {
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || c == '"' || c == '\\' || c == '`' || c == '$');
    text.chars().map(|c| if plain(c) { c.to_string() } else { format!("\\x{:02x}", u32::from(c)) }).collect()
}

/// `NAME="vda" SIZE="1G"`.
pub fn pairs(devices: &[Device], columns: &[&Column], style: &Style) -> String {
    let quoted = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_control() || "\"\\`$".contains(c) { format!("\\x{:02x}", u32::from(c)) } else { c.to_string() })
            .collect()
    };
    let mut text = String::new();
    for (.., device) in rows(devices, style) {
        let cells = columns.iter().map(|column| format!("{}=\"{}\"", column.name, quoted(&column.cell(device, &style.context))));
        text.push_str(&cells.collect::<Vec<_>>().join(" "));
        text.push('\n');
    }
    text
}

/// Objects with the devices on them as `children`.
pub fn json(devices: &[Device], columns: &[&Column], style: &Style) -> String {
    let mut text = "{\n   \"blockdevices\": [\n".to_owned();
    objects(&mut text, devices, columns, style, 6);
    text.push_str("   ]\n}\n");
    text
}

fn objects(text: &mut String, devices: &[Device], columns: &[&Column], style: &Style, indent: usize) {
    for (number, device) in devices.iter().enumerate() {
        let start = if number == 0 { " ".repeat(indent) } else { String::new() };
        let _ = write!(text, "{start}{{");
        for (at, column) in columns.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let name = column.name.to_lowercase();
            let value = value(column, &column.cell(device, &style.context), style, indent + 3);
            let _ = write!(text, "{comma}\n{:1$}\"{name}\": {value}", "", indent + 3);
        }
        if !device.children.is_empty() && style.is_tree {
            let _ = writeln!(text, ",\n{:1$}\"children\": [", "", indent + 3);
            objects(text, &device.children, columns, style, indent + 6);
            let _ = write!(text, "{:1$}]", "", indent + 3);
        }
        let end = if number + 1 == devices.len() { "\n" } else { "," };
        let _ = write!(text, "\n{:1$}}}{end}", "", indent);
    }
}

fn value(column: &Column, cell: &str, style: &Style, indent: usize) -> String {
    match column.kind {
        Kind::List => {
            let lines: Vec<String> =
                cell.split('\n').map(|line| if line.is_empty() { "null".to_owned() } else { string(line) }).collect();
            format!("[\n{:4$}{}\n{:3$}]", "", lines.join(", "), "", indent, indent + 4)
        }
        _ if cell.is_empty() => "null".to_owned(),
        Kind::Bool => (cell == "1").to_string(),
        Kind::Number => cell.to_owned(),
        Kind::Size if style.context.in_bytes && cell.bytes().all(|b| b.is_ascii_digit()) => cell.to_owned(),
        _ => string(cell),
    }
}

fn string(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted() {
        assert_eq!(string("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
        assert_eq!(escaped("a b$"), "a\\x20b\\x24");
        assert_eq!(around_colon("8:1", 4), (2, 2));
    }
}
