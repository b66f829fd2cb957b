//! Modules of a crate, and which file a path leads to: through re-exports to the file that has the thing itself.

use std::collections::BTreeMap;
use std::path::Path;

use crate::scan::{Token, closed, tokens, without_tests};
use crate::sources::Crate;

/// Path of a module: its names from the crate's root.
pub type Name = Vec<String>;

/// Most re-exports on one way: more is a circle of them.
const HOPS: usize = 8;

/// A file as a module.
#[derive(Debug, Default)]
pub struct Module {
    /// Paths that it names, each from its first word on.
    pub paths: Vec<Name>,
    /// Names that its imports bring, and the paths they stand for.
    imports: BTreeMap<String, Name>,
}

/// All modules of a crate that are files.
#[derive(Debug, Default)]
pub struct Modules(pub BTreeMap<Name, Module>);

impl Modules {
    /// The modules of the library, or of the program where there is none.
    pub fn of(one: &Crate) -> Self {
        let source = one.dir.join("src");
        let has_library = one.files.iter().any(|file| file.path == source.join("lib.rs"));
        let root = if has_library { "lib.rs" } else { "main.rs" };
        let mut all = BTreeMap::new();
        for file in &one.files {
            let Ok(below) = file.path.strip_prefix(&source) else { continue };
            if let Some(name) = name_of(below, root) {
                all.insert(name, read(&without_tests(&tokens(&file.text))));
            }
        }
        Self(all)
    }

    /// The file to which a path in `from` leads; none outside of this crate.
    pub fn resolve(&self, from: &Name, path: &[String]) -> Option<Name> {
        self.follow(from, path, HOPS)
    }

    fn follow(&self, from: &Name, path: &[String], hops: usize) -> Option<Name> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Name::new(),
            "self" => from.clone(),
            "super" => from.split_last()?.1.to_vec(),
            _ => self.child(from, first)?,
        };
        while let Some((word, more)) = rest.split_first() {
            if word == "super" {
                at.pop()?;
            } else if let Some(child) = self.child(&at, word) {
                at = child;
            } else {
                let import = self.0.get(&at)?.imports.get(word).filter(|_| hops > 0);
                return match import {
                    Some(path) => {
                        let path = [path.as_slice(), more].concat();
                        self.follow(&at, &path, hops - 1).or(Some(at))
                    }
                    None => Some(at),
                };
            }
            rest = more;
        }
        Some(at)
    }

    fn child(&self, of: &Name, word: &str) -> Option<Name> {
        let child = [of.as_slice(), &[word.to_owned()]].concat();
        self.0.contains_key(&child).then_some(child)
    }
}

fn name_of(below: &Path, root: &str) -> Option<Name> {
    if below == Path::new(root) {
        return Some(Name::new());
    }
    let mut name: Name = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let last = name.pop()?;
    match last.strip_suffix(".rs")? {
        "mod" => {}
        "lib" | "main" if name.is_empty() => return None,
        stem => name.push(stem.to_owned()),
    }
    (name.first().is_none_or(|first| first != "bin")).then_some(name)
}

fn read(all: &[Token]) -> Module {
    let mut module = Module::default();
    let mut at = 0;
    while at < all.len() {
        let word = |n: usize| all.get(n).map_or("", |token| token.text.as_str());
        if word(at) == "use" && word(at + 1) != "<" {
            let end = (at..all.len()).find(|n| word(*n) == ";").unwrap_or(all.len());
            let is_public = at > 0 && (word(at - 1) == "pub" || word(at - 1) == ")");
            let mut paths = Vec::new();
            tree(&all[at + 1..end], &Name::new(), &mut paths);
            for (path, name) in paths {
                if !is_public {
                    module.paths.push(path.clone());
                }
                module.imports.insert(name, path);
            }
            at = end + 1;
        } else if word(at + 1) == "::" && (at == 0 || word(at - 1) != "::") {
            let mut path = vec![word(at).to_owned()];
            while word(at + 1) == "::" && is_name(word(at + 2)) {
                path.push(word(at + 2).to_owned());
                at += 2;
            }
            module.paths.push(path);
            at += 1;
        } else {
            at += 1;
        }
    }
    module
}

/// The paths of a tree of imports, each with the name that it gets.
fn tree(part: &[Token], above: &Name, found: &mut Vec<(Name, String)>) {
    let mut path = above.clone();
    let mut at = 0;
    while let Some(token) = part.get(at) {
        match token.text.as_str() {
            "{" => {
                let end = closed(part, at);
                let inside = &part[at + 1..end.saturating_sub(1).max(at + 1)];
                for branch in branches(inside) {
                    tree(branch, &path, found);
                }
                return;
            }
            "as" => {
                let name = part.get(at + 1).map(|token| token.text.clone()).unwrap_or_default();
                found.push((path, name));
                return;
            }
            "*" => {
                found.push((path, "*".into()));
                return;
            }
            "self" if !path.is_empty() => {}
            "::" => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    let name = path.last().cloned().unwrap_or_default();
    found.push((path, name));
}

fn branches(inside: &[Token]) -> Vec<&[Token]> {
    let (mut all, mut begin, mut at) = (Vec::new(), 0, 0);
    while at < inside.len() {
        match inside[at].text.as_str() {
            "{" => at = closed(inside, at),
            "," => {
                all.push(&inside[begin..at]);
                at += 1;
                begin = at;
            }
            _ => at += 1,
        }
    }
    all.push(&inside[begin..]);
    all.retain(|branch| !branch.is_empty());
    all
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
