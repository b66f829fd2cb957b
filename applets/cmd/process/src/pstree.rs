//! `pstree` shows processes as a tree, as psmisc's does.
//!
//! ```text
//! pstree             from PID 1; equal branches once, with their number
//! pstree -p          with process numbers, each branch by itself
//! pstree -a          with arguments, a process each line
//! pstree -s 17       the parents of a process, and what it has started
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

use crate::process::{self, Process};

/// The record.
pub const PSTREE: Applet = Applet { name: "pstree", about: "show processes as a tree", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Arguments, and each process on a line of its own
    #[arg(short, long)]
    arguments: bool,
    /// Lines of ASCII characters
    #[arg(short = 'A', long)]
    ascii: bool,
    /// Lines of UTF-8 characters
    #[arg(short = 'U', long, conflicts_with = "ascii")]
    unicode: bool,
    /// Each of several equal branches
    #[arg(short, long)]
    compact_not: bool,
    /// Process numbers
    #[arg(short = 'p', long)]
    show_pids: bool,
    /// Order by number instead of name
    #[arg(short, long)]
    numeric_sort: bool,
    /// The parents of the process as well
    #[arg(short, long)]
    show_parents: bool,
    /// Processes without their threads
    #[arg(short = 'T', long)]
    hide_threads: bool,
    /// Lines as long as they are: nothing is cut anyway
    #[arg(short, long)]
    long: bool,
    /// The process to begin with
    #[arg(default_value_t = 1)]
    pid: u32,
}

/// Characters of the tree's lines.
struct Lines {
    /// Before an only child.
    single: &'static str,
    /// Before the first of several children.
    first: &'static str,
    /// Before one that others follow.
    branch: &'static str,
    /// Before the last one.
    last: &'static str,
    /// Past a branch that goes on below.
    down: &'static str,
}

const ASCII: Lines = Lines { single: "---", first: "-+-", branch: "|-", last: "`-", down: "| " };
const UNICODE: Lines = Lines { single: "───", first: "─┬─", branch: "├─", last: "└─", down: "│ " };

/// A process or thread with all below it.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    label: String,
    /// Its number; equal in all nodes where numbers are not shown and branches are merged.
    order: u32,
    children: Vec<Self>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&PSTREE, args)?;
    let all = process::all();
    let Some(start) = all.iter().find(|process| process.pid == options.pid) else {
        return Err(Error::new(format!("no process has the number {}", options.pid)));
    };
    let mut by_parent: BTreeMap<u32, Vec<&Process>> = BTreeMap::new();
    for process in &all {
        by_parent.entry(process.parent).or_default().push(process);
    }
    let mut node = grow(start, &by_parent, &options);
    if options.show_parents {
        node = below_parents(node, start, &all, &options);
    }
    let lines = if options.ascii || !(options.unicode || is_utf8()) { &ASCII } else { &UNICODE };
    let mut text = String::new();
    if options.arguments {
        listed(&node, "", "", lines, &mut text);
    } else {
        drawn(&node, "", lines, !(options.compact_not || options.show_pids), &mut text);
    }
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write standard output")?;
    Ok(Exit::OK)
}

/// Tells whether the locale's characters are UTF-8, by the first variable that says something.
fn is_utf8() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty());
    said.is_some_and(|value| value.to_uppercase().replace('-', "").ends_with("UTF8"))
}

/// The tree below a process.
fn grow(process: &Process, by_parent: &BTreeMap<u32, Vec<&Process>>, options: &Options) -> Node {
    let below = by_parent.get(&process.pid).map(Vec::as_slice).unwrap_or_default();
    let mut children: Vec<Node> = below.iter().map(|child| grow(child, by_parent, options)).collect();
    if !options.hide_threads {
        children.extend(threads(process, options));
    }
    if options.numeric_sort {
        children.sort_by_key(|child| child.order);
    } else {
        children.sort_by(|a, b| a.label.cmp(&b.label).then(a.order.cmp(&b.order)));
    }
    Node { label: label(process, options), order: process.pid, children }
}

/// The threads of a process but its first.
fn threads(process: &Process, options: &Options) -> Vec<Node> {
    let entries = fs::read_dir(format!("/proc/{}/task", process.pid)).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let made = numbers.filter(|number| *number != process.pid).map(|number| {
        // One that has just ended keeps the name of its process.
        let name = fs::read_to_string(format!("/proc/{}/task/{number}/comm", process.pid));
        let name = name.map_or_else(|_| process.name.clone(), |name| name.trim_end().to_owned());
        let number_shown = if options.show_pids { format!("({number})") } else { String::new() };
        Node { label: format!("{{{name}}}{number_shown}"), order: number, children: Vec::new() }
    });
    made.collect()
}

fn label(process: &Process, options: &Options) -> String {
    let mut label = process.name.clone();
    if options.show_pids {
        label = if options.arguments { format!("{label},{}", process.pid) } else { format!("{label}({})", process.pid) };
    }
    if options.arguments {
        for argument in process.arguments.iter().skip(1) {
            label.push(' ');
            label.push_str(argument);
        }
    }
    // A process's own text must not reach the terminal as commands.
    label.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The process at the end of the line of its parents.
fn below_parents(mut node: Node, start: &Process, all: &[Process], options: &Options) -> Node {
    let mut at = start.parent;
    // A parent has a smaller generation, not always a smaller number; the number of processes is a limit.
    for _ in 0..all.len() {
        let Some(parent) = all.iter().find(|process| process.pid == at) else { break };
        node = Node { label: label(parent, options), order: parent.pid, children: vec![node] };
        at = parent.parent;
    }
    node
}

/// The children with the number of times that each stands there: equal neighbours are one.
fn counted(children: &[Node], merge: bool) -> Vec<(usize, &Node)> {
    let mut groups: Vec<(usize, &Node)> = Vec::new();
    for child in children {
        let same = groups.iter_mut().find(|(_, known)| merge && is_equal(known, child));
        match same {
            Some((count, _)) => *count += 1,
            None => groups.push((1, child)),
        }
    }
    groups
}

/// Tells whether two trees look the same.
fn is_equal(a: &Node, b: &Node) -> bool {
    a.label == b.label && a.children.len() == b.children.len() && a.children.iter().zip(&b.children).all(|(a, b)| is_equal(a, b))
}

/// The first child stands on its parent's line.
fn drawn(node: &Node, indent: &str, lines: &Lines, merge: bool, text: &mut String) {
    text.push_str(&node.label);
    let groups = counted(&node.children, merge);
    if groups.is_empty() {
        text.push('\n');
        return;
    }
    let own_width = node.label.chars().count();
    let (one, count) = (groups.len() == 1, groups.len());
    for (at, (times, child)) in groups.into_iter().enumerate() {
        let blank = " ".repeat(own_width + 1);
        let (lead, below) = if one {
            (lines.single.to_owned(), format!("{indent}{blank}  "))
        } else if at == 0 {
            (lines.first.to_owned(), format!("{indent}{blank}{}", lines.down))
        } else if at + 1 < count {
            (format!("{indent}{blank}{}", lines.branch), format!("{indent}{blank}{}", lines.down))
        } else {
            (format!("{indent}{blank}{}", lines.last), format!("{indent}{blank}  "))
        };
        text.push_str(&lead);
        if times == 1 {
            drawn(child, &below, lines, merge, text);
            continue;
        }
        let prefix = format!("{times}*[");
        text.push_str(&prefix);
        let mut inner = String::new();
        drawn(child, &format!("{below}{}", " ".repeat(prefix.len())), lines, merge, &mut inner);
        // As psmisc's: the bracket is closed at the end of each line.
        text.push_str(&inner.replace('\n', "]\n"));
    }
}

/// Each process has its own line.
fn listed(node: &Node, lead: &str, below: &str, lines: &Lines, text: &mut String) {
    text.push_str(lead);
    text.push_str(&node.label);
    text.push('\n');
    let count = node.children.len();
    for (at, child) in node.children.iter().enumerate() {
        let is_last = at + 1 == count;
        let lead = format!("{below}  {}", if is_last { lines.last } else { lines.branch });
        let next = format!("{below}  {}", if is_last { "  " } else { lines.down });
        listed(child, &lead, &next, lines, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(label: &str, children: Vec<Node>) -> Node {
        Node { label: label.into(), order: 0, children }
    }

    fn picture(node: &Node) -> String {
        let mut text = String::new();
        drawn(node, "", &ASCII, true, &mut text);
        text
    }

    #[test]
    fn equal_branches_are_one() {
        let tree = node("init", vec![node("cri", vec![]), node("sh", vec![]), node("sh", vec![])]);
        assert_eq!(picture(&tree), "init-+-cri\n     `-2*[sh]\n");
        assert_eq!(picture(&node("a", vec![node("b", vec![node("c", vec![])])])), "a---b---c\n");
    }

    #[test]
    fn lines_go_on_beside_a_branch() {
        let inner = || node("b", vec![node("c", vec![]), node("d", vec![])]);
        let tree = node("a", vec![inner(), node("e", vec![])]);
        assert_eq!(picture(&tree), "a-+-b-+-c\n  |   `-d\n  `-e\n");
        assert_eq!(picture(&node("a", vec![inner(), inner()])), "a---2*[b-+-c]\n         `-d]\n");
    }

    #[test]
    fn with_arguments_each_has_a_line() {
        let mut text = String::new();
        let tree = node("a x", vec![node("b", vec![node("c", vec![])]), node("d", vec![])]);
        listed(&tree, "", "", &ASCII, &mut text);
        assert_eq!(text, "a x\n  |-b\n  |   `-c\n  `-d\n");
    }
}
