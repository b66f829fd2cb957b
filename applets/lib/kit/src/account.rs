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

/// Number of a user's own group, from /etc/passwd.
pub fn primary_group(user: u32) -> Option<u32> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    let mut rows = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    rows.find(|fields| fields.get(2).and_then(|id| id.parse().ok()) == Some(user))?.get(3)?.parse().ok()
}

/// All groups of a user by name: the given one first, then those of /etc/group that list the name.
pub fn groups(name: &str, own: Option<u32>) -> Vec<u32> {
    let text = fs::read_to_string("/etc/group").unwrap_or_default();
    groups_in(&text, name, own)
}

fn groups_in(text: &str, name: &str, own: Option<u32>) -> Vec<u32> {
    let mut groups: Vec<u32> = own.into_iter().collect();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, number, members] = fields.as_slice() else { continue };
        let is_member = members.split(',').any(|member| member == name);
        groups.extend(number.parse::<u32>().ok().filter(|number| is_member && Some(*number) != own));
    }
    groups
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_first_and_once() {
        let table = "root:x:0:\nwheel:x:10:a,b\nusers:x:100:b\nbad line\nown:x:7:b\n";
        assert_eq!(groups_in(table, "b", Some(7)), [7, 10, 100]);
        assert_eq!(groups_in(table, "a", None), [10]);
        assert_eq!(groups_in(table, "c", Some(7)), [7]);
    }
}
