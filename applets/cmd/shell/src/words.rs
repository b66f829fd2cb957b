//! Rewrites what a word's raw text asks of the shell: `$!` is a variable of ours, `$$` in a child its parent's number, and commands
//! inside a substitution that have need of it are run by our own `eval`, which rewrites them in turn.

use brush_parser::{Parser, ParserOptions};

/// The number of the last background process.
pub const LAST: &str = "_kutties_last";
/// Our `eval`, under a name that no function takes away.
pub const EVAL: &str = "kutties-eval";

/// How quotes are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Quotes {
    /// As in a command's word.
    Word,
    /// Not at all: in a here-document, in arithmetic.
    None,
}

/// What is rewritten, and how the text is parsed.
pub struct Words<'a> {
    /// What `$$` stands for where that is not this process.
    pub shell: Option<u32>,
    /// How commands in substitutions are parsed.
    pub options: &'a ParserOptions,
}

impl Words<'_> {
    /// Whether commands hold anything that might have to be rewritten.
    pub fn concern(&self, text: &str) -> bool {
        let mut bare = text.to_owned();
        for operator in ["&&", ">&", "<&", "&>"] {
            bare = bare.replace(operator, "");
        }
        bare.contains('&') || self.concern_words(text)
    }

    fn concern_words(&self, text: &str) -> bool {
        let ours = text.contains("$!") || text.contains("${!");
        ours || (self.shell.is_some() && (text.contains("$$") || text.contains("${$")))
    }

    /// The word as it must be; nothing where it is right as it stands.
    pub fn rewrite(&self, text: &str, quotes: Quotes) -> Option<String> {
        let substitutes = text.contains("$(") || text.contains('`');
        if !self.concern_words(text) && (!substitutes || !self.concern(text)) {
            return None;
        }
        let new = self.scan(text, quotes);
        (new != text).then_some(new)
    }

    fn scan(&self, text: &str, quotes: Quotes) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        let mut rest = text;
        let mut double = quotes == Quotes::None;
        while let Some(first) = rest.chars().next() {
            let taken = match first {
                '\\' => {
                    let taken = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                    out.push_str(&rest[..taken]);
                    taken
                }
                '\'' if !double => verbatim(&mut out, rest, rest[1..].find('\'').map_or(rest.len(), |end| end + 2)),
                '"' if quotes == Quotes::Word => {
                    double = !double;
                    verbatim(&mut out, rest, 1)
                }
                '$' if !double && rest.starts_with("$'") => verbatim(&mut out, rest, ansi_quote(rest)),
                '$' => self.dollar(rest, &mut out),
                '`' => self.backquotes(rest, double, &mut out),
                other => verbatim(&mut out, rest, other.len_utf8()),
            };
            rest = &rest[taken..];
        }
        out
    }

    /// What begins with a dollar; gives how much of the text that was.
    fn dollar(&self, rest: &str, out: &mut String) -> usize {
        if rest.starts_with("$!") {
            out.extend(["${", LAST, "}"]);
            return 2;
        }
        // `${!name}` is the variable that another one names.
        if rest.starts_with("${!") && rest[3..].starts_with(['}', ':', '-', '+', '=', '?', '%']) {
            out.extend(["${", LAST]);
            return 3;
        }
        for form in ["$$", "${$}"] {
            if let (Some(shell), true) = (self.shell, rest.starts_with(form)) {
                out.push_str(&shell.to_string());
                return form.len();
            }
        }
        if rest.starts_with("$$") {
            return verbatim(out, rest, 2);
        }
        if rest.starts_with("$(") && !rest.starts_with("$((") {
            return self.substitution(rest, out);
        }
        verbatim(out, rest, 1)
    }

    /// `$(COMMANDS)`. Its end is the first bracket before which there are whole commands.
    fn substitution(&self, rest: &str, out: &mut String) -> usize {
        for (end, _) in rest.match_indices(')') {
            let commands = &rest[2..end];
            if Parser::new(commands.as_bytes(), self.options).parse_program().is_err() {
                continue;
            }
            self.commands(commands, &rest[..=end], out);
            return end + 1;
        }
        verbatim(out, rest, 2)
    }

    /// `` `COMMANDS` ``, in which a backslash keeps its meaning before few characters only.
    fn backquotes(&self, rest: &str, double: bool, out: &mut String) -> usize {
        let mut commands = String::new();
        let mut letters = rest.char_indices().skip(1).peekable();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '`' => {
                    self.commands(&commands, &rest[..=at], out);
                    return at + 1;
                }
                '\\' => match letters.next_if(|(_, next)| matches!(next, '`' | '\\' | '$') || (double && *next == '"')) {
                    Some((_, next)) => commands.push(next),
                    None => commands.push('\\'),
                },
                other => commands.push(other),
            }
        }
        verbatim(out, rest, 1)
    }

    fn commands(&self, commands: &str, whole: &str, out: &mut String) {
        if self.concern(commands) {
            out.extend(["$(", EVAL, " ", &quote(commands), ")"]);
        } else {
            out.push_str(whole);
        }
    }
}

fn verbatim(out: &mut String, text: &str, bytes: usize) -> usize {
    out.push_str(&text[..bytes]);
    bytes
}

/// The length of `$'…'`.
fn ansi_quote(text: &str) -> usize {
    let mut letters = text.char_indices().skip(2);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '\'' => return at + 1,
            _ => (),
        }
    }
    text.len()
}

/// The text as one word that stands for itself.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite(text: &str, shell: Option<u32>, quotes: Quotes) -> String {
        let options = ParserOptions::default();
        Words { shell, options: &options }.rewrite(text, quotes).unwrap_or_else(|| "as it was".into())
    }

    #[test]
    fn the_last_number_is_ours_where_it_is_asked_for() {
        for (text, wanted) in [
            ("$!", "${_kutties_last}"),
            ("a\"$!\"b${!}c", "a\"${_kutties_last}\"b${_kutties_last}c"),
            ("${!:-none}", "${_kutties_last:-none}"),
            ("'$!'", "as it was"),
            ("\\$!", "as it was"),
            ("\"\\$!\"", "as it was"),
            ("\"'$!'\"", "\"'${_kutties_last}'\""),
            ("$'a\\'$!'", "as it was"),
            ("${!name}${!pre*}", "as it was"),
            ("$((1 + $!))", "$((1 + ${_kutties_last}))"),
            ("$$!", "as it was"),
            ("$(kill $!)", "$(kutties-eval 'kill $!')"),
            ("\"$(echo ')' & wait)\"$!", "\"$(kutties-eval 'echo '\\'')'\\'' & wait')\"${_kutties_last}"),
            ("$(case a in a) x & ;; esac)z", "$(kutties-eval 'case a in a) x & ;; esac')z"),
            ("`a \\`b $!\\``", "$(kutties-eval 'a `b $!`')"),
            ("$(a && b 2>&1)", "as it was"),
            ("plain & simple", "as it was"),
        ] {
            assert_eq!(rewrite(text, None, Quotes::Word), wanted, "of {text}");
        }
        assert_eq!(rewrite("it's \"$!\" '$!' \\$!\n", None, Quotes::None), "it's \"${_kutties_last}\" '${_kutties_last}' \\$!\n");
    }

    #[test]
    fn a_child_tells_its_parents_number() {
        assert_eq!(rewrite("$$-${$}-'$$'-\\$$", Some(7), Quotes::Word), "7-7-'$$'-\\$$");
        assert_eq!(rewrite("$(echo $$)", Some(7), Quotes::Word), "$(kutties-eval 'echo $$')");
        assert_eq!(rewrite("$$", None, Quotes::Word), "as it was");
    }

    #[test]
    fn what_does_not_end_stays() {
        for text in ["$! $(a &", "$!`a &", "$!'a", "$!\"", "$!$'a\\"] {
            assert!(rewrite(text, None, Quotes::Word).starts_with("${_kutties_last}"), "of {text}");
        }
    }
}
