//! Columns under titles, as wide as the widest, two blanks or more between them.

use std::io::Write;

use kit::{Context, Result};

/// Write rows under their titles; with no rows the titles stand alone.
pub fn write(titles: &[&str], rows: &[Vec<String>]) -> Result<()> {
    let mut out = kit::out();
    out.write_all(text(titles, rows).as_bytes()).and_then(|()| out.flush()).doing("write the table")
}

fn text(titles: &[&str], rows: &[Vec<String>]) -> String {
    let mut all = vec![titles.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>()];
    all.extend(rows.iter().cloned());
    let width = |column: usize| all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    all.iter().map(line).collect()
}

/// Bytes as people read them, in a decimal unit with four digits, as crictl shows them.
pub fn bytes(count: u64) -> String {
    let units = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];
    let Some((unit, size)) = units.into_iter().find(|(_, size)| count >= *size) else { return format!("{count}B") };
    let digits = format!("{}.{:03}", count / size, count % size / (size / 1000));
    format!("{}{unit}", digits.get(..5).unwrap_or(&digits).trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_titles() {
        let rows = [vec!["a".to_owned(), "bcd".into(), "e".into()], vec!["long".into(), String::new(), "f".into()]];
        assert_eq!(text(&["X", "Y", "Z"], &rows), "X     Y    Z\na     bcd  e\nlong       f\n");
        assert_eq!(text(&["X", "Y"], &[]), "X  Y\n");
    }

    #[test]
    fn sizes_have_four_digits() {
        assert_eq!((bytes(12), bytes(1234), bytes(25_500_000)), ("12B".into(), "1.234kB".into(), "25.50MB".into()));
        assert_eq!((bytes(999_999), bytes(5_000_000_000_000)), ("999.9kB".into(), "5.000TB".into()));
    }
}
