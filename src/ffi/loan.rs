//! Objects that C sees during one callback only.
//!
//! C may keep such a pointer although it must not. The objects are therefore not freed when the callback
//! returns: emptied, they rest in their pool, and only the one that rested longest is used again. So a late
//! call with an old pointer ends in an error as long as the pool lives, not in memory that is something else
//! by now.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock};

use super::handle::{self, Handle, Head, Shared};
use crate::error::{Error, Status};

/// How many objects rest at least before one is used again.
const RESTING: usize = 256;

/// What stands behind a pointer that is good during a callback.
#[derive(Debug)]
pub(super) struct Loan<C> {
    pub(super) head: Head,
    /// Empty while no callback has it.
    content: RwLock<Option<C>>,
}

impl<C> Loan<C> {
    fn empty() -> Self {
        Self { head: Head::new(), content: RwLock::new(None) }
    }

    /// Looks at the content; `name` is the parameter's.
    pub(super) fn read<R>(&self, name: &str, look: impl FnOnce(&C) -> R) -> Result<R, Error> {
        handle::read(&self.content)?.as_ref().map(look).ok_or_else(|| over(name))
    }

    /// Changes the content; `name` is the parameter's.
    pub(super) fn change<R>(&self, name: &str, change: impl FnOnce(&mut C) -> R) -> Result<R, Error> {
        handle::write(&self.content)?.as_mut().map(change).ok_or_else(|| over(name))
    }

    /// Puts content in or takes it out; waits for a call that has it just now on another thread.
    fn replace(&self, content: Option<C>) -> Option<C> {
        std::mem::replace(&mut *self.content.write().unwrap_or_else(PoisonError::into_inner), content)
    }
}

fn over(name: &str) -> Error {
    let message = format!("the callback that `{name}` was good for has returned");
    Error::new(Status::InvalidState, message)
}

/// A C type that is lent.
pub(super) trait Lent: Handle + From<Loan<Self::Content>> {
    type Content;

    fn loan(&self) -> &Loan<Self::Content>;
}

/// The objects of one type, in use or at rest.
#[derive(Debug)]
pub(super) struct Pool<T>(Mutex<VecDeque<Shared<T>>>);

impl<T: Lent> Pool<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Lends `content` to C while `call` lasts. It comes back changed; not at all if a bug in this library
    /// struck meanwhile.
    pub(super) fn lend<R>(
        &self,
        content: T::Content,
        call: impl FnOnce(*mut T) -> R,
    ) -> (R, Option<T::Content>) {
        let object = self.rested().unwrap_or_else(|| Shared::new(T::from(Loan::empty())));
        object.loan().replace(Some(content));
        let answer = call(object.pointer());
        let content = object.loan().replace(None);
        let is_sound = !object.head().is_poisoned();
        // One that is not stays with the pool as well: C may still know it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(object);
        (answer, content.filter(|_| is_sound))
    }

    fn rested(&self) -> Option<Shared<T>> {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.len() <= RESTING {
            return None;
        }
        resting.pop_front().filter(|object| !object.head().is_poisoned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(Loan<u8>);

    impl Handle for Thing {
        fn head(&self) -> &Head {
            &self.0.head
        }
    }

    impl From<Loan<u8>> for Thing {
        fn from(loan: Loan<u8>) -> Self {
            Self(loan)
        }
    }

    impl Lent for Thing {
        type Content = u8;

        fn loan(&self) -> &Loan<u8> {
            &self.0
        }
    }

    fn read(thing: *const Thing) -> Result<u8, Error> {
        // SAFETY: the pool is alive wherever this is called.
        unsafe { handle::borrow(thing, "thing") }?.0.read("thing", |content| *content)
    }

    #[test]
    fn what_is_lent_can_be_changed_and_comes_back() {
        let pool = Pool::<Thing>::new();
        let (answer, content) = pool.lend(7, |thing| {
            // SAFETY: as above.
            unsafe { handle::borrow(thing, "thing") }
                .unwrap()
                .0
                .change("thing", |content| *content += 1)
                .unwrap();
            read(thing).unwrap()
        });
        assert_eq!((answer, content), (8, Some(8)));
    }

    #[test]
    fn after_the_callback_the_pointer_is_refused_for_long() {
        let pool = Pool::<Thing>::new();
        let (old, _) = pool.lend(7, |thing| thing);
        let refused = || {
            let error = read(old).unwrap_err();
            assert_eq!((error.status(), error.message().contains("`thing`")), (Status::InvalidState, true));
        };
        refused();
        for _ in 0..RESTING {
            pool.lend(8, |thing| assert_ne!(thing, old));
            refused();
        }
        pool.lend(9, |thing| assert_eq!(thing, old));
    }

    #[test]
    fn callbacks_within_callbacks_have_their_own() {
        let pool = Pool::<Thing>::new();
        pool.lend(1, |outer| {
            pool.lend(2, |inner| assert_eq!((read(outer).unwrap(), read(inner).unwrap()), (1, 2)));
        });
    }

    #[test]
    fn what_a_bug_struck_does_not_come_back() {
        let pool = Pool::<Thing>::new();
        let (old, content) = pool.lend(7, |thing| {
            guard!(std::ptr::null_mut(), {
                handle::borrow(thing, "thing")?.0.change("thing", |_| panic!("as asked"))
            });
            thing
        });
        assert_eq!(content, None);
        for _ in 0..RESTING {
            pool.lend(8, |thing| assert_ne!(thing, old));
        }
        assert_eq!(pool.lend(9, |thing| read(thing).unwrap()), (9, Some(9)));
    }
}
