//! Environment files as systemd reads them (systemd.exec(5), EnvironmentFile=), and a variable's words as its ExecStart= splits them.

use std::path::Path;

/// The settings of a file in order; a file that is not there has none. kubeadm writes values as Go's `%q` does: in double quotes
/// with backslashes.
pub fn read(path: &Path) -> Vec<(String, String)> {
    std::fs::read_to_string(path).map_or_else(|_| vec![], |text| parse(&text))
}

fn parse(text: &str) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    let mut chars = text.chars().peekable();
    while chars.peek().is_some() {
        let line = logical_line(&mut chars);
        let line = line.trim_start();
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some((name, value)) = line.split_once('=') {
            let words = unquote(value.trim(), false);
            settings.push((name.trim().to_owned(), words.into_iter().next().unwrap_or_default()));
        }
    }
    settings
}

/// A line; a newline inside quotes or after a backslash does not end it.
fn logical_line(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut line = String::new();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\n', None) => break,
            ('\\', None | Some('"')) if chars.peek() == Some(&'\n') => {
                chars.next();
                continue;
            }
            ('\\', None | Some('"')) => {
                line.push(c);
                line.extend(chars.next());
                continue;
            }
            ('"' | '\'', None) if !line.trim_start().starts_with(['#', ';']) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
        line.push(c);
    }
    line
}

/// A value's words: blanks separate them, quotes keep blanks and go away.
pub fn words(value: &str) -> Vec<String> {
    unquote(value, true)
}

/// Take quotes and backslashes away; split at blanks if wanted.
fn unquote(text: &str, split: bool) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, None) if split && c.is_whitespace() => words.extend(word.take()),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubeadm_writes() {
        let settings = parse("KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.1 --x=\\\"a b\\\" --pod=1\"\n");
        assert_eq!(settings.len(), 1);
        assert_eq!(settings[0].0, "KUBELET_KUBEADM_ARGS");
        assert_eq!(words(&settings[0].1), ["--node-ip=10.0.0.1", "--x=a b", "--pod=1"]);
    }

    #[test]
    fn what_people_write() {
        let text =
            "# it's a comment\n; another\nA=plain text \nB='single \\ kept'\n\nC=one\\\ntwo\nD=\nexport\nE=\"two\nlines\"\n";
        let settings = parse(text);
        let get = |name: &str| settings.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(get("A"), Some("plain text"));
        assert_eq!(get("B"), Some("single \\ kept"));
        assert_eq!(get("C"), Some("onetwo"));
        assert_eq!(get("D"), Some(""));
        assert_eq!(get("E"), Some("two\nlines"));
        assert_eq!(settings.len(), 5);
    }

    #[test]
    fn empty_values_have_no_words() {
        assert!(words("").is_empty());
        assert!(words("  ").is_empty());
        assert_eq!(words("a '' b"), ["a", "", "b"]);
    }
}
