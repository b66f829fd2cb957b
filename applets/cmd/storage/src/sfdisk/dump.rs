//! Tables as scripts, and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use super::script::attribute_words;
use crate::partitions::kinds::guid_text;
use crate::partitions::list::{identifier, node};
use crate::partitions::model::Table;

/// A script that makes the table.
pub fn script(disk: &Path, table: &Table) -> String {
    let label = if table.is_gpt() { "gpt" } else { "dos" };
    let mut text = format!("label: {label}\nlabel-id: {}\ndevice: {}\nunit: sectors\n", identifier(table.label), disk.display());
    if table.is_gpt() {
        let _ = write!(text, "first-lba: {}\nlast-lba: {}\n", table.first, table.last);
    }
    let _ = write!(text, "sector-size: {}\n\n", table.sector);
    for part in &table.parts {
        let kind = part.kind.number();
        let _ = write!(text, "{} : start={:12}, size={:12}, type={kind}", node(disk, part.number), part.start, part.size);
        if table.is_gpt() {
            let _ = write!(text, ", uuid={}", guid_text(&part.id));
        }
        if !part.name.is_empty() {
            let _ = write!(text, ", name=\"{}\"", part.name.replace('"', "\\\""));
        }
        if part.attributes != 0 {
            let _ = write!(text, ", attrs=\"{}\"", attribute_words(part.attributes));
        }
        text.push_str(if part.boots { ", bootable\n" } else { "\n" });
    }
    text
}

/// The table as JSON.
pub fn json(disk: &Path, table: &Table) -> String {
    let label = if table.is_gpt() { "gpt" } else { "dos" };
    let mut head = vec![
        format!("\"label\": {}", quoted(label)),
        format!("\"id\": {}", quoted(&identifier(table.label))),
        format!("\"device\": {}", quoted(&disk.display().to_string())),
        "\"unit\": \"sectors\"".to_owned(),
    ];
    if table.is_gpt() {
        head.extend([format!("\"firstlba\": {}", table.first), format!("\"lastlba\": {}", table.last)]);
    }
    head.push(format!("\"sectorsize\": {}", table.sector));
    let parts: Vec<String> = table
        .parts
        .iter()
        .map(|part| {
            let mut fields = vec![
                format!("\"node\": {}", quoted(&node(disk, part.number))),
                format!("\"start\": {}", part.start),
                format!("\"size\": {}", part.size),
                format!("\"type\": {}", quoted(&part.kind.number())),
            ];
            fields.extend(table.is_gpt().then(|| format!("\"uuid\": {}", quoted(&guid_text(&part.id)))));
            fields.extend((!part.name.is_empty()).then(|| format!("\"name\": {}", quoted(&part.name))));
            fields.extend((part.attributes != 0).then(|| format!("\"attrs\": {}", quoted(&attribute_words(part.attributes)))));
            fields.extend(part.boots.then(|| "\"bootable\": true".to_owned()));
            format!("{{\n            {}\n         }}", fields.join(",\n            "))
        })
        .collect();
    if !parts.is_empty() {
        head.push(format!("\"partitions\": [\n         {}\n      ]", parts.join(",")));
    }
    format!("{{\n   \"partitiontable\": {{\n      {}\n   }}\n}}\n", head.join(",\n      "))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
