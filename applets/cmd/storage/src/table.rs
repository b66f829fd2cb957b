//! Tables in columns.

/// Rows of cells in columns with a blank between; the columns of numbers stand at the right. Raw cells are not padded.
pub fn plain(rows: &[Vec<String>], is_number: impl Fn(usize) -> bool, is_raw: bool) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(if is_raw { 0 } else { widths[at] - cell.chars().count() });
            let gap = if at == 0 { "" } else { " " };
            let parts = match (is_number(at), at + 1 == columns) {
                (true, _) => [gap, &blanks, cell, ""],
                (false, true) => [gap, cell, "", ""],
                (false, false) => [gap, cell, &blanks, ""],
            };
            text.extend(parts);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_the_right() {
        let rows = [vec!["NAME".to_owned(), "SIZE".to_owned()], vec!["a".to_owned(), "1K".to_owned()]];
        assert_eq!(plain(&rows, |at| at == 1, false), "NAME SIZE\na      1K\n");
        assert_eq!(plain(&rows, |at| at == 1, true), "NAME SIZE\na 1K\n");
    }
}
