//! Lengths of functions and of files, in lines.

use crate::scan::{Token, closed, tokens};
use crate::sources::{Crate, Source};

/// Most lines of a function, with its signature and its last bracket.
const FUNCTION: usize = 60;
/// Most lines of a file.
const FILE: usize = 400;

/// Functions that are longer, as `path function`.
pub fn long_functions(crates: &[Crate]) -> Vec<String> {
    let files = crates.iter().flat_map(|one| &one.files);
    let mut found: Vec<String> = files.flat_map(functions).collect();
    found.dedup();
    found
}

/// Files that are longer.
pub fn long_files(crates: &[Crate]) -> Vec<String> {
    let files = crates.iter().flat_map(|one| &one.files);
    let long = files.filter(|file| file.text.lines().count() > FILE);
    long.map(|file| file.path.display().to_string()).collect()
}

fn functions(file: &Source) -> Vec<String> {
    let all = tokens(&file.text);
    let long = all.iter().enumerate().filter(|(_, token)| token.text == "fn").filter_map(|(at, token)| {
        // A type begins with its bracket at once.
        let name = all.get(at + 1).filter(|name| name.text != "(")?;
        let end = all.get(body(&all, at)?.checked_sub(1)?)?;
        (end.line - token.line + 1 > FUNCTION).then(|| format!("{} {}", file.path.display(), name.text))
    });
    long.collect()
}

/// Index behind the body of the function at that place; none for one without, and for a type.
fn body(all: &[Token], at: usize) -> Option<usize> {
    let mut next = at + 1;
    loop {
        match all.get(next)?.text.as_str() {
            ";" | ")" | "}" | "]" => return None,
            "{" => return Some(closed(all, next)),
            "(" | "[" => next = closed(all, next),
            _ => next += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_found() {
        let text =
            |lines: usize| format!("const F: fn(u8) = g;\nfn a(x: [u8; 2]) -> u8 {{\n{}}}\nfn b();\n", "x;\n".repeat(lines));
        let file = |lines| Source { path: "a.rs".into(), text: text(lines) };
        assert!(functions(&file(FUNCTION - 2)).is_empty());
        assert_eq!(functions(&file(FUNCTION - 1)), ["a.rs a"]);
    }
}
