//! Keys of the configuration in examples.

use crate::repository::{Problem, Repository};

/// The page that is generated from the table of keys.
const REFERENCE: &str = "docs/src/reference/configuration.md";
/// The beginning of a setting on the kernel's command line.
const PREFIX: &str = "kutties.";

/// Each `kutties.KEY=` names a key.
pub fn check(repository: &Repository) -> Vec<Problem> {
    let keys = keys(&repository.text(REFERENCE));
    let mut problems = Vec::new();
    for page in repository.manual() {
        for line in &page.lines {
            let wrong = settings(&line.text)
                .into_iter()
                .filter(|name| !keys.iter().any(|key| fits(key, name)));
            problems
                .extend(wrong.map(|name| page.problem(line, format!("there is no key {name}"))));
        }
    }
    problems
}

/// First cells of the rows of a table whose cells are code.
pub fn keys(page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect()
}

/// Names between `kutties.` and `=`; placeholders in capitals are none.
fn settings(text: &str) -> Vec<&str> {
    let after = text.split(PREFIX).skip(1);
    let names = after.filter_map(|rest| {
        rest.split_once(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_')))
    });
    let names = names.map(|(name, _)| (name, text));
    names
        .filter(|(name, text)| {
            text.contains(&format!("{PREFIX}{name}=")) && !name.contains(char::is_uppercase)
        })
        .map(|(name, _)| name)
        .collect()
}

/// Returns true when the name is this key, whose stars stand for parts of names.
fn fits(key: &str, name: &str) -> bool {
    match key.split_once('*') {
        None => key == name,
        Some((head, tail)) => {
            name.starts_with(head) && name.ends_with(tail.trim_start_matches('*'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_and_compared() {
        assert_eq!(
            settings("boot with kutties.var.disk=first-empty or kutties.KEY=VALUE"),
            ["var.disk"]
        );
        assert_eq!(settings("see kutties.efi and kutties.hostname"), Vec::<&str>::new());
        assert!(
            fits("sysctl.**", "sysctl.vm.swappiness")
                && fits("service.*.command", "service.a.command")
        );
        assert!(!fits("service.*.command", "service.a.after") && !fits("var.size", "var.disk"));
    }
}
