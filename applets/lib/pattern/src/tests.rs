//! Patterns over texts.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;

fn found(pattern: &str, syntax: Syntax, text: &str) -> Option<String> {
    let regex = compile(pattern.as_bytes(), syntax, Meaning::default()).unwrap();
    let found = regex.find_at(text.as_bytes(), 0).unwrap();
    assert_eq!(found.is_some(), regex.is_match(text.as_bytes()).unwrap(), "{pattern} {text}");
    found.map(|m| text[m].to_owned())
}

#[test]
fn basic() {
    let b = |pattern, text| found(pattern, Syntax::Basic, text);
    assert_eq!(b("a\\+b\\?", "xaab").as_deref(), Some("aab"));
    assert_eq!(b("a+b", "aab a+b").as_deref(), Some("a+b"));
    assert_eq!(b("*a", "b*a").as_deref(), Some("*a"));
    assert_eq!(b("\\(ab\\)\\{2\\}", "ababab").as_deref(), Some("abab"));
    assert_eq!(b("a^b$c", "a^b$c").as_deref(), Some("a^b$c"));
    assert_eq!(b("^a\\|^b", "b").as_deref(), Some("b"));
    assert_eq!(b("[]x]*", "]x]y").as_deref(), Some("]x]"));
    assert_eq!(b("[\\n]", "\\").as_deref(), Some("\\"));
    assert_eq!(b("[\\n]", "n").as_deref(), Some("n"), "grep and find know no escape between brackets");
    assert_eq!(b("\\<be\\>", "to be").as_deref(), Some("be"));
    assert_eq!(b("a\\<*b", "a*b"), None);
    assert_eq!(b("\\<*b", "a *b").as_deref(), None);
    assert_eq!(b("a\\>*", "a*").as_deref(), Some("a*"), "a star behind a place is a character");
    assert_eq!(b("a\\tb", "a\tb atb").as_deref(), Some("atb"), "nor outside of them");
}

#[test]
fn extended() {
    let e = |pattern, text| found(pattern, Syntax::Extended, text);
    assert_eq!(e("(a|b)+", "xabba").as_deref(), Some("abba"));
    assert_eq!(e("a{2}", "aaa").as_deref(), Some("aa"));
    assert_eq!(e("a{,2}", "aaa").as_deref(), Some("aa"));
    assert_eq!(e("a{,}b", "aab").as_deref(), Some("aab"));
    assert_eq!(e("a+?", "aaa").as_deref(), Some("aaa"));
    assert_eq!(e("a{2}{2}", "aaaaa").as_deref(), Some("aaaa"));
    assert_eq!(e("a{2}*", "aaaaa").as_deref(), Some("aaaa"));
    assert_eq!(e("(ab|c){2}?", "cabx").as_deref(), Some("cab"));
    assert_eq!(e("[[:digit:]-]+", "a1-2").as_deref(), Some("1-2"));
    assert_eq!(e("[a-c&&]+", "b&").as_deref(), Some("b&"));
    assert_eq!(e("[+--]+", "a,-+").as_deref(), Some(",-+"));
    assert_eq!(e("[[:alpha:]]+", "1äb2").as_deref(), Some("äb"));
    assert_eq!(e("[[.-.]x]+", "a-x").as_deref(), Some("-x"));
    assert_eq!(found("a.c", Syntax::Fixed, "abc a.c").as_deref(), Some("a.c"));
}

#[test]
fn longest_match_counts() {
    for (pattern, text, longest) in [
        ("a|ab", "xabc", "ab"),
        ("(a|ab)(c|bcd)", "abcd", "abcd"),
        ("(foo|foobar)?z?", "foobar", "foobar"),
        ("(a*)(ab)*", "aab", "aab"),
    ] {
        assert_eq!(found(pattern, Syntax::Extended, text).as_deref(), Some(longest), "{pattern}");
    }
    let regex = compile(b"(a|ab)(c|bcd)?", Syntax::Extended, Meaning::default()).unwrap();
    assert_eq!(regex.captures_at(b"-abcd", 0).unwrap().unwrap(), [Some(1..5), Some(1..2), Some(2..5)]);
}

#[test]
fn back_references() {
    let b = |pattern, text| found(pattern, Syntax::Basic, text);
    assert_eq!(b("\\(.\\)\\1", "abccd").as_deref(), Some("cc"));
    assert_eq!(b("^\\(.*\\)-\\1$", "ab-ab").as_deref(), Some("ab-ab"));
    assert_eq!(b("^\\(.*\\)-\\1$", "ab-ac"), None);
    assert_eq!(b("\\(a\\)\\10", "aa0").as_deref(), Some("aa0"));
    assert_eq!(b("\\<\\(x\\)\\1\\>", "xxx xx").as_deref(), Some("xx"));
    assert_eq!(found("(a|b)\\1", Syntax::Extended, "abb").as_deref(), Some("bb"));
    let regex = compile(br"\(.\)\1", Syntax::Basic, Meaning::default()).unwrap();
    assert!(regex.is_match(b"\xff\xfe--").unwrap(), "bytes that are no characters are passed over");
    assert_eq!(regex.captures_at(b"\xff-a\xc3\xa9\xc3\xa9", 1).unwrap().unwrap()[0], Some(3..7));
}

#[test]
fn search_without_end_is_an_error() {
    let regex = compile(br"\(\(a*\)*\)*b\2c", Syntax::Basic, Meaning::default()).unwrap();
    let text = "a".repeat(60);
    assert!(regex.is_match(text.as_bytes()).is_err() || !regex.is_match(text.as_bytes()).unwrap());
}

#[test]
fn lines() {
    let lines = Meaning { lines: true, ..Meaning::default() };
    for (pattern, text, expected) in
        [("a.b", "a\nb", false), ("a[^x]b", "a\nb", false), ("^b$", "a\nb\nc", true), ("\\`b", "a\nb", false)]
    {
        let regex = compile(pattern.as_bytes(), Syntax::Basic, lines).unwrap();
        assert_eq!(regex.is_match(text.as_bytes()).unwrap(), expected, "{pattern}");
    }
}

#[test]
fn single_bytes() {
    let regex = |bytes: &[u8]| compile_chars(&decode(bytes), Syntax::Basic, Meaning::default()).unwrap();
    assert_eq!(regex(b"\xc3").find_at("é".as_bytes(), 0).unwrap(), Some(0..1));
    assert_eq!(regex(b"[\x80-\xff]*").find_at("éa".as_bytes(), 0).unwrap(), Some(0..2));
    assert_eq!(regex(b"[\xff]").find_at(b"\xc3\xa9\xff", 0).unwrap(), Some(2..3));
    assert_eq!(regex(b"[^\xff]").find_at(b"\xff\xc3\xa9", 0).unwrap(), Some(1..3));
    assert_eq!(regex(b"[a-\xff]*").find_at(b"b\xc3\xa9\xff-", 0).unwrap(), Some(0..4));
    assert_eq!(regex("é".as_bytes()).find_at("éa".as_bytes(), 0).unwrap(), Some(0..2));
}

#[test]
fn matches_in_turn() {
    let all = |pattern: &str, text: &str| {
        let mut all = Vec::new();
        let regex = compile(pattern.as_bytes(), Syntax::Extended, Meaning::default()).unwrap();
        regex
            .each_match(text.as_bytes(), |spans| {
                all.push(spans[0].clone().unwrap());
                true
            })
            .unwrap();
        all
    };
    assert_eq!(all("l*", "héllo"), [0..0, 1..1, 3..5, 6..6]);
    assert_eq!(all("a|ab", "abab"), [0..2, 2..4]);
    assert_eq!(all("(a)\\1*", "aab"), vec![0..2; 1]);
    assert_eq!(all("$", "ab"), vec![2..2; 1]);
}

#[test]
fn what_is_wrong_or_missing_is_said() {
    for (pattern, syntax) in [
        ("a\\", Syntax::Basic),
        ("[a", Syntax::Basic),
        ("\\(a\\1\\)", Syntax::Basic),
        ("\\1\\(a\\)", Syntax::Basic),
        ("\\(a\\)\\2", Syntax::Basic),
        ("a\\{1", Syntax::Basic),
        ("[:space:]", Syntax::Basic),
        ("[[.hyphen.]]", Syntax::Basic),
        ("[[:foo:]]", Syntax::Basic),
        ("[z-a]", Syntax::Basic),
        ("(a", Syntax::Extended),
        ("a)", Syntax::Extended),
    ] {
        assert!(compile(pattern.as_bytes(), syntax, Meaning::default()).is_err(), "{pattern}");
    }
}

#[test]
fn operators_that_make_no_sense() {
    let lenient = Meaning { lenient: true, ..Meaning::default() };
    let found = |pattern: &str, text: &str| {
        let regex = compile(pattern.as_bytes(), Syntax::Extended, lenient).unwrap();
        regex.find_at(text.as_bytes(), 0).unwrap().map(|span| text[span].to_owned())
    };
    for (pattern, text, expected) in [
        ("{x", "{x", "{x"),
        ("*a", "*a", "a"),
        ("a|*b", "*b", "b"),
        ("a)", "a)", "a)"),
        ("(a)b)", "ab)", "ab)"),
        ("a{1", "a{1", "a{1"),
    ] {
        assert_eq!(found(pattern, text).as_deref(), Some(expected), "{pattern}");
    }
    for pattern in ["{x", "*a", "a|*b", "a)", "a{1", "a{2,1}", "a{40000}"] {
        assert!(compile(pattern.as_bytes(), Syntax::Extended, Meaning::default()).is_err(), "{pattern}");
    }
    for pattern in ["a**", "a\\{2\\}*", "\\{1\\}a"] {
        assert!(compile(pattern.as_bytes(), Syntax::Basic, Meaning::default()).is_err(), "{pattern}");
        assert!(compile(pattern.as_bytes(), Syntax::Basic, lenient).is_ok(), "{pattern}");
    }
}

/// Groups as glibc's sed has them.
#[test]
fn groups_of_the_longest_match() {
    for (pattern, text, groups) in [
        ("(a*)*", "aa", &["aa"][..]),
        ("(a*)*", "b", &[""]),
        ("(a*)+", "aab", &["aa"]),
        ("(a|b*)*", "abba", &["a"]),
        ("((a)|(b))*", "ba", &["a", "a", "b"]),
        ("(a|ab)(c|bcd)(d*)", "abcd", &["a", "bcd", ""]),
        ("(a?){3}", "aa", &[""]),
        ("(a)?(ab)?", "ab", &["", "ab"]),
        ("(ab|a)(bc|c)?", "abc", &["ab", "c"]),
        ("(a|ab|c|bcd){2,}(d*)", "ababcd", &["bcd", ""]),
        ("(c+(aa*cb*|b?)*.)*b?b+\\2|a*a", "cb bb", &["cb ", "b"]),
    ] {
        let regex = compile(pattern.as_bytes(), Syntax::Extended, Meaning::default()).unwrap();
        let spans = regex.captures_at(text.as_bytes(), 0).unwrap().unwrap();
        let found: Vec<&str> = spans.iter().skip(1).map(|span| span.clone().map_or("", |span| &text[span])).collect();
        assert_eq!(found, groups, "{pattern} on {text}");
    }
}

#[test]
fn emacs() {
    let found = |pattern: &str, text: &str| {
        let regex = compile(pattern.as_bytes(), Syntax::Emacs, Meaning::default()).unwrap();
        regex.find_at(text.as_bytes(), 0).unwrap().map(|span| text[span].to_owned())
    };
    assert_eq!(found("ab+", "abb").as_deref(), Some("abb"));
    assert_eq!(found("ab\\+", "abb ab+").as_deref(), Some("ab+"));
    assert_eq!(found("\\(b\\|1\\)", "a1").as_deref(), Some("1"));
    assert_eq!(found("b\\{2\\}", "bb"), None);
}

#[test]
fn lists_of_texts() {
    let list = |words: &[&str], extent, any_case, text: &str| {
        let words: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
        let meaning = Meaning { any_case, ..Meaning::default() };
        let regex = compile_list(&words, Syntax::Fixed, meaning, extent).unwrap();
        let span = regex.find_at(text.as_bytes(), 0).unwrap();
        assert_eq!(span.is_some(), regex.is_match(text.as_bytes()).unwrap());
        span.map(|span| text[span].to_owned())
    };
    assert_eq!(list(&["ab", "abc"], Extent::Anywhere, false, "xabcd").as_deref(), Some("abc"));
    assert_eq!(list(&["ab", "abc"], Extent::Words, false, "xab abcd ab").as_deref(), Some("ab"));
    assert_eq!(list(&["ab", "abc"], Extent::Lines, true, "ABC").as_deref(), Some("ABC"));
    assert_eq!(list(&["ab", "abc"], Extent::Lines, false, "ABC"), None);
    assert_eq!(list(&["ab", "É"], Extent::Anywhere, true, "xé").as_deref(), Some("é"));
    assert_eq!(list(&[], Extent::Anywhere, false, "x"), None);
}

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn text(&mut self, parts: &[&'static [u8]], most: usize) -> Vec<u8> {
        let len = self.below(most + 1);
        (0..len).flat_map(|_| parts[self.below(parts.len())].to_vec()).collect()
    }
}

#[test]
fn both_engines_agree() {
    let parts: &[&[u8]] = &[
        b"a",
        b"b",
        b"c",
        b"(",
        b")",
        b"|",
        b"*",
        b"+",
        b"?",
        b"{2}",
        b"{0,1}",
        b"[ab]",
        b"[^a]",
        b".",
        b"^",
        b"$",
        b"\\<",
        b"\\b",
        b"\\w",
        b"\xc3\xa9",
        b"\xff",
    ];
    let mut numbers = Numbers(7);
    let mut tried = 0;
    for _ in 0..2000 {
        let chars = decode(&numbers.text(parts, 9));
        let meaning = Meaning { any_case: numbers.below(4) == 0, lines: numbers.below(4) == 0, lenient: true };
        let Ok((node, groups)) = parse::parse(&chars, Syntax::Extended, meaning, 0) else { continue };
        let regex = compile_chars(&chars, Syntax::Extended, meaning).unwrap();
        let program = program::compile(&node, groups, meaning.any_case).unwrap();
        for _ in 0..4 {
            let text = numbers.text(&[b"a", b"b", b"c", b" ", b"\n", b"A", b"\xc3\xa9", b"\xff"], 9);
            let mut memory = Memory::default();
            let found = program.search(&text, 0, &mut memory).unwrap().map(|places| places[0]..places[1]);
            let shown = (String::from_utf8_lossy(&encode(&chars)).into_owned(), String::from_utf8_lossy(&text).into_owned());
            assert_eq!(regex.find_at(&text, 0).unwrap(), found, "{shown:?} {meaning:?}");
            assert_eq!(regex.is_match(&text).unwrap(), found.is_some(), "{shown:?} {meaning:?}");
            tried += 1;
        }
    }
    assert!(tried > 1000, "{tried}");
}

#[test]
fn any_bytes_break_nothing() {
    let parts: &[&[u8]] = &[
        b"\\", b"(", b")", b"{", b"}", b",", b"1", b"9", b"[", b"]", b"[:", b":]", b"[.", b".]", b"alpha", b"-", b"^", b"$",
        b"*", b"|", b"a", b"\xc3", b"\xff", b"\0", b"\n", b"\\1",
    ];
    let mut numbers = Numbers(11);
    for _ in 0..4000 {
        let pattern = numbers.text(parts, 12);
        let text = numbers.text(parts, 6);
        for syntax in [Syntax::Basic, Syntax::Extended, Syntax::Emacs, Syntax::Fixed] {
            let meaning = Meaning { lenient: numbers.below(2) == 0, ..Meaning::default() };
            let Ok(regex) = compile(&pattern, syntax, meaning) else { continue };
            let _ = regex.is_match(&text);
            let _ = regex.captures_at(&text, 0);
        }
    }
}
