//! Facts of a whole program, once it is read: functions that are called are there, and parameters that are arrays.

use crate::tree::{Builtin, Case, Expr, ForParts, Pattern, Program, Slot, Stmt, Target};

/// Use of something that must be checked.
enum Use<'a> {
    Array(Slot),
    Call(usize, &'a [Expr]),
    List,
    Var(Slot),
}

/// Checks a program and fills in which parameters are arrays.
///
/// # Errors
/// One sentence.
pub fn check(program: &mut Program) -> Result<(), String> {
    let mut error = None;
    let mut passes = Vec::new();
    let mut arrays: Vec<Vec<bool>> = program.functions.iter().map(|f| vec![false; f.params]).collect();
    let mut found = |inside: Option<usize>, used: Use<'_>| match used {
        Use::Array(Slot::Local(at)) => {
            if let Some(inside) = inside {
                arrays[inside][at] = true;
            }
        }
        Use::Array(Slot::Global(_)) => {}
        Use::List => error = Some("a list in parentheses stands where one value is expected".to_owned()),
        Use::Var(slot) => {
            if let Slot::Global(at) = slot
                && program.functions.iter().any(|f| f.name == program.globals[at])
            {
                error = Some(format!("the function {} is used as a variable", program.globals[at]));
            }
        }
        Use::Call(function, arguments) => {
            let called = &program.functions[function];
            if !called.defined {
                error = Some(format!("there is no function {}", called.name));
            }
            for (to, argument) in arguments.iter().enumerate() {
                if let (Expr::Var(Slot::Local(from)), Some(inside)) = (argument, inside) {
                    passes.push((inside, *from, function, to));
                }
            }
        }
    };
    for (at, function) in program.functions.iter().enumerate() {
        statements(&function.body, &mut |used| found(Some(at), used));
    }
    let mut outside = |used: Use<'_>| found(None, used);
    statements(&program.begin, &mut outside);
    statements(&program.end, &mut outside);
    for rule in &program.rules {
        match &rule.pattern {
            Pattern::Always => {}
            Pattern::If(test) => expression(test, &mut outside),
            Pattern::Range(first, last) => {
                expression(first, &mut outside);
                expression(last, &mut outside);
            }
        }
        statements(rule.action.as_deref().unwrap_or_default(), &mut outside);
    }
    if let Some(error) = error {
        return Err(error);
    }
    spread(&mut arrays, &passes);
    for (function, arrays) in program.functions.iter_mut().zip(arrays) {
        function.arrays = arrays;
    }
    Ok(())
}

/// Marks as arrays the parameters that are handed on as arrays.
fn spread(arrays: &mut [Vec<bool>], passes: &[(usize, usize, usize, usize)]) {
    let mut changed = true;
    while changed {
        changed = false;
        for &(inside, from, function, to) in passes {
            if arrays[function].get(to) == Some(&true) && !arrays[inside][from] {
                arrays[inside][from] = true;
                changed = true;
            }
        }
    }
}

type Found<'f> = dyn FnMut(Use<'_>) + 'f;

fn statements(list: &[Stmt], found: &mut Found<'_>) {
    for statement in list {
        one(statement, found);
    }
}

fn one(statement: &Stmt, found: &mut Found<'_>) {
    match statement {
        Stmt::Expr(e) => expression(e, found),
        Stmt::Print(values, target) | Stmt::Printf(values, target) => {
            expressions(values, found);
            if let Some(Target { name, .. }) = target {
                expression(name, found);
            }
        }
        Stmt::If(test, yes, no) => {
            expression(test, found);
            statements(yes, found);
            statements(no, found);
        }
        Stmt::While(test, body) | Stmt::Do(body, test) => {
            expression(test, found);
            statements(body, found);
        }
        Stmt::For(parts) => {
            let ForParts { first, test, step, body } = &**parts;
            first.iter().chain(step).for_each(|statement| one(statement, found));
            if let Some(test) = test {
                expression(test, found);
            }
            statements(body, found);
        }
        Stmt::ForIn(_, array, body) => {
            found(Use::Array(*array));
            statements(body, found);
        }
        Stmt::Switch(value, cases) => {
            expression(value, found);
            for (case, body) in cases {
                if let Case::Value(value) = case {
                    expression(value, found);
                }
                statements(body, found);
            }
        }
        Stmt::Block(body) => statements(body, found),
        Stmt::Delete(array, key) => {
            found(Use::Array(*array));
            expressions(key.as_deref().unwrap_or_default(), found);
        }
        Stmt::Exit(Some(value)) | Stmt::Return(Some(value)) => expression(value, found),
        Stmt::Break | Stmt::Continue | Stmt::Next | Stmt::NextFile | Stmt::Exit(None) | Stmt::Return(None) => {}
    }
}

fn expressions(list: &[Expr], found: &mut Found<'_>) {
    for e in list {
        expression(e, found);
    }
}

fn expression(e: &Expr, found: &mut Found<'_>) {
    match e {
        Expr::Num(_) | Expr::Str(_) | Expr::Regex(_) => {}
        Expr::Var(slot) => found(Use::Var(*slot)),
        Expr::Field(e) | Expr::Step(e, ..) | Expr::Not(e) | Expr::Neg(e) | Expr::Plus(e) | Expr::Group(e) => expression(e, found),
        Expr::Index(array, key) | Expr::In(array, key) => {
            found(Use::Array(*array));
            expressions(key, found);
        }
        Expr::Assign(two)
        | Expr::Update(_, two)
        | Expr::And(two)
        | Expr::Or(two)
        | Expr::Binary(_, two)
        | Expr::Compare(_, two)
        | Expr::Match(two, _) => expressions(&two[..], found),
        Expr::Cond(three) => expressions(&three[..], found),
        Expr::Concat(parts) => expressions(parts, found),
        Expr::Call(function, arguments) => {
            found(Use::Call(*function, arguments));
            expressions(arguments, found);
        }
        Expr::Builtin(function, arguments) => {
            for at in array_arguments(*function) {
                if let Some(Expr::Var(slot)) = arguments.get(*at) {
                    found(Use::Array(*slot));
                }
            }
            expressions(arguments, found);
        }
        Expr::Getline(_, source, place) => source.iter().chain(place).for_each(|e| expression(e, found)),
        Expr::List(list) => {
            found(Use::List);
            expressions(list, found);
        }
    }
}

/// Places of a function's arguments that are arrays.
pub const fn array_arguments(function: Builtin) -> &'static [usize] {
    match function {
        Builtin::Split => &[1, 3],
        Builtin::Match => &[2],
        Builtin::Asort | Builtin::Asorti => &[0, 1],
        _ => &[],
    }
}
