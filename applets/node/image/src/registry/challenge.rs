//! Challenges that a server sends with 401: the header WWW-Authenticate (RFC 9110, 11.6.1).

/// One way to prove who one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// In small letters: `basic`, `bearer`.
    pub scheme: String,
    /// Names in small letters, values without quotes.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// All challenges of one header line; what is malformed ends the reading.
pub fn parse(line: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            return found;
        }
        match (after.trim_start().strip_prefix('='), found.last_mut()) {
            (Some(after), Some(challenge)) => {
                let (value, after) = value(after.trim_start());
                challenge.parameters.push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            (Some(_), None) => return found,
            (None, _) => {
                found.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                rest = after;
            }
        }
    }
}

fn token(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)));
    text.split_at(end.unwrap_or(text.len()))
}

/// A quoted text or a token.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[at + 1..]),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_in_one_line() {
        let line = r#"Bearer realm="https://a/token?x=1,2",service="r \"s\"",scope="repository:a/b:pull,push", Basic realm=x"#;
        let found = parse(line);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].get("realm"), Some("https://a/token?x=1,2"));
        assert_eq!(found[0].get("service"), Some("r \"s\""));
        assert_eq!(found[0].get("scope"), Some("repository:a/b:pull,push"));
        assert_eq!((found[1].scheme.as_str(), found[1].get("realm")), ("basic", Some("x")));
    }

    #[test]
    fn rubbish_ends_quietly() {
        for line in ["", "=", "Bearer realm=", "Bearer realm=\"x", ",,, ,", "Bearer realm=\"\\", "\u{e4}"] {
            assert!(parse(line).len() <= 1, "{line}");
        }
    }
}
