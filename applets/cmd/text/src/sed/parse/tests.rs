//! Scripts that are read, and scripts that are refused.

use super::*;

#[test]
fn scripts_that_are_good() {
    for script in [
        "s/a/b/g;p",
        "/x/,$d",
        "1~2{p;p}",
        "$!N;P;D",
        ":a;s/x/y/;ta",
        "a\\\ntext\\\nmore",
        "a text",
        "a\\",
        "a\\  text",
        "0,/re/s//x/",
        "y/abc/xyz/",
        "y/a\\/\\n/x\\ty/",
        "s|[/|]|\\||",
        "/a/I!d",
        "2,+3p",
        "2,~4p",
        "# comment\np",
        "s/a/b/w file",
        "b;",
        "/[[:space:]/]/d",
        "{p};p",
        "{:a};ba",
        "5q3",
        "\\,x,p",
        "s/\\(a\\)\\1/\\1/",
        "F;z;l 5;R f",
        "v 4.2\np",
    ] {
        let parsed = parse(script.as_bytes(), false, Rules::default());
        assert!(parsed.is_ok(), "{script}: {:?}", parsed.err());
    }
}

#[test]
fn scripts_that_are_not() {
    for script in [
        "s/a/b",
        "k",
        "{p",
        "p}",
        "bnowhere",
        "y/a/bc/",
        "p p",
        "0p",
        "s/a/\\1/",
        "1,p",
        ":",
        "/a",
        "L",
        "1!!p",
        "s/a/b/gg",
        "s/a/b/0",
        "s/a/b/2 3",
        "s//x/I",
        "0~0p",
        "a",
        "i ",
        "1:a",
        "1}",
        "v 9.9",
        "s/a/\\c\\d/",
        "s/a\nb/x/",
        "s/a/x\ny/",
        "1,2q",
        "99999999999999999999p",
        "r",
        "w",
        "s",
        "s/a",
        "y/a",
        "\\",
        "1,",
        "1,+p",
        "s/[a/b/",
        "s/a\\",
        "{",
        "2,0p",
        "s\\a\\b\\",
    ] {
        assert!(parse(script.as_bytes(), false, Rules::default()).is_err(), "{script}");
    }
    for script in ["e", "e true", "s/a/b/e", "r x", "w x", "s/a/b/w x"] {
        assert!(parse(script.as_bytes(), false, Rules { sandbox: true, ..Rules::default() }).is_err(), "{script} in a sandbox");
        assert!(parse(script.as_bytes(), false, Rules::default()).is_ok(), "{script}");
    }
}

#[test]
fn additions_of_gnu_are_mistakes_for_posix() {
    let rules = Rules { posix: true, ..Rules::default() };
    for script in [
        "F",
        "z",
        "Q",
        "1~2d",
        "0,/a/d",
        "1,+1d",
        "aX",
        "a\\",
        "s/a/b/e",
        "s/a/b/I",
        "/a/Id",
        "1,2i\\\nk",
        "1,2=",
        "1q5",
        "l 3",
        "0r x",
    ] {
        assert!(parse(script.as_bytes(), false, rules).is_err(), "{script}");
    }
    for script in ["1a\\X", "s/a/\\U&/", "s/[\\n]//", "1{p}", "$!N;P;D", "s/a\\|b//w f", "1,2c\\\nt"] {
        assert!(parse(script.as_bytes(), false, rules).is_ok(), "{script}");
    }
}

#[test]
fn any_beginning_of_a_script_ends() {
    let script = b"0,/a[[:x:]\\n]/I!{s/\\(a\\)*\\1[^]]/\\u&\\x41\\c[/2gw f\n};y/\\d65\xff/\\na/;a\\\n x\\\n;$!N;:a;ba";
    for end in 0..script.len() {
        for start in 0..end {
            let _ = parse(&script[start..end], start % 2 == 0, Rules::default());
        }
    }
}
