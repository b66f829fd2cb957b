//! Choice of those cases and steps that do not fit every run: the commit's number takes turns.

use std::path::Path;
use std::process::Command;

use kit::{Context, Error, Result};

/// The commit that is tried, by its number in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Commits up to this one. Successive commits have successive numbers, so that N commits cover N turns.
    number: u64,
    /// The commit's name, abbreviated.
    commit: String,
}

impl Rotation {
    /// Reads the commit from git. A shallow clone has no count: the commit's hash stands in for it, which
    /// covers all turns in the long run only.
    pub fn read(repository: &Path) -> Result<Self> {
        let git = |args: &[&str]| -> Result<String> {
            let output = Command::new("git").arg("-C").arg(repository).args(args).output().doing("start git")?;
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if output.status.success() { Ok(said) } else { Err(Error::new(format!("git {}: {said}", args.join(" ")))) }
        };
        let hash = git(&["rev-parse", "HEAD"])?;
        let number = match git(&["rev-parse", "--is-shallow-repository"])?.as_str() {
            "true" => u64::from_str_radix(hash.get(..12).unwrap_or("0"), 16).doing("read git's hash")?,
            _ => git(&["rev-list", "--count", "HEAD"])?.parse().doing("read git's count")?,
        };
        Ok(Self { number, commit: hash.chars().take(10).collect() })
    }

    /// The turn of this commit among so many.
    pub fn turn(&self, turns: usize) -> usize {
        (self.number % turns.max(1) as u64) as usize
    }

    /// A sentence for the log: the turn and the number of commits that cover all.
    pub fn told(&self, turns: usize) -> String {
        format!("turn {} of {turns}, by commit {} ({})", self.turn(turns) + 1, self.number, self.commit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Rotation;

    #[test]
    fn successive_commits_cover_all_turns() {
        let turns: BTreeSet<usize> = (100..107).map(|number| Rotation { number, commit: String::new() }.turn(7)).collect();
        assert_eq!(turns.len(), 7);
    }
}
