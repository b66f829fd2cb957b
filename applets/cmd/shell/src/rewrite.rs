//! Rewrites parsed commands before brush runs them: `LIST &`, which brush would run inside this process, becomes a call of a builtin
//! that starts a process; words see `words.rs`.

use brush_parser::ParserOptions;
use brush_parser::ast::{
    AndOr, AndOrList, AssignmentValue, Command, CommandPrefixOrSuffixItem as Item, CommandSuffix, CompoundCommand, CompoundList,
    ExtendedTestExpr, IoFileRedirectTarget, IoRedirect, Pipeline, Program, RedirectList, SeparatorOperator, SimpleCommand,
    UnexpandedArithmeticExpr, Word,
};

use crate::print;
use crate::words::{Quotes, Words, quote};

/// The builtin that starts a list in the background.
pub const START: &str = "kutties-background";
/// The builtin that becomes the program which is all of a list.
pub const BECOME: &str = "kutties-become";

/// Rewrite a program. False when nothing had to be.
pub fn rewrite(program: &mut Program, shell: Option<u32>, options: &ParserOptions) -> bool {
    let mut rewriter = Rewriter { words: Words { shell, options }, changed: false };
    program.complete_commands.iter_mut().for_each(|list| rewriter.list(list));
    rewriter.changed
}

struct Rewriter<'a> {
    words: Words<'a>,
    changed: bool,
}

impl Rewriter<'_> {
    fn list(&mut self, list: &mut CompoundList) {
        for item in &mut list.0 {
            self.and_or(&mut item.0);
            if matches!(item.1, SeparatorOperator::Async) {
                item.0 = start(&mut item.0);
                item.1 = SeparatorOperator::Sequence;
                self.changed = true;
            }
        }
    }

    fn and_or(&mut self, list: &mut AndOrList) {
        self.pipeline(&mut list.first);
        for more in &mut list.additional {
            let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = more;
            self.pipeline(pipeline);
        }
    }

    fn pipeline(&mut self, pipeline: &mut Pipeline) {
        for command in &mut pipeline.seq {
            self.command(command);
        }
    }

    fn command(&mut self, command: &mut Command) {
        match command {
            Command::Simple(simple) => {
                simple.prefix.iter_mut().flat_map(|prefix| &mut prefix.0).for_each(|item| self.item(item));
                simple.word_or_name.iter_mut().for_each(|word| self.word(word));
                simple.suffix.iter_mut().flat_map(|suffix| &mut suffix.0).for_each(|item| self.item(item));
            }
            Command::Compound(compound, redirects) => {
                self.compound(compound);
                self.redirects(redirects.as_mut());
            }
            Command::Function(definition) => {
                self.compound(&mut definition.body.0);
                self.redirects(definition.body.1.as_mut());
            }
            Command::ExtendedTest(test, redirects) => {
                self.test(&mut test.expr);
                self.redirects(redirects.as_mut());
            }
        }
    }

    fn compound(&mut self, compound: &mut CompoundCommand) {
        match compound {
            CompoundCommand::Arithmetic(command) => self.arithmetic(&mut command.expr),
            CompoundCommand::ArithmeticForClause(clause) => {
                let parts = [&mut clause.initializer, &mut clause.condition, &mut clause.updater];
                parts.into_iter().flatten().for_each(|part| self.arithmetic(part));
                self.list(&mut clause.body.list);
            }
            CompoundCommand::BraceGroup(group) => self.list(&mut group.list),
            CompoundCommand::Subshell(shell) => self.list(&mut shell.list),
            CompoundCommand::ForClause(clause) => {
                clause.values.iter_mut().flatten().for_each(|word| self.word(word));
                self.list(&mut clause.body.list);
            }
            CompoundCommand::CaseClause(clause) => {
                self.word(&mut clause.value);
                for case in &mut clause.cases {
                    case.patterns.iter_mut().for_each(|word| self.word(word));
                    case.cmd.iter_mut().for_each(|list| self.list(list));
                }
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&mut clause.condition);
                self.list(&mut clause.then);
                for other in clause.elses.iter_mut().flatten() {
                    other.condition.iter_mut().for_each(|list| self.list(list));
                    self.list(&mut other.body);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&mut clause.0);
                self.list(&mut clause.1.list);
            }
            CompoundCommand::Coprocess(process) => self.command(&mut process.body),
        }
    }

    fn item(&mut self, item: &mut Item) {
        match item {
            Item::IoRedirect(redirect) => self.redirect(redirect),
            Item::Word(word) => self.word(word),
            Item::AssignmentWord(assignment, word) => {
                self.word(word);
                match &mut assignment.value {
                    AssignmentValue::Scalar(word) => self.word(word),
                    AssignmentValue::Array(elements) => {
                        for (key, value) in elements {
                            if let Some(key) = key {
                                self.word(key);
                            }
                            self.word(value);
                        }
                    }
                }
            }
            Item::ProcessSubstitution(_, shell) => self.list(&mut shell.list),
        }
    }

    fn redirects(&mut self, redirects: Option<&mut RedirectList>) {
        redirects.into_iter().flat_map(|list| &mut list.0).for_each(|redirect| self.redirect(redirect));
    }

    fn redirect(&mut self, redirect: &mut IoRedirect) {
        match redirect {
            IoRedirect::File(_, _, IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word))
            | IoRedirect::HereString(_, word)
            | IoRedirect::OutputAndError(word, _) => self.word(word),
            IoRedirect::File(_, _, IoFileRedirectTarget::ProcessSubstitution(_, shell)) => self.list(&mut shell.list),
            IoRedirect::File(_, _, IoFileRedirectTarget::Fd(_)) => (),
            IoRedirect::HereDocument(_, document) => {
                if document.requires_expansion {
                    self.text(&mut document.doc.value, Quotes::None);
                }
            }
        }
    }

    fn test(&mut self, test: &mut ExtendedTestExpr) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(left);
                self.test(right);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => self.test(inner),
            ExtendedTestExpr::UnaryTest(_, word) => self.word(word),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                self.word(left);
                self.word(right);
            }
        }
    }

    fn arithmetic(&mut self, expression: &mut UnexpandedArithmeticExpr) {
        self.text(&mut expression.value, Quotes::None);
    }

    fn word(&mut self, word: &mut Word) {
        self.text(&mut word.value, Quotes::Word);
    }

    fn text(&mut self, text: &mut String, quotes: Quotes) {
        if let Some(new) = self.words.rewrite(text, quotes) {
            *text = new;
            self.changed = true;
        }
    }
}

/// A call of the builtin with the list's text, in place of the list.
fn start(list: &mut AndOrList) -> AndOrList {
    let text = match only_command(list) {
        // The child is a subshell already.
        Some(Command::Compound(CompoundCommand::Subshell(shell), None)) => {
            if let [item] = shell.list.0.as_mut_slice()
                && item.0.first.seq.len() == 1
            {
                become_last(&mut item.0);
            }
            shell.list.0.iter().map(|item| print::list(&item.0)).collect()
        }
        Some(Command::Simple(_)) => {
            become_last(list);
            print::list(list)
        }
        _ => print::list(list),
    };
    let text = quote(text.trim_end_matches('\n'));
    let words = CommandSuffix(vec![Item::Word(Word { value: text, loc: None })]);
    let call = SimpleCommand { prefix: None, word_or_name: Some(Word { value: START.into(), loc: None }), suffix: Some(words) };
    let first = Pipeline { timed: None, bang: false, seq: vec![Command::Simple(call)] };
    AndOrList { first, additional: Vec::new() }
}

fn only_command(list: &mut AndOrList) -> Option<&mut Command> {
    match list.first.seq.as_mut_slice() {
        [command] if list.additional.is_empty() && !list.first.bang && list.first.timed.is_none() => Some(command),
        _ => None,
    }
}

/// The only pipeline of a program, when it has several commands and nothing else.
pub fn is_pipeline(program: &mut Program) -> Option<&mut AndOrList> {
    let [CompoundList(items)] = program.complete_commands.as_mut_slice() else { return None };
    let [item] = items.as_mut_slice() else { return None };
    let list = &mut item.0;
    let bare = list.additional.is_empty() && !list.first.bang && list.first.timed.is_none();
    (bare && list.first.seq.len() > 1).then_some(list)
}

/// Let the child be the last program of a pipeline rather than wait for it.
pub fn become_last(list: &mut AndOrList) {
    if !list.additional.is_empty() || list.first.bang || list.first.timed.is_some() {
        return;
    }
    let Some(Command::Simple(program)) = list.first.seq.last_mut() else { return };
    if let Some(name) = program.word_or_name.take() {
        program.word_or_name = Some(Word { value: BECOME.into(), loc: None });
        program.suffix.get_or_insert_default().0.insert(0, Item::Word(name));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use brush_parser::Parser;

    fn rewritten(text: &str) -> Option<String> {
        let options = ParserOptions::default();
        let mut program = Parser::new(text.as_bytes(), &options).parse_program().unwrap();
        rewrite(&mut program, None, &options).then(|| {
            let items = program.complete_commands.iter().flat_map(|command| &command.0);
            items.map(|item| print::list(&item.0)).collect()
        })
    }

    #[test]
    fn lists_in_the_background_are_started() {
        assert_eq!(rewritten("a; b && c 2>&1"), None);
        assert_eq!(rewritten("A=1 a 'b c' &").unwrap(), "kutties-background 'A=1 kutties-become a '\\''b c'\\'''\n");
        assert_eq!(rewritten("a | b &").unwrap(), "kutties-background 'a | b'\n");
        assert_eq!(rewritten("! a & >f & x=$! &").unwrap().matches(BECOME).count(), 0);
        assert_eq!(rewritten("if a & then b; fi").unwrap(), "if\nkutties-background 'kutties-become a'\nthen\nb\nfi\n");
    }

    #[test]
    fn every_place_of_a_word_is_seen() {
        for text in [
            "a $!",
            "$!",
            "x=$!",
            "x=(a $!)",
            "a >$!",
            "{ a $!; }",
            "f() { a $!; }",
            "for x in $!; do a; done",
            "case $! in b) ;; esac",
            "case a in $!) ;; esac",
            "[[ a == $! ]]",
            "((x = $!))",
            "a <<E\n$!\nE\n",
            "a <<<$!",
            "if a; then b; else c $!; fi",
            "while a; do b $!; done",
            "(a $!)",
            "a <(b $!)",
            "a | b $!",
            "a || b $!",
            "for ((i=$!; ; )); do a; done",
            "a &>$!",
        ] {
            assert!(rewritten(text).is_some_and(|new| new.contains("_kutties_last") && !new.contains("$!")), "of {text}");
        }
        assert_eq!(rewritten("a <<'E'\n$!\nE\n"), None);
    }
}
