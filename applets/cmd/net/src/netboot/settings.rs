//! Texts that are made for a machine: its settings, and its script for iPXE. No input or output here.

use std::fmt::Write as _;

/// A machine's facts by their names.
pub type Facts = Vec<(String, String)>;

/// Variables of a machine's settings.
const NAMES: [&str; 4] = ["mac", "uuid", "serial", "hostname"];

/// The settings of a machine: a text with its facts put in, and the key `join` in front unless the text has its own.
///
/// # Errors
/// A sentence about what the text names and the machine has not told.
pub fn fill(text: &str, facts: &Facts, join: Option<&str>) -> Result<String, String> {
    let own = |line: &str| line.trim_start().strip_prefix("join").is_some_and(|rest| rest.trim_start().starts_with(['=', '.']));
    let placed = text.contains("${join}") || text.lines().any(own);
    let mut filled = match join.filter(|_| !placed) {
        Some(key) => format!("join = \"{key}\"\n"),
        None => String::new(),
    };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').ok_or("a ${ in the settings has no end")?;
        filled.push_str(before);
        filled.push_str(&value(name, facts, join)?);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value(name: &str, facts: &Facts, join: Option<&str>) -> Result<String, String> {
    if name == "join" {
        return join.map(str::to_owned).ok_or_else(|| "the settings name ${join}, but there is no token to hand out".into());
    }
    if !NAMES.contains(&name) {
        return Err(format!("the settings name ${{{name}}}; there are ${{{}}} and ${{join}}", NAMES.join("}, ${")));
    }
    let found = facts.iter().find(|(of, value)| of == name && !value.is_empty());
    let (_, value) = found.ok_or_else(|| format!("the machine has not told its {name}"))?;
    // The machine's own words must not become settings.
    if value.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '\'')) {
        return Err(format!("the machine's {name} can't stand in its settings"));
    }
    Ok(value.clone())
}

/// The directory's script for iPXE with a machine's own words in `${kutties}`, and its own segment behind the others.
pub fn script(template: &str, words: &str, segment: Option<&str>) -> String {
    let initrds = template.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("initrd "));
    let last = initrds.last().map(|(at, _)| at);
    let mut script = String::new();
    for (at, line) in template.lines().enumerate() {
        script.push_str(line);
        script.push('\n');
        if at == 0 && !words.is_empty() {
            let _ = writeln!(script, "set kutties {words}");
        }
        if let Some(name) = segment.filter(|_| Some(at) == last) {
            let _ = writeln!(script, "initrd {name}");
        }
    }
    script
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn facts() -> Facts {
        [("mac", "52:54:00:00:00:01"), ("serial", "7"), ("hostname", "a\"b"), ("uuid", "")]
            .map(|(n, v)| (n.into(), v.into()))
            .to_vec()
    }

    #[test]
    fn settings_are_filled_in() {
        let text = "hostname = \"n-${serial}\"\n[network]\ntimeout = 9\n";
        let filled = fill(text, &facts(), Some("h:1,token=t,ca=c")).unwrap();
        assert_eq!(filled, format!("join = \"h:1,token=t,ca=c\"\n{}", text.replace("${serial}", "7")));
        assert_eq!(fill("join = \"x\"\n", &facts(), Some("k")).unwrap(), "join = \"x\"\n");
        assert_eq!(fill("join = [\"${join}\"]\n", &facts(), Some("k")).unwrap(), "join = [\"k\"]\n");
        assert_eq!(fill("", &facts(), None).unwrap(), "");
    }

    #[test]
    fn what_is_not_known_is_said() {
        for (text, words) in [
            ("${uuid}", "has not told its uuid"),
            ("${hostname}", "can't stand"),
            ("${what}", "name ${what}"),
            ("${mac", "no end"),
            ("${join}", "no token"),
        ] {
            assert!(fill(text, &facts(), None).unwrap_err().contains(words), "{text}");
        }
    }

    #[test]
    fn a_script_gets_words_and_a_segment() {
        let template = "#!ipxe\nkernel vmlinuz ${kutties}\ninitrd a\ninitrd b\nboot\n:efi\nkernel kutties.efi\nboot\n";
        let made = script(template, "a=1", Some("node.cpio"));
        assert_eq!(
            made,
            "#!ipxe\nset kutties a=1\nkernel vmlinuz ${kutties}\ninitrd a\ninitrd b\ninitrd node.cpio\nboot\n:efi\nkernel kutties.efi\nboot\n"
        );
        assert_eq!(script(template, "", None), template);
    }
}
