//! The rules, asked of the tree.

use kit::Result;
use tidy::limits::{Limits, compare, listed, load};
use tidy::sources::{Crate, crates, judge, repository};
use tidy::{arrows, circles, lengths, words};

fn tree() -> Result<(Vec<Crate>, Limits)> {
    Ok((crates(&repository())?, load(&repository())?))
}

#[test]
fn arrows_go_down_the_floors() -> Result<()> {
    let (crates, limits) = tree()?;
    let mut complaints = arrows::unplaced(&crates);
    complaints.extend(listed(&arrows::wrong(&crates), &limits.arrows, "an arrow that the floors do not allow"));
    judge(&complaints)
}

#[test]
fn no_files_use_each_other() -> Result<()> {
    let (crates, limits) = tree()?;
    let counts = circles::counts(&crates);
    let mut complaints = compare(&counts, &limits.circles, "files that use each other");
    let grown = |one: &&Crate| counts.get(&one.name) > limits.circles.get(&one.name);
    complaints.extend(crates.iter().filter(grown).map(|one| format!("{}: {:#?}", one.name, circles::of(one))));
    judge(&complaints)
}

#[test]
fn functions_have_at_most_60_lines() -> Result<()> {
    let (crates, limits) = tree()?;
    judge(&listed(&lengths::long_functions(&crates), &limits.functions, "a function of more than 60 lines"))
}

#[test]
fn files_have_at_most_400_lines() -> Result<()> {
    let (crates, limits) = tree()?;
    judge(&listed(&lengths::long_files(&crates), &limits.files, "a file of more than 400 lines"))
}

#[test]
fn each_crate_has_a_readme() -> Result<()> {
    let (crates, _) = tree()?;
    let without = crates.iter().filter(|one| !repository().join(&one.dir).join("README.md").exists());
    judge(&without.map(|one| format!("{}: there is no README.md", one.dir.display())).collect::<Vec<_>>())
}

#[test]
fn comments_begin_with_a_noun_or_a_verb() -> Result<()> {
    let (crates, _) = tree()?;
    let told = |(name, count): (String, usize)| format!("{name}: {count} comments begin with a question word");
    judge(&words::questions(&crates).into_iter().map(told).collect::<Vec<_>>())
}

#[test]
fn a_directory_is_called_one() -> Result<()> {
    let (crates, _) = tree()?;
    let told = |(name, count): (String, usize)| format!("{name}: {count} lines with a desktop's word for a directory");
    judge(&words::desktop(&crates).into_iter().map(told).collect::<Vec<_>>())
}
