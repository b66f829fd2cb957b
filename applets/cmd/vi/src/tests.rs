//! Keys in, text out: sessions without a terminal.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::buffer::Buffer;
use crate::editor::Editor;
use crate::keys::Keys;

/// The text after a session.
fn typed(text: &str, keys: &str) -> String {
    let mut editor = Editor::new(Keys::script(keys.as_bytes()), Vec::new());
    editor.buffer = Buffer::new(text.as_bytes());
    editor.run().unwrap();
    String::from_utf8_lossy(&editor.bytes(0, editor.buffer.len())).into_owned()
}

#[track_caller]
fn check(text: &str, cases: &[(&str, &str)]) {
    for (keys, expected) in cases {
        assert_eq!(typed(text, keys), *expected, "{keys:?}");
    }
}

#[test]
fn deleting() {
    let text = "one two three\n  four five\nsix\n";
    check(
        text,
        &[
            ("x", "ne two three\n  four five\nsix\n"),
            ("3x", " two three\n  four five\nsix\n"),
            ("dw", "two three\n  four five\nsix\n"),
            ("2dw", "three\n  four five\nsix\n"),
            ("d2w", "three\n  four five\nsix\n"),
            ("$dw", "one two thre\n  four five\nsix\n"),
            ("wD", "one \n  four five\nsix\n"),
            ("dd", "  four five\nsix\n"),
            ("2dd", "six\n"),
            ("dG", ""),
            ("jdgg", "six\n"),
            ("Gdk", "one two three\n"),
            ("dfw", "o three\n  four five\nsix\n"),
            ("dtw", "wo three\n  four five\nsix\n"),
            ("$d0", "e\n  four five\nsix\n"),
            ("wdiw", "one  three\n  four five\nsix\n"),
            ("wdaw", "one three\n  four five\nsix\n"),
            ("d/four\r", "four five\nsix\n"),
            ("dj.", "six\n"),
            ("wX", "onetwo three\n  four five\nsix\n"),
            ("vjd", " four five\nsix\n"),
            ("Vd", "  four five\nsix\n"),
        ],
    );
}

#[test]
fn inserting() {
    check(
        "ab\ncd\n",
        &[
            ("iX\x1b", "Xab\ncd\n"),
            ("aX\x1b", "aXb\ncd\n"),
            ("AX\x1b", "abX\ncd\n"),
            ("3iX\x1b", "XXXab\ncd\n"),
            ("oX\x1b", "ab\nX\ncd\n"),
            ("OX\x1b", "X\nab\ncd\n"),
            ("2oX\x1b", "ab\nX\nX\ncd\n"),
            ("iX\rY\x1b", "X\nYab\ncd\n"),
            ("ix y\x17\x1b", "x ab\ncd\n"),
            ("iXY\x08Z\x1b", "XZab\ncd\n"),
            ("RXY\x1b", "XY\ncd\n"),
            ("RX\x08\x1b", "ab\ncd\n"),
            ("cwnew\x1b", "new\ncd\n"),
            ("Cnew\x1b", "new\ncd\n"),
            ("Snew\x1b", "new\ncd\n"),
            ("sX\x1bj.", "Xb\nXd\n"),
            ("ccnew\x1bj.", "new\nnew\n"),
            (":set ai\rI  \x1boX\x1b", "  ab\n  X\ncd\n"),
        ],
    );
}

#[test]
fn registers_marks_and_undo() {
    check(
        "a\nb\nc\n",
        &[
            ("yyp", "a\na\nb\nc\n"),
            ("yyjP", "a\na\nb\nc\n"),
            ("ddp", "b\na\nc\n"),
            ("\"ayyj\"Ayyj\"ap", "a\nb\nc\na\nb\n"),
            ("dddd\"1p", "c\nb\n"),
            ("dddd\"2p", "c\na\n"),
            ("maGd'a", ""),
            ("maGy'aP", "a\nb\nc\na\nb\nc\n"),
            ("ddu", "a\nb\nc\n"),
            ("dddduu", "a\nb\nc\n"),
            ("dddduu\x12", "b\nc\n"),
            ("xpu", "\nb\nc\n"),
            ("3J", "a b c\n"),
            ("rZ", "Z\nb\nc\n"),
            ("~", "A\nb\nc\n"),
            (">>", "\ta\nb\nc\n"),
            (">j<j", "a\nb\nc\n"),
            ("yy3p", "a\na\na\na\nb\nc\n"),
        ],
    );
}

#[test]
fn motions() {
    let text = "if (a[1]) {\n  b(c, d);\n}\n\nLast sentence. Next one.\n";
    check(
        text,
        &[
            ("$d%", "if (a[1]) \n\nLast sentence. Next one.\n"),
            ("f[d%", "if (a) {\n  b(c, d);\n}\n\nLast sentence. Next one.\n"),
            ("d}", "\nLast sentence. Next one.\n"),
            ("Gd{", "if (a[1]) {\n  b(c, d);\n}\nLast sentence. Next one.\n"),
            ("Gd)", "if (a[1]) {\n  b(c, d);\n}\n\nNext one.\n"),
            ("j^fcdi(", "if (a[1]) {\n  b();\n}\n\nLast sentence. Next one.\n"),
            ("jfcf,;x", "if (a[1]) {\n  b(c d);\n}\n\nLast sentence. Next one.\n"),
            ("jwwx", "if (a[1]) {\n  bc, d);\n}\n\nLast sentence. Next one.\n"),
            ("/Next\rD", "if (a[1]) {\n  b(c, d);\n}\n\nLast sentence. \n"),
            ("G?b\rx", "if (a[1]) {\n  (c, d);\n}\n\nLast sentence. Next one.\n"),
            ("G$bbD", "if (a[1]) {\n  b(c, d);\n}\n\nLast sentence. \n"),
        ],
    );
}

#[test]
fn ex_commands() {
    check(
        "one\ntwo\nthree\n",
        &[
            (":2d\r", "one\nthree\n"),
            (":%s/o/0/\r", "0ne\ntw0\nthree\n"),
            (":%s/e/E/g\r", "onE\ntwo\nthrEE\n"),
            (":s/\\(o\\)\\(n\\)/\\2\\1/\r", "noe\ntwo\nthree\n"),
            (":s/n/&&/|s/e/\\r/\r", "onn\n\ntwo\nthree\n"),
            (":g/o/d\r", "three\n"),
            (":v/o/d\r", "one\ntwo\n"),
            (":g/^/m0\r", "three\ntwo\none\n"),
            (":1t.\r", "one\none\ntwo\nthree\n"),
            (":1m$\r", "two\nthree\none\n"),
            (":2,3j\r", "one\ntwo three\n"),
            (":/two/,$d\r", "one\n"),
            (":2\rx", "one\nwo\nthree\n"),
            (":%!sort -r\r", "two\nthree\none\n"),
            (":r !echo x\r", "one\nx\ntwo\nthree\n"),
            (":0r !echo x\r", "x\none\ntwo\nthree\n"),
            ("!jtr a-z A-Z\r", "ONE\nTWO\nthree\n"),
            (":1,2>\r", "\tone\n\ttwo\nthree\n"),
            (":1y a|$put a\r", "one\ntwo\nthree\none\n"),
            (":g/o/norm Ax\r", "onex\ntwox\nthree\n"),
            (":set ic\r/TWO\rx", "one\nwo\nthree\n"),
            (":nonsense\rx", "ne\ntwo\nthree\n"),
        ],
    );
}

#[test]
fn bytes_that_are_no_characters_stay() {
    let mut editor = Editor::new(Keys::script("xA\u{e4}\x1b".as_bytes()), Vec::new());
    editor.buffer = Buffer::new(b"\xff\x00b\xc3\xa9\n\x80");
    editor.run().unwrap();
    assert_eq!(editor.bytes(0, 2), b"\x00b\xc3\xa9\xc3\xa4\n\x80");
}

#[test]
fn no_keys_break_it() {
    // Without `:` and `!`, which write files and run programs.
    let keys: Vec<char> = "hjklwbeWBE0^$G{}()%fFtT;,dcy<>xXDCYpPJrR~uU.iaIAoOsSvVgz\"'`ma*#nN/?|+-_@&123 \n\t\x1b\x1b\x1b\x06\x02\x04\x15\x12\x16\x17\x08é日"
        .chars()
        .collect();
    let mut seed = 7u64;
    let mut next = |limit: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % limit
    };
    let texts = ["", "a", "one two\n  (three) [four] {five}\n\n\tsix. Seven\n", "äö日本\n\u{301}x\n", "x\n\n\ny"];
    for _ in 0..3000 {
        let typed_keys: String = (0..next(40)).map(|_| keys[next(keys.len())]).collect();
        let text = texts[next(texts.len())];
        typed(text, &typed_keys);
    }
}
