//! Texts and what becomes of them.

use super::{Parser, Settings};
use std::rc::Rc;

fn parses(text: &str) -> bool {
    let settings: Rc<Settings> = Rc::default();
    let mut parser = Parser::of_text(text.as_bytes(), &settings, 1);
    loop {
        match parser.next_command() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

#[test]
fn commands() {
    for text in [
        "echo a; echo b & wait",
        "if a; then b; elif c; then d; else e; fi >f 2>&1",
        "for i in 1 2; do echo $i; done; for i; do :; done",
        "for ((i=0; i<3; i++)); do echo; done",
        "case $x in a|b) c;; (d) ;; *) e;& f) g;;& esac",
        "f() { :; }; function g { :; }; function h() (:)",
        "cat <<X | cat <<-'Y'\na $(b)\nX\n\tc\n\tY\n",
        "[[ a == b* && ( -f c || ! d =~ ^(x|y)+$ ) ]]",
        "(( a += 2, b < 3 ))",
        "a=(1 [3]=x\n y) b[1+1]=3 c+=d e",
        "x=$(case a in a) echo b;; esac)",
        "echo $((1+(2*3))) $( (a) ) \"$(echo \"b)\")\" `echo \\`c\\``",
        "echo ${a:-\"b}c\"} ${#a} ${a##*/} ${a/b/c} ${a:1:2} ${!a*} ${a[@]}",
        "coproc X { :; }; select a in b; do :; done; time -p a | b; ! a",
        "echo a |& cat; b &>c; {fd}>d; e <(f) >(g)",
        "((a); b)",
        "while a; do b; done <<X\nc\nX\n",
        "echo \\\n a # comment\n",
    ] {
        assert!(parses(text), "{text}");
    }
    for text in ["if", "echo a;;", ")", "(", "{ a", "case a in", "echo 'a", "a && ", "for", "x=$(", "fi", "| a", "f( {"] {
        assert!(!parses(text), "{text}");
    }
}

#[test]
fn nesting_has_an_end() {
    assert!(!parses(&"(".repeat(100_000)));
    assert!(!parses(&"$(".repeat(100_000)));
    assert!(!parses(&"\"${a:-".repeat(100_000)));
    assert!(!parses(&"! ".repeat(1000).trim_end().replace('!', "if")));
}
