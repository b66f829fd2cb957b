//! The next kernel's command line: this one's, without what the loader put there or what is over.

/// Words that a loader puts in, and that mean nothing to the next kernel.
const LOADERS: &[&str] = &["BOOT_IMAGE=", "initrd="];
/// Key with which this machine joined its cluster: a secret that is of no more use, for the node
/// goes on with what it has.
const JOIN: &str = "kutties.join=";
/// Its name, which the Node in the cluster has.
const NAME: &str = "kutties.hostname=";

/// The words, quotes as they are. A node that has joined keeps its name whatever its network says.
pub fn words(own: &str, joined: bool, name: &str) -> Vec<String> {
    let over = |word: &String| {
        let starts = |with: &&str| word.trim_start_matches('"').starts_with(*with);
        LOADERS.iter().any(starts) || (joined && [JOIN, NAME].iter().any(starts))
    };
    let mut words: Vec<String> = split(own).into_iter().filter(|word| !over(word)).collect();
    if joined {
        words.push(format!("{NAME}{name}"));
    }
    words
}

/// Splits a line at blanks outside of double quotes.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        quoted ^= c == '"';
        if c.is_ascii_whitespace() && !quoted {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(c);
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_words_and_its_name() {
        let own = "BOOT_IMAGE=/vmlinuz console=ttyS0 kutties.join=h:1,token=a.b \"kutties.var.size=1 g\" a=\"b c\"  quiet\n";
        let expected = ["console=ttyS0", "\"kutties.var.size=1 g\"", "a=\"b c\"", "quiet", "kutties.hostname=n1"];
        assert_eq!(words(own, true, "n1"), expected);
        let own = "kutties.hostname=given kutties.join=h:1";
        assert_eq!(words(own, true, "n1"), ["kutties.hostname=n1"]);
        assert_eq!(words(own, false, "n1"), ["kutties.hostname=given", "kutties.join=h:1"]);
    }
}
