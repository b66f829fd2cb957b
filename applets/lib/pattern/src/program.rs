//! A tree as a program for [`super::machine`].

use super::node::{Node, Place, Set};

/// Most steps of a program: some hundred megabytes are out of question on a small node.
const MOST_OPS: usize = 2_000_000;

/// A step. Numbers are those of other steps.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Byte(u8),
    /// A character of the set of that number.
    Set(u32),
    Place(Place),
    /// Go on at the first, then, if that does not lead to the end or to a longer match, at the second. `mark` numbers the places
    /// that are remembered as tried.
    Split {
        first: u32,
        second: u32,
        mark: Option<u32>,
    },
    Jump(u32),
    /// Remember the place in the text.
    Save(u32),
    /// Forget the place in the text.
    Forget(u32),
    /// Go on where that place is another one.
    Moved(u32),
    /// The text of a group.
    Recall(u32),
    Done,
}

/// Steps of a pattern, in order.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub ops: Vec<Op>,
    pub sets: Vec<Set>,
    /// Number of places that are remembered as tried.
    pub marks: usize,
    /// Number of groups, without the whole.
    pub groups: usize,
    /// Number of places to remember: of the whole, the groups, and the starts of loops.
    pub slots: usize,
    /// Letters of either case are the same in a back-reference.
    pub any_case: bool,
    /// Groups that back-references name.
    pub recalled: Vec<usize>,
}

/// Make the program of a tree with so many groups.
///
/// # Errors
/// It is too large.
pub(crate) fn compile(node: &Node, groups: usize, any_case: bool) -> Result<Program, String> {
    let mut recalled = Vec::new();
    collect_recalled(node, &mut recalled);
    recalled.sort_unstable();
    recalled.dedup();
    let mut compiler =
        Compiler { program: Program { groups, slots: (groups + 1) * 2, recalled, any_case, ..Program::default() }, loops: 0 };
    compiler.node(node)?;
    compiler.push(Op::Done)?;
    Ok(compiler.program)
}

fn collect_recalled(node: &Node, to: &mut Vec<usize>) {
    match node {
        Node::Recall(number) => to.push(*number),
        Node::Group(_, body) | Node::Repeat { body, .. } => collect_recalled(body, to),
        Node::Sequence(parts) | Node::Choice(parts) => parts.iter().for_each(|part| collect_recalled(part, to)),
        _ => {}
    }
}

struct Compiler {
    program: Program,
    /// Loops around the step that is made.
    loops: usize,
}

impl Compiler {
    fn push(&mut self, op: Op) -> Result<usize, String> {
        if self.program.ops.len() == MOST_OPS {
            return Err("the pattern is too large".into());
        }
        self.program.ops.push(op);
        Ok(self.program.ops.len() - 1)
    }

    fn here(&self) -> u32 {
        self.program.ops.len() as u32
    }

    /// A step with two ways, the second one not yet known. With back-references to remember a try is dear: only where there
    /// could be many at one place.
    fn split(&mut self, is_wide: bool) -> Result<usize, String> {
        let marked = self.program.recalled.is_empty() || is_wide || self.loops > 0;
        let mark = marked.then_some(self.program.marks as u32);
        self.program.marks += usize::from(marked);
        let first = self.here() + 1;
        self.push(Op::Split { first, second: first, mark })
    }

    /// The second way of a step begins here.
    fn second_here(&mut self, at: usize) {
        let here = self.here();
        if let Some(Op::Split { second, .. }) = self.program.ops.get_mut(at) {
            *second = here;
        }
    }

    fn node(&mut self, node: &Node) -> Result<(), String> {
        match node {
            Node::Empty => Ok(()),
            Node::Byte(byte) => self.push(Op::Byte(*byte)).map(drop),
            Node::Set(set) => self.set(set),
            Node::Place(place) => self.push(Op::Place(*place)).map(drop),
            Node::Group(number, body) => {
                let slot = *number as u32 * 2;
                self.push(Op::Save(slot))?;
                self.node(body)?;
                self.push(Op::Save(slot + 1)).map(drop)
            }
            Node::Sequence(parts) => parts.iter().try_for_each(|part| self.node(part)),
            Node::Choice(parts) => self.choice(parts),
            Node::Repeat { body, least, most } => self.repeat(body, *least, *most),
            Node::Recall(number) => self.push(Op::Recall(*number as u32)).map(drop),
        }
    }

    fn set(&mut self, set: &Set) -> Result<(), String> {
        // A single character is its bytes.
        if let ([range], true) = (set.chars.ranges(), set.bytes.is_empty())
            && range.start() == range.end()
        {
            let mut buffer = [0; 4];
            let bytes = range.start().encode_utf8(&mut buffer).as_bytes();
            return bytes.iter().try_for_each(|byte| self.push(Op::Byte(*byte)).map(drop));
        }
        let number = self.program.sets.len() as u32;
        self.program.sets.push(set.clone());
        self.push(Op::Set(number)).map(drop)
    }

    fn choice(&mut self, parts: &[Node]) -> Result<(), String> {
        let Some((last, others)) = parts.split_last() else { return Ok(()) };
        let mut jumps = Vec::new();
        for part in others {
            let split = self.split(false)?;
            self.node(part)?;
            jumps.push(self.push(Op::Jump(0))?);
            self.second_here(split);
        }
        self.node(last)?;
        let end = self.here();
        for jump in jumps {
            self.program.ops[jump] = Op::Jump(end);
        }
        Ok(())
    }

    fn repeat(&mut self, body: &Node, least: u32, most: Option<u32>) -> Result<(), String> {
        let wide = !body.is_narrow() || body.may_be_empty();
        self.loops += 1;
        for _ in 1..least {
            self.node(body)?;
        }
        match most {
            None => self.star(body, least, wide)?,
            Some(most) => {
                if least > 0 {
                    self.node(body)?;
                }
                let mut splits = Vec::new();
                for _ in least..most {
                    splits.push(self.split(wide)?);
                    self.node(body)?;
                }
                for split in splits {
                    self.second_here(split);
                }
            }
        }
        self.loops -= 1;
        Ok(())
    }

    /// A loop without end, at whose end it is decided if it goes on: a body that has matched nothing ends it with its groups set.
    fn star(&mut self, body: &Node, least: u32, wide: bool) -> Result<(), String> {
        let before = if least == 0 { Some(self.split(wide)?) } else { None };
        // Further times must have moved on. Without back-references the marks see to that.
        let slot = (!self.program.recalled.is_empty() && body.may_be_empty()).then_some(self.program.slots as u32);
        if let Some(slot) = slot {
            self.program.slots += 1;
            self.push(Op::Forget(slot))?;
        }
        let start = self.here();
        self.node(body)?;
        if let Some(slot) = slot {
            self.push(Op::Moved(slot))?;
        }
        let after = self.split(wide)?;
        if let Some(slot) = slot {
            self.push(Op::Save(slot))?;
        }
        self.push(Op::Jump(start))?;
        self.second_here(after);
        if let Some(split) = before {
            self.second_here(split);
        }
        Ok(())
    }
}
