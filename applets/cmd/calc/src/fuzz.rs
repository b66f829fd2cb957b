//! Entry points of `tests/fuzz` for the parsers of untrusted input: each takes any bytes, and panics when an invariant does not hold.
#![expect(clippy::missing_panics_doc, reason = "to a broken invariant is reported to the fuzzer by a panic")]

use std::cmp::Ordering;
use std::panic::resume_unwind;

use crate::bc::STACK;
use crate::parse::Parser;
use crate::radix;

/// Text of bc, which is read and not run.
pub fn bc(bytes: &[u8]) {
    let bytes = bytes.to_vec();
    let read = move || drop(Parser::default().item(&bytes));
    if let Ok(thread) = std::thread::Builder::new().stack_size(STACK).spawn(read)
        && let Err(panic) = thread.join()
    {
        resume_unwind(panic);
    }
}

/// A scale, a base, and two numbers with a blank between them: quotient, rest, root and text agree with the numbers.
pub fn numbers(bytes: &[u8]) {
    let [scale, base, rest @ ..] = bytes else { return };
    let (scale, base) = (usize::from(scale % 40), u32::from(base % 15) + 2);
    let digits = |text: &[u8]| -> Vec<u8> {
        let mut points = 0;
        let kept = text.iter().map(u8::to_ascii_uppercase).filter(|c| {
            points += usize::from(*c == b'.');
            c.is_ascii_digit() || (b'A'..=b'F').contains(c) || (*c == b'.' && points == 1)
        });
        kept.take(2000).collect()
    };
    let at = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len() / 2);
    let (a, b) = (radix::parse(&digits(&rest[..at]), base), radix::parse(&digits(&rest[at..]), base));
    if let (Ok(quotient), Ok(remainder)) = (a.divide(&b, scale), a.remainder(&b, scale)) {
        let product = quotient.multiply(&b, quotient.scale + b.scale);
        assert_eq!(product.add(&remainder).compare(&a), Ordering::Equal, "quotient and rest are not those of the number");
    }
    if let Ok(root) = a.root(scale) {
        let square = root.multiply(&root, 2 * root.scale);
        assert_ne!(square.compare(&a), Ordering::Greater, "a root is too large");
    }
    let whole = a.with_scale(0);
    let text = radix::text(&whole, base);
    assert_eq!(radix::parse(text.as_bytes(), base).compare(&whole), Ordering::Equal, "a number is another one as text");
}
