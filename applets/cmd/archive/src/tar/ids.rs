//! Owners and groups: of what is packed, and of what is unpacked.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use kit::{Context, Error, Result, account};

use super::options::Line;
use crate::files::member::Member;
use crate::files::owners::Owners;

/// A name with a number.
type Known = (Vec<u8>, i64);

/// Owners by rule and by name. What the system's files tell is read once for each name.
#[derive(Default)]
pub(super) struct Ids {
    /// Numbers alone, and numbers of what is unpacked.
    pub(super) owners: Owners,
    owner: Option<Known>,
    group: Option<Known>,
    owner_map: Vec<(Wanted, Known)>,
    group_map: Vec<(Wanted, Known)>,
    names: RefCell<HashMap<(bool, u32), Vec<u8>>>,
}

/// Left side of a line of a map.
enum Wanted {
    Name(Vec<u8>),
    Number(i64),
}

impl Ids {
    /// As the command line asks for.
    pub(super) fn read(line: &Line) -> Result<Self> {
        Ok(Self {
            owners: Owners::new(line.has("numeric-owner")),
            owner: line.text("owner")?.map(|text| known(text, true)).transpose()?,
            group: line.text("group")?.map(|text| known(text, false)).transpose()?,
            owner_map: map(line, "owner-map", true)?,
            group_map: map(line, "group-map", false)?,
            ..Self::default()
        })
    }

    /// Put owner and group of a file into its member.
    pub(super) fn put(&self, member: &mut Member, uid: u32, gid: u32) {
        let side = |fixed: &Option<Known>, map: &[(Wanted, Known)], id: u32, user: bool| {
            let own = || (self.name(id, user), i64::from(id));
            let mapped = || {
                let (name, number) = own();
                let fits = |wanted: &Wanted| match wanted {
                    Wanted::Name(wanted) => *wanted == name,
                    Wanted::Number(wanted) => *wanted == number,
                };
                map.iter().find(|(wanted, _)| fits(wanted)).map(|(_, to)| to.clone())
            };
            mapped().or_else(|| fixed.clone()).unwrap_or_else(own)
        };
        (member.user, member.uid) = side(&self.owner, &self.owner_map, uid, true);
        (member.group, member.gid) = side(&self.group, &self.group_map, gid, false);
        if self.owners.numeric {
            member.user.clear();
            member.group.clear();
        }
    }

    /// Name of a number; empty where it has none.
    fn name(&self, id: u32, user: bool) -> Vec<u8> {
        let mut names = self.names.borrow_mut();
        let name = names.entry((user, id)).or_insert_with(|| name(id, user));
        name.clone()
    }
}

fn name(id: u32, user: bool) -> Vec<u8> {
    let name = if user { account::user_name(id) } else { account::group_name(id) };
    // An id without a name comes back as a number.
    if name == id.to_string() { Vec::new() } else { name.into_bytes() }
}

/// `NAME`, `NAME:NUMBER`, `NUMBER` or `+NUMBER`.
fn known(text: &str, user: bool) -> Result<Known> {
    let number = |text: &str| text.strip_prefix('+').unwrap_or(text).parse::<u32>().ok();
    if let Some((name, id)) = text.split_once(':') {
        let id = number(id).ok_or_else(|| Error::usage(format!("{text}: a number was expected behind the colon")))?;
        return Ok((name.as_bytes().to_vec(), i64::from(id)));
    }
    if let Some(id) = number(text) {
        return Ok((name(id, user), i64::from(id)));
    }
    let found = if user { account::user_id(text) } else { account::group_id(text) };
    let sort = if user { "user" } else { "group" };
    let id = found.ok_or_else(|| Error::usage(format!("there is no {sort} {text}")))?;
    Ok((text.as_bytes().to_vec(), i64::from(id)))
}

/// Lines of `WANTED TO`; a hash begins a comment.
fn map(line: &Line, id: &str, user: bool) -> Result<Vec<(Wanted, Known)>> {
    let Some(file) = line.one(id) else { return Ok(Vec::new()) };
    let text = fs::read_to_string(Path::new(file)).on("read", file)?;
    let mut all = Vec::new();
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default()) {
        let mut words = line.split_whitespace();
        let (Some(wanted), Some(to)) = (words.next(), words.next()) else { continue };
        let wanted = match wanted.strip_prefix('+').unwrap_or(wanted).parse() {
            Ok(number) => Wanted::Number(number),
            Err(_) => Wanted::Name(wanted.as_bytes().to_vec()),
        };
        all.push((wanted, known(to, user)?));
    }
    Ok(all)
}
