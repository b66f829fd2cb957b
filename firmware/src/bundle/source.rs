//! The generated module: go.mod and go.sum from the pins, main.go from the table.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::table::{Contents, Program, Variant};

/// The module of one variant, not yet on disk.
pub struct Source {
    /// Name and text of each file.
    pub files: Vec<(&'static str, String)>,
    /// Packages for `go build`.
    pub packages: Vec<&'static str>,
}

impl Source {
    /// Makes the table's row of `variant` into files.
    pub fn new(variant: &Variant) -> Self {
        let set = variant.modules;
        let mut files = vec![("go.mod", set.go_mod.to_owned()), ("go.sum", set.go_sum.to_owned())];
        let packages = match &variant.contents {
            Contents::Multicall { programs, .. } => {
                files.push(("main.go", main_go(variant.name, programs)));
                vec!["."]
            }
            Contents::Own(_, sources) => {
                files.extend(sources.iter().map(|(name, text)| (*name, (*text).to_owned())));
                vec!["."]
            }
            Contents::Packages(list) => list.iter().map(|(_, package)| *package).collect(),
        };
        Self { files, packages }
    }

    /// Writes the files into `dir`.
    pub fn write(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        for (name, text) in &self.files {
            fs::write(dir.join(name), text).with_context(|| format!("write {}", dir.join(name).display()))?;
        }
        Ok(())
    }
}

/// A main that goes by the name it is called by; a file of one program starts it whatever the name is.
fn main_go(variant: &str, programs: &[&Program]) -> String {
    let mut imports: BTreeSet<&str> = programs.iter().flat_map(|p| p.imports.iter().copied()).collect();
    let several = programs.len() > 1;
    if several {
        imports.extend([r#""fmt""#, r#""os""#, r#""path/filepath""#]);
    }
    let mut text = format!("// Generated from the table of bundles: variant {variant}.\npackage main\n\nimport (\n");
    for import in imports {
        let _ = writeln!(text, "\t{import}");
    }
    text.push_str(")\n\nfunc main() {\n");
    match programs {
        [only] => {
            let _ = writeln!(text, "\t{}", only.start);
        }
        many => text.push_str(&switch(many)),
    }
    text.push_str("}\n");
    text
}

/// One case a program.
fn switch(programs: &[&Program]) -> String {
    let mut text = String::from("\tswitch name := filepath.Base(os.Args[0]); name {\n");
    for program in programs {
        let _ = writeln!(text, "\tcase \"{}\":\n\t\t{}", program.name, program.start);
    }
    let names = programs.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        text,
        "\tdefault:\n\t\tfmt.Fprintf(os.Stderr, \"%s: call me by one of these names: {names}\\n\", name)\n\t\tos.Exit(127)\n\t}}"
    );
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::table::find;
    use super::*;

    fn main_of(variant: &str) -> String {
        Source::new(find(variant).unwrap()).files.into_iter().find(|(name, _)| *name == "main.go").unwrap().1
    }

    #[test]
    fn several_programs_go_by_name() {
        let text = main_of("node");
        for name in ["kubelet", "kubeadm", "kubectl", "kube-proxy"] {
            assert!(text.contains(&format!("case \"{name}\":")), "{name}");
        }
        assert_eq!(text.matches("\"k8s.io/component-base/cli\"").count(), 1);
    }

    #[test]
    fn one_program_needs_no_name() {
        assert!(!main_of("worker").contains("switch"));
    }

    #[test]
    fn packages_need_no_main() {
        assert!(Source::new(find("registry").unwrap()).files.iter().all(|(name, _)| *name != "main.go"));
    }
}
