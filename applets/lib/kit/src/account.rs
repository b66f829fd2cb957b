//! Names and numbers of users and groups, as /etc/passwd and /etc/group have them.

use std::fs;

/// Name of a user, from /etc/passwd; the number where it has none.
pub fn user_name(id: u32) -> String {
    name_in("/etc/passwd", id).unwrap_or_else(|| id.to_string())
}

/// Number of a user: a name of /etc/passwd or a number itself.
pub fn user_id(name: &str) -> Option<u32> {
    id_in("/etc/passwd", name)
}

/// Number of a group: a name of /etc/group or a number itself.
pub fn group_id(name: &str) -> Option<u32> {
    id_in("/etc/group", name)
}

/// Name of a group; the number where it has none.
pub fn group_name(id: u32) -> String {
    name_in("/etc/group", id).unwrap_or_else(|| id.to_string())
}

fn name_in(file: &str, id: u32) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let wanted = id.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == wanted).then(|| name.to_owned())
    })
}

fn id_in(file: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let by_name = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        fields.nth(1)?.parse().ok()
    });
    by_name.or_else(|| name.parse().ok())
}
