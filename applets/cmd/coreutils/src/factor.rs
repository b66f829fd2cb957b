//! `factor [-h] [NUMBER]...` prints the prime factors of numbers up to 2^64 - 1; without numbers, of those in standard input.
//!
//! Exit status: 0, 1 something is no such number.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

/// Prime factors.
pub const FACTOR: Applet = Applet { name: "factor", about: "print prime factors of numbers", place: Place::Bin, run };

#[derive(Parser)]
#[command(disable_help_flag = true, args_override_self = true)]
struct Options {
    /// A factor once, with its exponent.
    #[arg(short = 'h', long)]
    exponents: bool,
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// The numbers.
    numbers: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&FACTOR, args)?;
    let mut out = out();
    let mut exit = Exit::OK;
    let mut each = |word: &str, out: &mut dyn Write| -> Result<()> {
        let digits = word.strip_prefix('+').unwrap_or(word);
        let number = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(number) = number else {
            exit = Exit::FAILED;
            // A closed standard error loses the message.
            let _ = writeln!(io::stderr(), "factor: '{word}' is no number from 0 to {}", u64::MAX);
            return Ok(());
        };
        out.write_all(line(number, options.exponents).as_bytes()).doing("write standard output")
    };
    for word in &options.numbers {
        each(word.to_string_lossy().trim(), &mut out)?;
    }
    if options.numbers.is_empty() {
        for line in io::stdin().lock().split(b'\n') {
            let line = line.doing("read standard input")?;
            for word in String::from_utf8_lossy(&line).split_whitespace() {
                each(word, &mut out)?;
            }
        }
    }
    out.flush().doing("write standard output")?;
    Ok(exit)
}

fn line(number: u64, exponents: bool) -> String {
    let mut line = format!("{number}:");
    let factors = factors(number);
    for same in factors.chunk_by(|a, b| a == b) {
        match (same, exponents) {
            ([factor], _) => line.extend([format!(" {factor}")]),
            ([factor, ..], true) => line.extend([format!(" {factor}^{}", same.len())]),
            _ => same.iter().for_each(|factor| line.extend([format!(" {factor}")])),
        }
    }
    line + "\n"
}

/// Prime factors, sorted.
fn factors(number: u64) -> Vec<u64> {
    let (mut rest, mut factors) = (number, Vec::new());
    for small in std::iter::once(2).chain((3..1000).step_by(2)) {
        while rest > 1 && rest.is_multiple_of(small) {
            factors.push(small);
            rest /= small;
        }
    }
    let mut open = if rest > 1 { vec![rest] } else { Vec::new() };
    while let Some(number) = open.pop() {
        if is_prime(number) {
            factors.push(number);
        } else {
            let divisor = divisor(number);
            open.extend([divisor, number / divisor]);
        }
    }
    factors.sort_unstable();
    factors
}

fn times(a: u64, b: u64, modulus: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(modulus)) as u64
}

fn power(base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let (mut base, mut result) = (base % modulus, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base, modulus);
        }
        base = times(base, base, modulus);
        exponent >>= 1;
    }
    result
}

/// The test of Miller and Rabin with the bases that are enough for 64 bits. The number is odd and has no small factor.
fn is_prime(number: u64) -> bool {
    let twos = (number - 1).trailing_zeros();
    let odd = (number - 1) >> twos;
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].iter().all(|base| {
        let mut x = power(*base, odd, number);
        x == 1
            || (0..twos).any(|_| {
                let found = x == number - 1;
                x = times(x, x, number);
                found
            })
    })
}

/// A divisor of a number that is none itself: Pollard's rho in the form of Brent. The number is composed.
fn divisor(number: u64) -> u64 {
    for add in 1.. {
        let (mut x, mut y, mut d) = (2, 2, 1);
        let step = |x| ((u128::from(times(x, x, number)) + add) % u128::from(number)) as u64;
        while d == 1 {
            x = step(x);
            y = step(step(y));
            d = common(x.abs_diff(y), number);
        }
        if d != number {
            return d;
        }
    }
    number
}

fn common(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (number, expected) in [
            (0, "0:\n"),
            (1, "1:\n"),
            (12, "12: 2 2 3\n"),
            (97, "97: 97\n"),
            (1_000_003 * 1_000_033, "1000036000099: 1000003 1000033\n"),
            (u64::MAX, "18446744073709551615: 3 5 17 257 641 65537 6700417\n"),
            (18_446_744_073_709_551_557, "18446744073709551557: 18446744073709551557\n"),
            (1_000_003 * 1_000_003, "1000006000009: 1000003 1000003\n"),
        ] {
            assert_eq!(line(number, false), expected);
        }
        assert_eq!(line(72, true), "72: 2^3 3^2\n");
    }
}
