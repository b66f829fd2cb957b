//! Circles of files: files of a crate that use each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{Modules, Name};
use crate::sources::Crate;

/// The files of a crate that are in circles, each with those in reach that lead back.
pub fn of(one: &Crate) -> BTreeMap<String, Vec<String>> {
    let modules = Modules::of(one);
    let arrows = arrows(&modules);
    let mut found = BTreeMap::new();
    for name in arrows.keys() {
        let back: Vec<String> = arrows[name].iter().filter(|next| reaches(&arrows, next, name)).map(shown).collect();
        if !back.is_empty() {
            found.insert(shown(name), back);
        }
    }
    found
}

/// Number of files in circles, by crate.
pub fn counts(crates: &[Crate]) -> BTreeMap<String, usize> {
    crates.iter().map(|one| (one.name.clone(), of(one).len())).filter(|(_, count)| *count > 0).collect()
}

/// Arrows from file to file.
fn arrows(modules: &Modules) -> BTreeMap<Name, BTreeSet<Name>> {
    let targets = |(from, module): (&Name, &crate::modules::Module)| {
        let found = module.paths.iter().filter_map(|path| modules.resolve(from, path)).filter(|to| to != from).collect();
        (from.clone(), found)
    };
    modules.0.iter().map(targets).collect()
}

fn reaches(arrows: &BTreeMap<Name, BTreeSet<Name>>, from: &Name, to: &Name) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(name) = next.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            next.extend(arrows.get(name).into_iter().flatten());
        }
    }
    false
}

fn shown(name: &Name) -> String {
    if name.is_empty() { "(root)".into() } else { name.join("::") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Source;

    fn one(files: &[(&str, &str)]) -> Crate {
        let source = |(path, text): &(&str, &str)| Source { path: format!("x/src/{path}").into(), text: (*text).into() };
        Crate { name: "x".into(), dir: "x".into(), uses: Vec::new(), files: files.iter().map(source).collect() }
    }

    fn circle(files: &[(&str, &str)]) -> Vec<String> {
        of(&one(files)).into_keys().collect()
    }

    #[test]
    fn a_table_and_the_type_of_its_rows_in_one_file_make_a_circle() {
        let table = "mod a; pub struct Row; const ROWS: &[Row] = &[a::ROW];";
        assert_eq!(circle(&[("lib.rs", table), ("a.rs", "use super::Row; pub const ROW: Row = Row;")]), ["(root)", "a"]);
        let table = "mod a; mod row; use row::Row; const ROWS: &[Row] = &[a::ROW];";
        let apart =
            [("lib.rs", table), ("a.rs", "use crate::row::Row; pub const ROW: Row = Row;"), ("row.rs", "pub struct Row;")];
        assert!(circle(&apart).is_empty());
    }

    #[test]
    fn a_re_export_is_no_arrow_and_is_seen_through() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::{B, C as D};"),
            ("a.rs", "pub struct A; fn f() { crate::D::new() }"),
            ("b.rs", "pub struct B; pub struct C;"),
        ];
        assert!(circle(&files).is_empty());
        let files = [files[0], files[1], ("b.rs", "use crate::{A, D}; pub struct B(A);")];
        assert_eq!(circle(&files), ["a", "b"]);
    }

    #[test]
    fn tests_and_foreign_crates_do_not_count() {
        let files = [
            ("main.rs", "mod a; fn main() { a::f(); std::fs::read(); }"),
            ("a/mod.rs", "mod b; pub fn f() {} #[cfg(test)] mod tests { use crate::main; }"),
            ("a/b.rs", "fn g() { super::super::a::f() }"),
        ];
        assert!(circle(&files).is_empty());
    }
}
