//! Parts of a protocol description: a line each, as `cri-client descriptor` writes those of the Go
//! module.

use std::path::Path;

use kit::{Context, Error, Result};
use protox::prost_reflect::{Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

/// The lines of a file's services, messages and enums.
pub fn lines(proto: &Path) -> Result<Vec<String>> {
    let directory = proto.parent().ok_or_else(|| Error::new("a description lies in a directory"))?;
    let set = protox::compile([proto], [directory]).on("compile", proto)?;
    let pool = DescriptorPool::from_file_descriptor_set(set).on("read", proto)?;
    let mut lines = Vec::new();
    for service in pool.services() {
        for method in service.methods() {
            let (input, output) = (method.input(), method.output());
            let streams = format!("{} {}", method.is_client_streaming(), method.is_server_streaming());
            lines.push(format!("rpc {}/{} {} {} {streams}", service.name(), method.name(), input.name(), output.name()));
        }
    }
    pool.all_enums().for_each(|one| values(&one, &mut lines));
    pool.all_messages().filter(|message| !message.is_map_entry()).for_each(|message| fields(&message, &mut lines));
    Ok(lines)
}

fn values(one: &EnumDescriptor, lines: &mut Vec<String>) {
    lines.extend(one.values().map(|value| format!("enum {}.{} {}", one.name(), value.name(), value.number())));
}

fn fields(message: &MessageDescriptor, lines: &mut Vec<String>) {
    lines.push(format!("message {}", message.name()));
    for field in message.fields() {
        lines.push(format!("field {}.{} {} {}", message.name(), field.name(), field.number(), kind(&field)));
    }
}

/// A field's type: `string`, `repeated Mount`, `map string string`.
fn kind(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::Message(entry) if entry.is_map_entry() => {
            format!("map {} {}", kind(&entry.map_entry_key_field()), kind(&entry.map_entry_value_field()))
        }
        one => {
            let repeated = if field.cardinality() == Cardinality::Repeated { "repeated " } else { "" };
            format!("{repeated}{}", single(&one))
        }
    }
}

fn single(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.name().to_owned(),
        Kind::Enum(one) => one.name().to_owned(),
        plain => format!("{plain:?}").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_description_is_told_by_its_parts() {
        let path = std::env::temp_dir().join(format!("descriptor-{}.proto", std::process::id()));
        let text = "syntax = \"proto3\"; package p; message M { map<string, N> a = 3; repeated int64 b = 1; E c = 2; }\n\
                    message N {} enum E { X = 0; } service S { rpc R(M) returns (stream N); }";
        std::fs::write(&path, text).unwrap();
        let mut lines = lines(&path).unwrap();
        lines.sort();
        let wanted = [
            "enum E.X 0",
            "field M.a 3 map string N",
            "field M.b 1 repeated int64",
            "field M.c 2 E",
            "message M",
            "message N",
            "rpc S/R M N false true",
        ];
        assert_eq!(lines, wanted);
        std::fs::remove_file(path).unwrap();
    }
}
