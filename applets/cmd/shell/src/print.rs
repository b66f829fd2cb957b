//! A parsed command as text that parses to the same again. brush's own form indents what it prints, quoted lines and the bodies of
//! here-documents included.

use std::fmt::Write;

use brush_parser::ast::{
    AndOr, AndOrList, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList, DoGroupCommand,
    FunctionDefinition, IoFileRedirectTarget, IoHereDocument, IoRedirect, Pipeline, PipelineTimed, RedirectList,
    SeparatorOperator, SimpleCommand, Word,
};

/// The text of a list.
pub fn list(list: &AndOrList) -> String {
    let mut printer = Printer::default();
    printer.and_or(list);
    printer.end_line();
    printer.out
}

/// The text of a function's definition.
pub fn function(definition: &FunctionDefinition) -> String {
    let mut printer = Printer::default();
    printer.function(definition);
    printer.end_line();
    printer.out
}

#[derive(Default)]
struct Printer {
    out: String,
    /// Here-documents whose bodies begin at the next line: their delimiter and body.
    documents: Vec<(String, String)>,
}

impl Printer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn end_line(&mut self) {
        self.put("\n");
        for (end, body) in std::mem::take(&mut self.documents) {
            self.put(&body);
            if !body.is_empty() && !body.ends_with('\n') {
                self.put("\n");
            }
            self.put(&end);
            self.put("\n");
        }
    }

    /// A word that opens a list, the list, each item on lines of its own.
    fn block(&mut self, opening: &str, list: &CompoundList) {
        self.put(opening);
        self.end_line();
        for item in &list.0 {
            self.and_or(&item.0);
            if matches!(item.1, SeparatorOperator::Async) {
                self.put(" &");
            }
            self.end_line();
        }
    }

    fn and_or(&mut self, list: &AndOrList) {
        self.pipeline(&list.first);
        for more in &list.additional {
            let (operator, pipeline) = match more {
                AndOr::And(pipeline) => (" && ", pipeline),
                AndOr::Or(pipeline) => (" || ", pipeline),
            };
            self.put(operator);
            self.pipeline(pipeline);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        match pipeline.timed {
            Some(PipelineTimed::Timed(_)) => self.put("time "),
            Some(PipelineTimed::TimedWithPosixOutput(_)) => self.put("time -p "),
            None => (),
        }
        if pipeline.bang {
            self.put("! ");
        }
        for (index, command) in pipeline.seq.iter().enumerate() {
            if index > 0 {
                self.put(" | ");
            }
            self.command(command);
        }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Compound(compound, redirects) => {
                self.compound(compound);
                self.redirects(redirects.as_ref());
            }
            Command::Function(definition) => self.function(definition),
            Command::ExtendedTest(test, redirects) => {
                // Writing into a string can't fail, here and below.
                let _ = write!(self.out, "[[ {test} ]]");
                self.redirects(redirects.as_ref());
            }
        }
    }

    fn simple(&mut self, command: &SimpleCommand) {
        let prefix = command.prefix.iter().flat_map(|prefix| &prefix.0);
        prefix.for_each(|item| self.item(item));
        if let Some(name) = &command.word_or_name {
            self.put(&name.value);
            self.put(" ");
        }
        let suffix = command.suffix.iter().flat_map(|suffix| &suffix.0);
        suffix.for_each(|item| self.item(item));
        // Behind the last part, too.
        self.out.pop();
    }

    /// One part of a simple command and a space.
    fn item(&mut self, item: &Item) {
        match item {
            Item::IoRedirect(redirect) => self.redirect(redirect),
            Item::Word(word) | Item::AssignmentWord(_, word) => self.put(&word.value),
            Item::ProcessSubstitution(kind, shell) => {
                self.block(&format!("{kind}("), &shell.list);
                self.put(")");
            }
        }
        self.put(" ");
    }

    fn redirects(&mut self, redirects: Option<&RedirectList>) {
        for redirect in redirects.iter().flat_map(|list| &list.0) {
            self.put(" ");
            self.redirect(redirect);
        }
    }

    fn redirect(&mut self, redirect: &IoRedirect) {
        if let IoRedirect::File(Some(fd), ..) | IoRedirect::HereDocument(Some(fd), _) | IoRedirect::HereString(Some(fd), _) =
            redirect
        {
            self.put(&fd.to_string());
        }
        match redirect {
            IoRedirect::File(_, kind, target) => {
                self.put(&kind.to_string());
                match target {
                    IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => self.put(&word.value),
                    IoFileRedirectTarget::Fd(fd) => self.put(&fd.to_string()),
                    IoFileRedirectTarget::ProcessSubstitution(kind, shell) => {
                        self.block(&format!(" {kind}("), &shell.list);
                        self.put(")");
                    }
                }
            }
            IoRedirect::HereDocument(_, document) => self.document(document),
            IoRedirect::HereString(_, word) => {
                self.put("<<< ");
                self.put(&word.value);
            }
            IoRedirect::OutputAndError(word, append) => {
                self.put(if *append { "&>> " } else { "&> " });
                self.put(&word.value);
            }
        }
    }

    fn document(&mut self, document: &IoHereDocument) {
        let mut end = "HERE".to_owned();
        while document.doc.value.lines().any(|line| line == end) {
            end.push('_');
        }
        let quote = if document.requires_expansion { "" } else { "'" };
        // Its tabs are gone already where they are to go.
        let _ = write!(self.out, "<<{quote}{end}{quote}");
        self.documents.push((end, document.doc.value.clone()));
    }

    fn function(&mut self, definition: &FunctionDefinition) {
        let _ = write!(self.out, "{} () ", definition.fname.value);
        self.compound(&definition.body.0);
        self.redirects(definition.body.1.as_ref());
    }

    fn body(&mut self, body: &DoGroupCommand) {
        self.block("do", &body.list);
        self.put("done");
    }

    fn compound(&mut self, compound: &CompoundCommand) {
        match compound {
            CompoundCommand::Arithmetic(command) => {
                let _ = write!(self.out, "(({}))", command.expr);
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                let part = |part: &Option<_>| part.as_ref().map(ToString::to_string).unwrap_or_default();
                let (first, test, step) = (part(&clause.initializer), part(&clause.condition), part(&clause.updater));
                let _ = write!(self.out, "for (({first}; {test}; {step}))");
                self.end_line();
                self.body(&clause.body);
            }
            CompoundCommand::BraceGroup(group) => {
                self.block("{", &group.list);
                self.put("}");
            }
            CompoundCommand::Subshell(shell) => {
                self.block("(", &shell.list);
                self.put(")");
            }
            CompoundCommand::ForClause(clause) => {
                let _ = write!(self.out, "for {}", clause.variable_name);
                if let Some(values) = &clause.values {
                    self.put(" in");
                    for Word { value, .. } in values {
                        self.put(" ");
                        self.put(value);
                    }
                }
                self.end_line();
                self.body(&clause.body);
            }
            CompoundCommand::WhileClause(clause) => {
                self.block("while", &clause.0);
                self.body(&clause.1);
            }
            CompoundCommand::UntilClause(clause) => {
                self.block("until", &clause.0);
                self.body(&clause.1);
            }
            CompoundCommand::CaseClause(clause) => {
                let _ = write!(self.out, "case {} in", clause.value.value);
                self.end_line();
                for case in &clause.cases {
                    let patterns: Vec<_> = case.patterns.iter().map(|pattern| pattern.value.as_str()).collect();
                    let opening = format!("({})", patterns.join("|"));
                    self.block(&opening, case.cmd.as_ref().unwrap_or(&CompoundList(Vec::new())));
                    self.put(&case.post_action.to_string());
                    self.end_line();
                }
                self.put("esac");
            }
            CompoundCommand::IfClause(clause) => {
                self.block("if", &clause.condition);
                self.block("then", &clause.then);
                for other in clause.elses.iter().flatten() {
                    match &other.condition {
                        Some(condition) => {
                            self.block("elif", condition);
                            self.block("then", &other.body);
                        }
                        None => self.block("else", &other.body),
                    }
                }
                self.put("fi");
            }
            CompoundCommand::Coprocess(process) => {
                self.put("coproc ");
                if let Some(name) = &process.name {
                    self.put(&name.value);
                    self.put(" ");
                }
                self.command(&process.body);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use brush_parser::{Parser, ParserOptions, ast::Program};

    fn parse(text: &str) -> Program {
        Parser::new(text.as_bytes(), &ParserOptions::default()).parse_program().unwrap()
    }

    /// The program's items as text.
    fn print(program: &Program) -> String {
        let items = program.complete_commands.iter().flat_map(|command| &command.0);
        items.map(|item| list(&item.0)).collect()
    }

    #[test]
    fn what_is_printed_parses_to_the_same() {
        let texts = [
            "A=1 B='x\ny' prog \"two\n  lines\" >out 2>&1 <in 3>&- >>more",
            "! a | b 2>&1 | c && d || e",
            "if a; then b; elif c; then d; else e; fi 2>/dev/null",
            "while a; do b; done <f; until a; do b; done; for x in 1 '2 3'; do c; done; for y; do d; done; for z in; do e; done",
            "case $x in a|b) c;; esac) d;& *) ;; esac",
            "f() { local a=1; return 2; } 2>&1",
            "(a; b) >f; { c; }; ((x + 1)); for ((i=0;i<3;i++)); do d; done",
            "cat <<A <<'B' | tr a b && echo\n$x\n  two\nA\n'q' $y\nB\n",
            "cat <<-E\n\tone\n\tE\necho after",
            "cat <<E\nHERE\nE\n",
            "[[ -f a && ( b == c* || ! d =~ ^e ) ]] 2>f",
            "a=(1 'two three' [5]=x) ; b+=y; cat <(echo x) > >(cat) &>all; cat <<<\"a b\"; time -p a",
            "a & b & { c & d; }",
        ];
        for text in texts.map(|text| format!("{{\n{text}\n}}")) {
            let once = print(&parse(&text));
            let twice = print(&parse(&once));
            assert_eq!(once, twice, "of {text}");
            assert_eq!(bare(&parse(&text)), bare(&parse(&once)), "of {text}");
        }
    }

    /// A tree without places and the delimiters of here-documents.
    fn bare(program: &Program) -> String {
        let all = format!("{program:#?}");
        let mut skip = 0;
        let mut kept = Vec::new();
        for line in all.lines() {
            let depth = line.len() - line.trim_start().len();
            if skip > 0 && depth > skip - 1 {
                continue;
            }
            skip = 0;
            let name = line.trim_start();
            if ["loc:", "here_end:", "remove_tabs:"].iter().any(|part| name.starts_with(part)) || name.starts_with("SourceSpan") {
                skip = if name.ends_with(['{', '(']) { depth + 1 } else { 0 };
                continue;
            }
            if !matches!(name, "}," | ")," | "}" | ")") {
                kept.push(name.to_owned());
            }
        }
        kept.join("\n")
    }
}
