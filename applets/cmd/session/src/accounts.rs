//! Rows of /etc/passwd, /etc/group and /etc/shadow (passwd(5), shadow(5)).

use std::fs;
use std::path::Path;

use kit::fs::{Form, replace};
use kit::{Context, Error, Result, account};

/// Table of hashes.
pub const SHADOW: &str = "/etc/shadow";
/// Table of accounts.
const PASSWD: &str = "/etc/passwd";
/// Days are counted in seconds of this many.
const DAY: u64 = 86_400;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Name.
    pub name: String,
    /// Hash of the password, where it is in /etc/passwd itself.
    own_hash: String,
    /// Number.
    pub user: u32,
    /// Number of its group.
    pub group: u32,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

impl Account {
    /// The account of a name.
    pub fn named(name: &str) -> Result<Self> {
        let text = fs::read_to_string(PASSWD).on("read", PASSWD)?;
        let found = text.lines().filter_map(read).find(|account| account.name == name);
        found.ok_or_else(|| Error::new(format!("user {name} does not exist")))
    }

    /// The account of a number.
    pub fn of(user: u32) -> Result<Self> {
        let text = fs::read_to_string(PASSWD).on("read", PASSWD)?;
        let found = text.lines().filter_map(read).find(|account| account.user == user);
        found.ok_or_else(|| Error::new(format!("user number {user} has no account")))
    }

    /// Hash of the password: empty for none, and one that no password has for a locked account.
    pub fn hash(&self) -> Result<String> {
        if self.own_hash != "x" {
            return Ok(self.own_hash.clone());
        }
        let text = match fs::read_to_string(SHADOW) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok("*".to_owned()),
            text => text.on("read", SHADOW)?,
        };
        let row = text.lines().find(|line| line.split(':').next() == Some(&self.name));
        Ok(row.and_then(|row| row.split(':').nth(1)).unwrap_or("*").to_owned())
    }

    /// Its groups: the own one, and those whose rows name it.
    pub fn groups(&self) -> Vec<u32> {
        account::groups(&self.name, Some(self.group))
    }
}

fn read(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, own_hash, user, group, _, home, shell] = fields.as_slice() else { return None };
    let or = |text: &str, usual: &str| if text.is_empty() { usual.to_owned() } else { text.to_owned() };
    Some(Account {
        name: (*name).to_owned(),
        own_hash: (*own_hash).to_owned(),
        user: user.parse().ok()?,
        group: group.parse().ok()?,
        home: or(home, "/"),
        shell: or(shell, "/bin/sh"),
    })
}

/// Change an account's hash in /etc/shadow, which is made for it where there is none: readers see the old table or the new one.
pub fn set_hash(account: &Account, change: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let old = match fs::read_to_string(SHADOW) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.on("read", SHADOW)?,
    };
    let new = change(&account.hash()?)?;
    if new.contains([':', '\n']) {
        return Err(Error::new("a hash has neither colons nor line ends"));
    }
    let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs() / DAY);
    replace(Path::new(SHADOW), changed(&old, &account.name, &new, today), Form { mode: 0o600, sync: true })?;
    if account.own_hash == "x" {
        return Ok(());
    }
    // The hash moves out of the table that all may read.
    let text = fs::read_to_string(PASSWD).on("read", PASSWD)?;
    let rows = text.lines().map(|line| match line.split_once(':') {
        Some((name, rest)) if name == account.name => format!("{name}:x:{}\n", rest.split_once(':').map_or("", |(_, rest)| rest)),
        _ => format!("{line}\n"),
    });
    replace(Path::new(PASSWD), rows.collect::<Vec<_>>().concat(), Form { mode: 0o644, sync: true })
}

/// The table with another hash and day of change in the account's row.
fn changed(table: &str, name: &str, hash: &str, today: u64) -> String {
    let mut found = false;
    let mut text = String::new();
    for line in table.lines() {
        let mut fields: Vec<&str> = line.split(':').collect();
        if fields.first() == Some(&name) {
            found = true;
            let day = today.to_string();
            fields.resize(fields.len().max(9), "");
            (fields[1], fields[2]) = (hash, &day);
            text.push_str(&fields.join(":"));
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    if !found {
        text.extend([name, ":", hash, ":", &today.to_string(), ":0:99999:7:::\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn one_row_changes() {
        let old = "root:*:1:0:99999:7:::\nuser:$6$a:2:0:99999:7:::\n";
        assert_eq!(changed(old, "root", "H", 20), "root:H:20:0:99999:7:::\nuser:$6$a:2:0:99999:7:::\n");
        assert!(changed(old, "new", "H", 20).ends_with("new:H:20:0:99999:7:::\n"));
        assert_eq!(changed("a:b\n", "a", "H", 20), "a:H:20::::::\n");
    }

    #[test]
    fn rows_of_passwd() {
        let account = read("root:x:0:0:root:/root:").unwrap();
        assert_eq!((account.user, account.shell.as_str()), (0, "/bin/sh"));
        assert!(read("root:x:0:0").is_none());
        assert!(read("root:x:a:0:::").is_none());
    }
}
