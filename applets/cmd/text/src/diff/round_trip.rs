//! Test of diff and patch together: what diff prints for a thousand pairs of texts, patch applies.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::expect_fun_call, reason = "a failed unwrap is a failed test")]

use std::ffi::OsString;

use super::lines::Text;
use super::print::Pair;
use super::{Options, Setting};

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// A line of a text: few kinds, so that many fit; some look like parts of a patch.
    fn line(&mut self) -> &'static [u8] {
        const LINES: &[&[u8]] = &[
            b"a\n",
            b"b\n",
            b"c\n",
            b"d\n",
            b"}\n",
            b"\n",
            b"  x\n",
            b"--- a\n",
            b"+++ b\n",
            b"@@ -1 +1 @@\n",
            b"\\ No\n",
            b"\xff\r\n",
        ];
        LINES[self.below(LINES.len())]
    }

    /// A text, and another one made of it by up to six changes.
    fn pair(&mut self) -> (Vec<u8>, Vec<u8>) {
        let count = [0, 1, 5, 40, 200][self.below(5)];
        let old: Vec<&[u8]> = (0..count).map(|_| self.line()).collect();
        let mut new = old.clone();
        for _ in 0..self.below(7) {
            let at = self.below(new.len() + 1);
            let end = (at + self.below(5)).min(new.len());
            let lines: Vec<&[u8]> = (0..self.below(4)).map(|_| self.line()).collect();
            new.splice(at..end, lines);
        }
        let mut text = |lines: &[&[u8]]| {
            let mut text = lines.concat();
            // The last line of some has no end.
            if self.below(4) == 0 && text.ends_with(b"\n") && !text.ends_with(b"\n\n") {
                text.pop();
            }
            text
        };
        (text(&old), text(&new))
    }
}

fn difference(form: &[&str], old: &[u8], new: &[u8]) -> Vec<u8> {
    let args: Vec<OsString> = [&["diff"], form, &["old", "new"]].concat().into_iter().map(Into::into).collect();
    let options: Options = kit::parse(&super::DIFF, &args).unwrap();
    let around = options.unified_lines.or(options.context_lines).unwrap_or(3);
    let setting = Setting { options, around, ignored: Vec::new(), function: None, exclude: Vec::new(), given: Vec::new() };
    let (old, new) = (Text::new(old.to_vec()), Text::new(new.to_vec()));
    let pair = Pair { setting: &setting, old: &old, new: &new, heads: [b"old".to_vec(), b"new".to_vec()] };
    let mut out = Vec::new();
    pair.print(&mut out).unwrap();
    out
}

#[test]
fn patch_makes_one_text_of_the_other() {
    let mut random = Random(1);
    for round in 0..1000 {
        let (old, new) = random.pair();
        for form in [&["-u"][..], &["-U0"], &["-U1"], &["-c"], &["-C1"], &["--normal"]] {
            let patch = difference(form, &old, &new);
            let shown = || format!("{round} {form:?}\n{}", String::from_utf8_lossy(&patch));
            let results = crate::patch::results(&old, &patch).expect(&shown());
            if old == new {
                assert!(results.is_empty() && patch.is_empty(), "{}", shown());
                continue;
            }
            assert_eq!(results.len(), 2, "{}", shown());
            assert!(results[0].as_deref() == Some(&new[..]), "{}", shown());
            let back = crate::patch::results_back(&new, &patch).unwrap();
            assert!(back == Some(old.clone()), "back {}", shown());
        }
    }
}
