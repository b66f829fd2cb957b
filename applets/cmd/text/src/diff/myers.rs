//! Lines that two files have in common: Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), in linear space.

/// Steps of one search after which a good place is taken instead of the best: time stays bounded for files that share little.
const COST: isize = 1024;

/// Marks of the lines of each file that the other one lacks.
pub(super) struct Marks {
    pub(super) first: Vec<bool>,
    pub(super) second: Vec<bool>,
}

/// A part of both files that is to be compared.
struct Part {
    a: (usize, usize),
    b: (usize, usize),
}

struct Search<'a> {
    a: &'a [u32],
    b: &'a [u32],
    /// Farthest place on each diagonal, from the beginning and from the end.
    forward: Vec<isize>,
    backward: Vec<isize>,
    limit: isize,
}

/// Compare two files, whose lines are numbers: equal ones for equal lines.
pub(super) fn compare(a: &[u32], b: &[u32], minimal: bool) -> Marks {
    let mut marks = Marks { first: vec![false; a.len()], second: vec![false; b.len()] };
    // Lines that one file alone has need no search.
    let largest = a.iter().chain(b).max().map_or(0, |most| *most as usize + 1);
    let mut seen = vec![0_u8; largest];
    for (lines, bit) in [(a, 1), (b, 2)] {
        for line in lines {
            seen[*line as usize] |= bit;
        }
    }
    let shared = |lines: &[u32], marks: &mut [bool]| {
        let mut places = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            if seen[*line as usize] == 3 {
                places.push(at);
            } else {
                marks[at] = true;
            }
        }
        places
    };
    let (in_a, in_b) = (shared(a, &mut marks.first), shared(b, &mut marks.second));
    let short_a: Vec<u32> = in_a.iter().map(|at| a[*at]).collect();
    let short_b: Vec<u32> = in_b.iter().map(|at| b[*at]).collect();
    let diagonals = short_a.len() + short_b.len() + 3;
    let limit = if minimal { isize::MAX } else { COST.max(diagonals.isqrt() as isize) };
    let mut search = Search { a: &short_a, b: &short_b, forward: vec![0; diagonals], backward: vec![0; diagonals], limit };
    let mut parts = vec![Part { a: (0, short_a.len()), b: (0, short_b.len()) }];
    while let Some(part) = parts.pop() {
        let part = search.trim(part);
        if part.a.0 == part.a.1 {
            (part.b.0..part.b.1).for_each(|at| marks.second[in_b[at]] = true);
        } else if part.b.0 == part.b.1 {
            (part.a.0..part.a.1).for_each(|at| marks.first[in_a[at]] = true);
        } else {
            let (x, y) = search.middle(&part);
            parts.push(Part { a: (x, part.a.1), b: (y, part.b.1) });
            parts.push(Part { a: (part.a.0, x), b: (part.b.0, y) });
        }
    }
    slide(a, &mut marks.first, &marks.second);
    slide(b, &mut marks.second, &marks.first);
    marks
}

impl Search<'_> {
    /// Without equal lines at the beginning and the end.
    fn trim(&self, mut part: Part) -> Part {
        while part.a.0 < part.a.1 && part.b.0 < part.b.1 && self.a[part.a.0] == self.b[part.b.0] {
            part.a.0 += 1;
            part.b.0 += 1;
        }
        while part.a.0 < part.a.1 && part.b.0 < part.b.1 && self.a[part.a.1 - 1] == self.b[part.b.1 - 1] {
            part.a.1 -= 1;
            part.b.1 -= 1;
        }
        part
    }

    /// A place through which a shortest way leads, where the ways from both ends meet.
    fn middle(&mut self, part: &Part) -> (usize, usize) {
        let (a0, a1) = (part.a.0 as isize, part.a.1 as isize);
        let (b0, b1) = (part.b.0 as isize, part.b.1 as isize);
        // Diagonals are numbered x - y; this makes indexes of them.
        let base = self.b.len() as isize + 1;
        let index = |diagonal: isize| (diagonal + base) as usize;
        let (from, to) = (a0 - b0, a1 - b1);
        let odd = (from - to) & 1 != 0;
        let (lowest, highest) = (a0 - b1, a1 - b0);
        let (mut f, mut r) = ((from, from), (to, to));
        self.forward[index(from)] = a0;
        self.backward[index(to)] = a1;
        let mut cost = 0;
        loop {
            cost += 1;
            f = widen(f, (lowest, highest), &mut self.forward, index, -1);
            let mut diagonal = f.1;
            while diagonal >= f.0 {
                let (below, above) = (self.forward[index(diagonal - 1)], self.forward[index(diagonal + 1)]);
                let mut x = if below < above { above } else { below + 1 };
                while x < a1 && x - diagonal < b1 && self.a[x as usize] == self.b[(x - diagonal) as usize] {
                    x += 1;
                }
                self.forward[index(diagonal)] = x;
                if odd && (r.0..=r.1).contains(&diagonal) && self.backward[index(diagonal)] <= x {
                    return (x as usize, (x - diagonal) as usize);
                }
                diagonal -= 2;
            }
            r = widen(r, (lowest, highest), &mut self.backward, index, isize::MAX);
            let mut diagonal = r.1;
            while diagonal >= r.0 {
                let (below, above) = (self.backward[index(diagonal - 1)], self.backward[index(diagonal + 1)]);
                let mut x = if below < above { below } else { above - 1 };
                while x > a0 && x - diagonal > b0 && self.a[x as usize - 1] == self.b[(x - diagonal) as usize - 1] {
                    x -= 1;
                }
                self.backward[index(diagonal)] = x;
                if !odd && (f.0..=f.1).contains(&diagonal) && x <= self.forward[index(diagonal)] {
                    return (x as usize, (x - diagonal) as usize);
                }
                diagonal -= 2;
            }
            if cost >= self.limit {
                return self.farthest(part, f, index);
            }
        }
    }

    /// The place that is farthest from the beginning: not the best, but a good one.
    fn farthest(&self, part: &Part, diagonals: (isize, isize), index: impl Fn(isize) -> usize) -> (usize, usize) {
        let (a1, b1) = (part.a.1 as isize, part.b.1 as isize);
        let mut best = (part.a.0 as isize, part.b.0 as isize);
        let mut diagonal = diagonals.1;
        while diagonal >= diagonals.0 {
            let x = self.forward[index(diagonal)].min(a1).min(b1 + diagonal);
            let y = x - diagonal;
            if x >= part.a.0 as isize && y >= part.b.0 as isize && x + y > best.0 + best.1 {
                best = (x, y);
            }
            diagonal -= 2;
        }
        (best.0 as usize, best.1 as usize)
    }
}

/// One more diagonal on each side, as far as there are any.
fn widen(
    now: (isize, isize),
    limits: (isize, isize),
    places: &mut [isize],
    index: impl Fn(isize) -> usize,
    outside: isize,
) -> (isize, isize) {
    let mut next = now;
    if next.0 > limits.0 {
        next.0 -= 1;
        places[index(next.0 - 1)] = outside;
    } else {
        next.0 += 1;
    }
    if next.1 < limits.1 {
        next.1 += 1;
        places[index(next.1 + 1)] = outside;
    } else {
        next.1 -= 1;
    }
    next
}

/// Move each run of lines that were only added or only removed to the last place where it tells the same.
fn slide(lines: &[u32], marks: &mut [bool], other: &[bool]) {
    let mut at = 0;
    // Place in the other file that goes with `at`.
    let mut beside = 0;
    while at < lines.len() {
        while other.get(beside).copied().unwrap_or(false) {
            beside += 1;
        }
        if !marks[at] {
            at += 1;
            beside += 1;
            continue;
        }
        let mut start = at;
        let mut end = at;
        while end < lines.len() && marks[end] {
            end += 1;
        }
        let alone = beside == 0 || !other.get(beside - 1).copied().unwrap_or(false);
        while alone && end < lines.len() && lines[start] == lines[end] && !other.get(beside).copied().unwrap_or(false) {
            marks[start] = false;
            marks[end] = true;
            start += 1;
            end += 1;
            beside += 1;
            // Runs that meet become one.
            while end < lines.len() && marks[end] {
                end += 1;
            }
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length of a longest common subsequence, by the plain table.
    fn longest(a: &[u32], b: &[u32]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for x in a {
            let mut corner = 0;
            for (at, y) in b.iter().enumerate() {
                let above = row[at + 1];
                row[at + 1] = if x == y { corner + 1 } else { above.max(row[at]) };
                corner = above;
            }
        }
        row[b.len()]
    }

    #[test]
    fn what_is_left_is_common_and_longest() {
        let mut seed = 7_u32;
        let mut next = |limit: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % limit
        };
        for round in 0..600 {
            let letters = 1 + round % 6;
            let a: Vec<u32> = (0..next(30)).map(|_| next(letters)).collect();
            let b: Vec<u32> = (0..next(30)).map(|_| next(letters)).collect();
            let marks = compare(&a, &b, true);
            let kept = |lines: &[u32], marks: &[bool]| -> Vec<u32> {
                lines.iter().zip(marks).filter(|(_, mark)| !**mark).map(|(line, _)| *line).collect()
            };
            let (left, right) = (kept(&a, &marks.first), kept(&b, &marks.second));
            assert_eq!(left, right, "{a:?} {b:?}");
            assert_eq!(left.len(), longest(&a, &b), "{a:?} {b:?}");
        }
    }
}
