//! What can be undone: for each change of the cluster made by hand, the request that takes it back.

use kubarium_core::apiserver::Request;
use std::cell::RefCell;
use std::rc::Rc;

/// How many changes can be taken back.
const UNDO_MAX: usize = 100;

/// A change that was made and how to take it back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Undo {
    /// What was done, in words.
    pub(crate) what: String,
    /// Takes it back.
    pub(crate) back: Request,
    /// Does it again.
    pub(crate) again: Request,
}

/// Changes made, the last one last, and changes taken back.
#[derive(Clone, Debug, Default)]
pub(crate) struct UndoStack(Rc<RefCell<(Vec<Undo>, Vec<Undo>)>>);

impl UndoStack {
    /// A change was made; what was taken back before cannot be done again.
    pub(crate) fn push(&self, undo: Undo) {
        let mut stacks = self.0.borrow_mut();
        stacks.1.clear();
        stacks.0.push(undo);
        if stacks.0.len() > UNDO_MAX {
            stacks.0.remove(0);
        }
    }

    /// The change to take back now.
    pub(crate) fn undo(&self) -> Option<Undo> {
        let mut stacks = self.0.borrow_mut();
        let undo = stacks.0.pop()?;
        stacks.1.push(undo.clone());
        Some(undo)
    }

    /// The change to do again now.
    pub(crate) fn redo(&self) -> Option<Undo> {
        let mut stacks = self.0.borrow_mut();
        let redo = stacks.1.pop()?;
        stacks.0.push(redo.clone());
        Some(redo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(what: &str) -> Undo {
        Undo { what: what.to_owned(), back: Request::get("/back"), again: Request::get("/again") }
    }

    #[test]
    fn the_last_change_is_taken_back_first_and_done_again_last() {
        let stack = UndoStack::default();
        stack.push(change("a"));
        stack.push(change("b"));
        let undone: Vec<_> = std::iter::from_fn(|| stack.undo()).map(|u| u.what).collect();
        let redone: Vec<_> = std::iter::from_fn(|| stack.redo()).map(|u| u.what).collect();
        assert_eq!((undone, redone), (vec!["b".into(), "a".into()], vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn a_new_change_forgets_what_was_taken_back() {
        let stack = UndoStack::default();
        stack.push(change("a"));
        stack.undo();
        stack.push(change("b"));
        assert_eq!(stack.redo(), None);
    }
}
