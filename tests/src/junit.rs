//! Report in the XML form that CI servers read (JUnit's, as Jenkins and others take it).

use crate::report::{Tried, Verdict};

/// The report of all that was tried; times are seconds.
pub fn xml(tried: &[Tried]) -> String {
    let count = |verdict: fn(&Verdict) -> bool| tried.iter().filter(|one| verdict(&one.verdict)).count();
    let failures = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
    let cases: String = tried.iter().map(case).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\
         <testsuite name=\"kutties\" tests=\"{}\" failures=\"{failures}\" skipped=\"{skipped}\">\n{cases}</testsuite>\n</testsuites>\n",
        tried.len()
    )
}

fn case(tried: &Tried) -> String {
    let (class, name) = tried.name.split_once('/').unwrap_or(("", &tried.name));
    let head = format!("<testcase classname=\"{}\" name=\"{}\" time=\"{:.1}\"", escaped(class), escaped(name), tried.seconds);
    match &tried.verdict {
        Verdict::Passed => format!("{head}/>\n"),
        Verdict::Failed(why) => format!("{head}><failure>{}</failure></testcase>\n", escaped(why)),
        Verdict::Skipped(why) => format!("{head}><skipped message=\"{}\"/></testcase>\n", escaped(why)),
    }
}

/// Text for XML 1.0, which has no place for most control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if (c < ' ' && c != '\t') || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_and_odd_characters() {
        let of = |name: &str, verdict| Tried { name: name.to_owned(), verdict, seconds: 1.25 };
        let text = xml(&[
            of("boot/one [x]", Verdict::Passed),
            of("boot/two", Verdict::Failed("a <b> & \"c\"\x1b[0m\nd".to_owned())),
            of("boot/three", Verdict::Skipped("no".to_owned())),
        ]);
        assert!(text.contains("tests=\"3\" failures=\"1\" skipped=\"1\""));
        assert!(text.contains("<testcase classname=\"boot\" name=\"one [x]\" time=\"1.2\"/>"));
        assert!(text.contains("a &lt;b&gt; &amp; &quot;c&quot;\u{fffd}[0m&#10;d</failure>"));
    }
}
