//! Numbers of a member's owner and group on this system.

use std::cell::RefCell;
use std::collections::HashMap;

use kit::account;

use super::member::Member;

/// Numbers of users (true) and groups by name; none where there is no such name.
type Known = HashMap<(bool, Vec<u8>), Option<u32>>;

/// Owners by name or number. What the system's files tell is read once for each name.
#[derive(Default)]
pub(crate) struct Owners {
    /// Numbers alone.
    pub(crate) numeric: bool,
    numbers: RefCell<Known>,
}

impl Owners {
    /// Owners by number alone, or by name where it is known here.
    pub(crate) fn new(numeric: bool) -> Self {
        Self { numeric, ..Self::default() }
    }

    /// Numbers of a member's owner and group.
    pub(crate) fn of(&self, member: &Member) -> (u32, u32) {
        let side = |name: &[u8], id: i64, user: bool| {
            let named = if self.numeric || name.is_empty() { None } else { self.number(name, user) };
            // A number that is none here must not become root's.
            named.unwrap_or_else(|| u32::try_from(id).ok().filter(|id| *id != u32::MAX).unwrap_or(65_534))
        };
        (side(&member.user, member.uid, true), side(&member.group, member.gid, false))
    }

    fn number(&self, name: &[u8], user: bool) -> Option<u32> {
        let mut numbers = self.numbers.borrow_mut();
        *numbers.entry((user, name.to_vec())).or_insert_with(|| {
            let text = std::str::from_utf8(name).ok().filter(|text| !text.bytes().all(|byte| byte.is_ascii_digit()))?;
            if user { account::user_id(text) } else { account::group_id(text) }
        })
    }
}
