//! `sizes.svg`: what takes the room, as rectangles of that size in rectangles.

use std::fmt::Write as _;

/// Something with a size, and what it is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// For people.
    pub name: String,
    /// In bytes, as it lies in the file.
    pub bytes: f64,
    /// Their sizes need not be of the same measure: what they show is their share.
    pub parts: Vec<Item>,
}

/// A place on the picture, in its units.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

const WHOLE: Rect = Rect { x: 0.0, y: 0.0, width: 1200.0, height: 800.0 };
/// The room of a title above what an item is made of.
const TITLE: f64 = 16.0;
/// Too small for a text.
const NARROW: f64 = 40.0;
const LOW: f64 = 12.0;
/// A letter's width.
const LETTER: f64 = 6.2;
/// One for each item of the first level, in turn.
const COLOURS: &[&str] = &["#7aa6c2", "#8fbf8f", "#d9a066", "#b48ead", "#c2b280", "#cf7f7f"];

/// The picture.
pub fn svg(title: &str, items: &[Item]) -> String {
    let Rect { width, height, .. } = WHOLE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\" font-family=\"sans-serif\" font-size=\"11\">\n",
        height + TITLE
    );
    let total: f64 = items.iter().map(|item| item.bytes).sum();
    text(&mut out, Rect { height: TITLE, ..WHOLE }, &format!("{title}: {}", megabytes(total)));
    let below = Rect { y: TITLE, ..WHOLE };
    for (index, (item, place)) in places(items, below).into_iter().enumerate() {
        draw(&mut out, item, place, item.bytes, COLOURS[index % COLOURS.len()]);
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, item: &Item, place: Rect, bytes: f64, colour: &str) {
    let Rect { x, y, width, height } = place;
    let label = format!("{} {}", item.name, megabytes(bytes));
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\" stroke=\"#fff\"><title>{}</title></rect>",
        escaped(&label)
    );
    text(out, place, &label);
    if height < 2.0 * TITLE || item.parts.is_empty() {
        return;
    }
    let total: f64 = item.parts.iter().map(|part| part.bytes).sum();
    let below = Rect { x: x + 2.0, y: y + TITLE, width: (width - 4.0).max(0.0), height: height - TITLE - 2.0 };
    for (part, place) in places(&item.parts, below) {
        draw(out, part, place, bytes * part.bytes / total, colour);
    }
}

fn text(out: &mut String, place: Rect, label: &str) {
    if place.width < NARROW || place.height < LOW {
        return;
    }
    let shown: String = label.chars().take(((place.width - 4.0) / LETTER) as usize).collect();
    let _ = writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", place.x + 2.0, place.y + 11.0, escaped(&shown));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn megabytes(bytes: f64) -> String {
    format!("{:.2} MB", bytes / 1e6)
}

/// Rows that are as near to squares as can be, along the shorter side (after Bruls, Huizing, van Wijk: "Squarified Treemaps").
fn places(items: &[Item], place: Rect) -> Vec<(&Item, Rect)> {
    let mut sorted: Vec<&Item> = items.iter().filter(|item| item.bytes > 0.0).collect();
    sorted.sort_by(|a, b| b.bytes.total_cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    let (mut left, mut rest, mut out) = (sorted.as_slice(), place, Vec::new());
    while !left.is_empty() {
        let total: f64 = left.iter().map(|item| item.bytes).sum();
        let scale = rest.width * rest.height / total;
        let side = rest.width.min(rest.height);
        let mut count = 1;
        while count < left.len() && worst(&left[..=count], side, scale) <= worst(&left[..count], side, scale) {
            count += 1;
        }
        let (row, others) = left.split_at(count);
        rest = lay(row, rest, scale, &mut out);
        left = others;
    }
    out
}

/// Returns the worst aspect ratio of a row: 1 is a square.
fn worst(row: &[&Item], side: f64, scale: f64) -> f64 {
    let sum: f64 = row.iter().map(|item| item.bytes * scale).sum();
    let ratio = |area: f64| (side * side * area / (sum * sum)).max(sum * sum / (side * side * area));
    row.iter().map(|item| ratio(item.bytes * scale)).fold(0.0, f64::max)
}

/// Put a row along the shorter side; what is left.
fn lay<'a>(row: &[&'a Item], rest: Rect, scale: f64, out: &mut Vec<(&'a Item, Rect)>) -> Rect {
    let sum: f64 = row.iter().map(|item| item.bytes * scale).sum();
    let across = rest.width < rest.height;
    let thick = sum / rest.width.min(rest.height);
    let mut at = 0.0;
    for item in row {
        let long = item.bytes * scale / thick;
        out.push((
            *item,
            if across {
                Rect { x: rest.x + at, y: rest.y, width: long, height: thick }
            } else {
                Rect { x: rest.x, y: rest.y + at, width: thick, height: long }
            },
        ));
        at += long;
    }
    if across {
        Rect { y: rest.y + thick, height: (rest.height - thick).max(0.0), ..rest }
    } else {
        Rect { x: rest.x + thick, width: (rest.width - thick).max(0.0), ..rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, bytes: f64) -> Item {
        Item { name: name.to_owned(), bytes, parts: Vec::new() }
    }

    #[test]
    fn areas_are_sizes_and_do_not_overlap() {
        let items: Vec<Item> = [6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0, 0.0].iter().map(|bytes| item("x", *bytes)).collect();
        let placed = places(&items, Rect { x: 0.0, y: 0.0, width: 6.0, height: 4.0 });
        assert_eq!(placed.len(), 7);
        for (index, (item, a)) in placed.iter().enumerate() {
            assert!((a.width * a.height - item.bytes).abs() < 1e-9, "{a:?}");
            assert!(a.x + a.width < 6.0 + 1e-9 && a.y + a.height < 4.0 + 1e-9, "{a:?}");
            for (_, b) in &placed[..index] {
                let apart = a.x + 1e-9 > b.x + b.width || b.x + 1e-9 > a.x + a.width;
                assert!(apart || a.y + 1e-9 > b.y + b.height || b.y + 1e-9 > a.y + a.height, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn names_are_escaped_and_parts_are_shares() {
        let whole = Item { parts: vec![item("<a>", 3.0), item("b", 1.0)], ..item("core", 8e6) };
        let picture = svg("x86_64-qemu", &[whole, item("tiny", 1.0)]);
        assert!(picture.contains("&lt;a&gt; 6.00 MB") && picture.contains("b 2.00 MB"), "{picture}");
        assert_eq!(picture.matches("<rect").count(), 4);
    }
}
