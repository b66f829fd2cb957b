//! Plan of a run: each case on each of its boards, in order.

use kit::Result;

use crate::areas::{self, AREAS, LONG_AREAS};
use crate::case::{BOTH, Case};
use crate::lane::Lane;
use crate::rotation::Rotation;
use crate::{Options, say};

/// A case on one board.
pub struct Planned {
    /// `area/case [board]`
    pub name: String,
    /// The board.
    pub board: &'static str,
    /// The cases that run one after the other with it.
    pub lane: Lane,
    /// The case.
    pub case: &'static Case,
}

/// A row of the tables of areas.
type Area = (&'static str, Lane, &'static [Case]);

/// Everything that is asked for, board by board.
pub fn chosen(options: &Options) -> Result<Vec<Planned>> {
    let often = AREAS.iter().filter(|_| !options.long);
    let seldom = LONG_AREAS.iter().filter(|_| options.long || options.every);
    let plan = all(&often.chain(seldom)).into_iter().filter(|planned| options.wants(planned)).collect();
    // A person who names cases, or asks for all, wants those.
    if options.long || options.every || !options.only.is_empty() {
        return Ok(plan);
    }
    Ok(rotated(plan, &Rotation::read(&crate::repository())?))
}

/// Say which cases have their turn.
pub fn say_turns() -> Result<()> {
    let rotation = Rotation::read(&crate::repository())?;
    for (area, _) in areas::ROTATING {
        let turns = turns(area);
        let turn = turns.get(rotation.turn(turns.len())).unwrap_or(&"");
        say(&format!("{area} {}: {turn}\n", rotation.told(turns.len())));
    }
    Ok(())
}

/// The plan without those cases of a rotating group whose turn it is not.
fn rotated(plan: Vec<Planned>, rotation: &Rotation) -> Vec<Planned> {
    let mut kept = Vec::new();
    for planned in plan {
        let group = areas::ROTATING.iter().find(|(area, _)| planned.name.starts_with(area));
        let keep = group.is_none_or(|(area, always)| {
            let turns = turns(area);
            always.contains(&planned.case.name) || turns.get(rotation.turn(turns.len())) == Some(&planned.case.name)
        });
        if keep {
            kept.push(planned);
        }
    }
    kept
}

/// The cases of a rotating area that take turns.
fn turns(area: &str) -> Vec<&'static str> {
    let always = areas::ROTATING.iter().find(|(name, _)| *name == area).map_or(&[][..], |(_, always)| *always);
    let cases = AREAS.iter().filter(|(name, ..)| area.starts_with(name)).flat_map(|(.., cases)| *cases);
    cases.map(|case| case.name).filter(|name| !always.contains(name)).collect()
}

/// Every case on every board, board by board.
pub fn all(areas: &(impl Iterator<Item = &'static Area> + Clone)) -> Vec<Planned> {
    let mut plan = Vec::new();
    for board in BOTH {
        for (area, lane, cases) in areas.clone() {
            for case in cases.iter().filter(|case| case.boards.contains(board)) {
                plan.push(Planned { name: format!("{area}/{} [{board}]", case.name), board, lane: *lane, case });
            }
        }
    }
    plan
}

/// The plan, cut where the board changes.
pub fn by_board(plan: &[Planned]) -> Vec<&[Planned]> {
    plan.chunk_by(|one, next| one.board == next.board).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let all = || all(&AREAS.iter().chain(LONG_AREAS));
        let names: BTreeSet<String> = all().into_iter().map(|planned| planned.name).collect();
        assert_eq!(names.len(), all().len());
    }

    #[test]
    fn every_rotating_case_has_its_turn() {
        for (area, always) in areas::ROTATING {
            let turns = turns(area);
            assert!(turns.len() > 1, "{area} does not rotate");
            assert!(turns.iter().all(|name| !always.contains(name)));
        }
    }
}
