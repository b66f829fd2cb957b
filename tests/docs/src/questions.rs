//! Questions of CONTRIBUTING.md, each answered by one `grep` with an obvious word.

use std::path::Path;
use std::process::Command;

use crate::repository::{Problem, Repository};

/// The page with the questions.
const PAGE: &str = "CONTRIBUTING.md";
/// The most lines that answer a question: more are no answer.
const MOST_LINES: usize = 15;
/// The least number of questions.
const LEAST_QUESTIONS: usize = 20;

/// Each question's command finds something, and not too much.
pub fn check(repository: &Repository) -> Vec<Problem> {
    let Some(page) = repository.pages.iter().find(|page| page.path == Path::new(PAGE)) else {
        return vec![Problem { path: PAGE.into(), line: 1, text: "there is no such page".into() }];
    };
    let mut problems = Vec::new();
    let mut count = 0;
    for line in page.prose() {
        for command in line.spans().into_iter().filter(|span| span.starts_with("grep -")) {
            count += 1;
            problems.extend(answer(repository, command).err().map(|text| page.problem(line, text)));
        }
    }
    if count < LEAST_QUESTIONS {
        let text = format!("{count} questions, fewer than {LEAST_QUESTIONS}");
        problems.push(Problem { path: PAGE.into(), line: 1, text });
    }
    problems
}

fn answer(repository: &Repository, command: &str) -> Result<(), String> {
    let words = words(command);
    let (program, arguments) = words.split_first().ok_or("no command")?;
    let output = Command::new(program).args(arguments).current_dir(&repository.root).output();
    let output = output.map_err(|e| format!("run {program}: {e}"))?;
    match String::from_utf8_lossy(&output.stdout).lines().count() {
        0 => Err(format!("finds nothing: {command}")),
        count if count > MOST_LINES => Err(format!("finds {count} lines: {command}")),
        _ => Ok(()),
    }
}

/// Words of a command line with single quotes; a vertical bar in a table is written `\|`.
fn words(command: &str) -> Vec<String> {
    let command = command.replace("\\|", "|");
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_blanks_and_bars_are_those_of_the_pattern() {
        assert_eq!(words("grep -rE 'a b\\|c' applets"), ["grep", "-rE", "a b|c", "applets"]);
    }
}
