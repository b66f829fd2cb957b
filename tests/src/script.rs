//! Scripts that look at many things in a guest: a line `PASS …` or `FAIL …` for each.

use lab::guest::Output;

use crate::case::{Outcome, ensure};

/// Checks that the script looked at something, and nothing failed.
pub fn judge(output: &Output) -> Outcome {
    let failed: Vec<&str> = output.stdout.lines().filter(|line| !line.starts_with("PASS")).collect();
    ensure(output.ok() && failed.is_empty(), || {
        format!("it ended with {}:\n{}\n{}", output.code, failed.join("\n"), output.stderr)
    })?;
    ensure(output.stdout.contains("PASS"), || "the script looked at nothing".into())
}

/// Returns the scripts of a directory of `cases/` without a case, but for the one that the others
/// take parts from.
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
pub fn without_case(directory: &str, cases: &[crate::case::Case], parts: &str) -> Vec<String> {
    let entries = std::fs::read_dir(crate::applet_cases::directory().join(directory)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != parts && !cases.iter().any(|case| *name == format!("{}.sh", case.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_and_silence_do_not_pass() {
        let said = |text: &str, code| judge(&Output { code, stdout: text.into(), stderr: String::new() }).is_ok();
        assert!(said("PASS a\nPASS b\n", 0));
        assert!(!said("PASS a\nFAIL b\n", 0) && !said("PASS a\n", 1) && !said("", 0));
    }
}
