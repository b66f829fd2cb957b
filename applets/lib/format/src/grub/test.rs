//! `test` and `[`.

use super::shell::Shell;

impl Shell<'_> {
    pub(super) fn test(&mut self, args: &[&str]) -> bool {
        // `a -o b -a c`: "or" binds less.
        if let Some(at) = outside(args, "-o") {
            return self.test(&args[..at]) || self.test(&args[at + 1..]);
        }
        if let Some(at) = outside(args, "-a") {
            return self.test(&args[..at]) && self.test(&args[at + 1..]);
        }
        match args {
            ["!", rest @ ..] => !self.test(rest),
            ["(", inner @ .., ")"] => self.test(inner),
            ["-z", text] => text.is_empty(),
            ["-e" | "-f" | "-d" | "-s", path] => match self.place(path) {
                Ok(place) => self.disks.exists(&place.device, &place.path),
                Err(_) => false,
            },
            [one, operator, other] => compare(one, operator, other),
            [text] | ["-n", text] => !text.is_empty(),
            _ => false,
        }
    }
}

/// Returns the position of an operator outside all parentheses, and not as an operand.
fn outside(args: &[&str], operator: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, arg) in args.iter().enumerate() {
        match *arg {
            "(" => open += 1,
            ")" => open = open.saturating_sub(1),
            arg if arg == operator && open == 0 && at > 0 => return Some(at),
            _ => {}
        }
    }
    None
}

fn compare(one: &str, operator: &str, other: &str) -> bool {
    let number = |text: &str| text.trim().parse::<i64>().unwrap_or(0);
    let (a, b) = (number(one), number(other));
    match operator {
        "=" | "==" => one == other,
        "!=" => one != other,
        "<" => one < other,
        "<=" => one <= other,
        ">" => one > other,
        ">=" => one >= other,
        "-eq" => a == b,
        "-ne" => a != b,
        "-lt" => a < b,
        "-le" => a <= b,
        "-gt" => a > b,
        "-ge" => a >= b,
        // Numbers behind a common beginning, as versions have.
        "-pgt" | "-plt" => {
            let (one, other) = numbers(one, other);
            let (a, b) = (number(one), number(other));
            if operator == "-pgt" { a > b } else { a < b }
        }
        _ => false,
    }
}

/// Returns the rests after the common beginning, with the digits that belong to them.
fn numbers<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    let common = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b || a.is_ascii_digit());
    let at = common.map_or(one.len().min(other.len()), |((at, _), _)| at);
    let digits = |text: &'a str| {
        let text = text.get(at..).unwrap_or_default();
        let len = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        &text[..len]
    };
    (digits(one), digits(other))
}
