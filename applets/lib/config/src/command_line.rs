//! The kernel's command line as words.

/// The words: blanks separate them unless they stand in double quotes, as the kernel itself reads its parameters. The quotes go.
pub fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word = String::new();
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_ascii_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The last value of the parameter `name`, as in `name=value`.
pub fn value<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    words.iter().rev().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_blanks() {
        let words = words("a=1  b=\"x y\" \"c=z z\" ip=dhcp ip=off\n");
        assert_eq!(words, ["a=1", "b=x y", "c=z z", "ip=dhcp", "ip=off"]);
        assert_eq!(value(&words, "ip"), Some("off"));
        assert_eq!(value(&words, "i"), None);
    }
}
