//! Tables in the forms of util-linux: aligned, raw, pairs of name and value, and JSON.

/// Value of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// Number, bare in JSON.
    Number(u64),
    /// Yes or no, `true` or `false` in JSON.
    Flag(bool),
    /// Nothing: `null` in JSON.
    Missing,
}

impl Cell {
    /// Text of the cell, with something for a missing one.
    pub fn text(&self, missing: &str) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Self::Missing => missing.to_owned(),
        }
    }

    fn json(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Missing => "null".to_owned(),
        }
    }
}

/// Table: names of columns, with `true` for those that stand at the left, and rows.
#[derive(Debug, Default)]
pub struct Table {
    /// Columns.
    pub columns: Vec<(String, bool)>,
    /// Rows, each with a cell a column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Lines with aligned columns, none narrower than `least` says of its name.
    pub fn aligned(&self, headings: bool, least: &dyn Fn(&str) -> usize) -> Vec<String> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        if headings {
            rows.push(self.columns.iter().map(|(name, _)| name.clone()).collect());
        }
        rows.extend(self.rows.iter().map(|row| row.iter().map(|cell| cell.text("-")).collect()));
        let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = self.columns.iter().enumerate().map(|(at, (name, _))| width(at).max(least(name))).collect();
        rows.iter().map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().zip(widths).zip(&self.columns);
        let cells =
            cells.map(|((cell, width), (_, left))| if *left { format!("{cell:<width$}") } else { format!("{cell:>width$}") });
        let cells = cells.collect::<Vec<_>>();
        let ends_left = self.columns.last().is_some_and(|(_, left)| *left);
        let line = cells.join(" ");
        if ends_left { line.trim_end().to_owned() } else { line }
    }

    /// Lines with one blank between columns.
    pub fn raw(&self, headings: bool) -> Vec<String> {
        let names = self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ");
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| cell.text("")).collect::<Vec<_>>().join(" "));
        headings.then_some(names).into_iter().chain(rows).collect()
    }

    /// Lines of `NAME="VALUE"`.
    pub fn pairs(&self) -> Vec<String> {
        let pair = |((name, _), cell): (&(String, bool), &Cell)| format!("{name}={}", quoted(&cell.text("")));
        let row = |row: &Vec<Cell>| self.columns.iter().zip(row).map(pair).collect::<Vec<_>>().join(" ");
        self.rows.iter().map(row).collect()
    }

    /// Lines of a JSON object that holds the rows under a name.
    pub fn json(&self, name: &str) -> Vec<String> {
        let mut lines = vec!["{".to_owned(), format!("   {}: [", quoted(name))];
        for (at, row) in self.rows.iter().enumerate() {
            lines.push(if at == 0 { "      {" } else { "      },{" }.to_owned());
            for (at, ((name, _), cell)) in self.columns.iter().zip(row).enumerate() {
                let comma = if at + 1 < row.len() { "," } else { "" };
                lines.push(format!("         {}: {}{comma}", quoted(&name.to_lowercase()), cell.json()));
            }
        }
        if !self.rows.is_empty() {
            lines.push("      }".to_owned());
        }
        lines.extend(["   ]".to_owned(), "}".to_owned()]);
        lines
    }
}

/// Text as a JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Bytes with a unit and at most one decimal place: `2.9G`, or `96 KiB` with `long`.
pub fn size(bytes: u64, long: bool) -> String {
    let units = ["", "K", "M", "G", "T", "P", "E"];
    let at = (bytes.max(1).ilog2() / 10) as usize;
    let unit = 1u64 << (10 * at);
    let (mut whole, mut tenths) = (bytes / unit, (u128::from(bytes % unit) * 10 + u128::from(unit / 2)) / u128::from(unit));
    if tenths == 10 {
        (whole, tenths) = (whole + 1, 0);
    }
    let point = if tenths == 0 { String::new() } else { format!(".{tenths}") };
    let unit = units.get(at).copied().unwrap_or_default();
    match (long, unit) {
        (true, "") => format!("{whole}{point} B"),
        (true, unit) => format!("{whole}{point} {unit}iB"),
        (false, "") => format!("{whole}{point}B"),
        (false, unit) => format!("{whole}{point}{unit}"),
    }
}

/// Numbers as a list in which three or more in a row are a range: `0,1,4-7`.
pub fn ranges(numbers: &[u32]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = numbers;
    while let Some(first) = rest.first() {
        let length = rest.iter().zip(*first..).take_while(|(number, next)| *number == next).count();
        let (run, after) = rest.split_at(length.max(1));
        match run {
            [first, .., last] if run.len() > 2 => parts.push(format!("{first}-{last}")),
            run => parts.extend(run.iter().map(u32::to_string)),
        }
        rest = after;
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_as_util_linux_does() {
        assert_eq!([size(3_087_007_744, false), size(0, false), size(1 << 27, false)], ["2.9G", "0B", "128M"]);
        assert_eq!([size(98_304, true), size(512, true), size(3 << 19, true)], ["96 KiB", "512 B", "1.5 MiB"]);
    }

    #[test]
    fn runs_of_three_are_ranges() {
        assert_eq!(ranges(&[0, 1, 4, 5, 6, 9]), "0,1,4-6,9");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn json_has_an_object_a_row() {
        let columns = vec![("A".to_owned(), true), ("B".to_owned(), false)];
        let table = Table { columns, rows: vec![vec![Cell::Text("x\"".into()), Cell::Flag(true)]] };
        assert_eq!(table.json("t").concat(), "{   \"t\": [      {         \"a\": \"x\\\"\",         \"b\": true      }   ]}");
        assert_eq!(table.aligned(true, &str::len), ["A    B", "x\" yes"]);
    }
}
