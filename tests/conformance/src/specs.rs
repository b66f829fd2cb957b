//! Choice of the specs that are run: `specs.toml` beside this crate's manifest, the one place for that.

use std::collections::BTreeMap;
use std::fs;

use firmware::place;
use kit::{Context, Error, Result};
use serde::Deserialize;

/// Content of `specs.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// A spec is wanted when its name has all texts of one of these.
    wanted: Vec<Vec<String>>,
    /// Parts of the names of specs that can't be run here, and why.
    excluded: BTreeMap<String, String>,
    /// The names of those that CI runs.
    ci: Vec<String>,
    /// Parts of the names of critest's specs that can't pass here, and why.
    critest: BTreeMap<String, String>,
}

/// A spec of upstream, as the program lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct Spec {
    /// Its full name, with its labels in brackets.
    pub name: String,
}

/// The specs to run, and those that are left out with the reason.
#[derive(Debug, Default)]
pub struct Plan {
    /// To be run.
    pub run: Vec<String>,
    /// Name and reason.
    pub left_out: Vec<(String, String)>,
}

impl Choice {
    /// Reads the file of the tree.
    pub fn read() -> Result<Self> {
        let path = place::repository().join("tests/conformance/specs.toml");
        toml::from_str(&fs::read_to_string(&path).on("read", &path)?).on("read", &path)
    }

    /// Chooses from all that there are. A reason that fits no wanted spec is an error: it would hide the next one that comes by this name.
    pub fn plan(&self, all: &[Spec]) -> Result<Plan> {
        let mut plan = Plan::default();
        let mut idle: Vec<&str> = self.excluded.keys().map(String::as_str).collect();
        for spec in all.iter().filter(|spec| self.wants(&spec.name)) {
            let reason = self.excluded.iter().find(|(text, _)| spec.name.contains(text.as_str()));
            match reason {
                Some((text, why)) => {
                    idle.retain(|other| other != text);
                    plan.left_out.push((spec.name.clone(), why.clone()));
                }
                None => plan.run.push(spec.name.clone()),
            }
        }
        if idle.is_empty() { Ok(plan) } else { Err(Error::new(format!("specs.toml excludes what there is not: {idle:?}"))) }
    }

    /// Those of CI, all of which must be in `all`.
    pub fn ci(&self, all: &[Spec]) -> Result<Vec<String>> {
        let missing: Vec<&String> = self.ci.iter().filter(|name| !all.iter().any(|spec| spec.name == **name)).collect();
        if missing.is_empty() {
            Ok(self.ci.clone())
        } else {
            Err(Error::new(format!("specs.toml names what there is not: {missing:?}")))
        }
    }

    /// Critest's specs that are left out, each with the reason: parts of names that mean themselves as regular expressions.
    pub fn critest(&self) -> Result<&BTreeMap<String, String>> {
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
        match self.critest.keys().find(|text| !plain(text)) {
            Some(odd) => Err(Error::new(format!("specs.toml: {odd:?} has more than letters and blanks"))),
            None => Ok(&self.critest),
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted.iter().any(|texts| texts.iter().all(|text| name.contains(text.as_str())))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn spec(name: &str) -> Spec {
        Spec { name: name.into() }
    }

    #[test]
    fn chooses_by_all_texts_of_one() {
        let text = "wanted = [['[a]'], ['[b]', '[c]']]\nci = ['x [a]']\n[excluded]\n'two nodes' = 'there is one'\n\
                    [critest]\n'one' = 'why'\n";
        let choice: Choice = toml::from_str(text).unwrap();
        let all = [spec("x [a]"), spec("y [b]"), spec("y [b] [c]"), spec("two nodes [a]")];
        let plan = choice.plan(&all).unwrap();
        assert_eq!(plan.run, ["x [a]", "y [b] [c]"]);
        assert_eq!(plan.left_out, [("two nodes [a]".to_owned(), "there is one".to_owned())]);
        assert_eq!(choice.ci(&all).unwrap(), ["x [a]"]);
        assert!(choice.plan(&all[..3]).is_err());
        assert!(choice.ci(&all[1..]).is_err());
        assert_eq!(choice.critest().unwrap().len(), 1);
        let odd: Choice = toml::from_str(&text.replace("'one'", "'[one]'")).unwrap();
        assert!(odd.critest().is_err());
    }

    #[test]
    fn the_tree_has_a_choice_that_can_be_read() {
        Choice::read().unwrap().critest().unwrap();
    }
}
