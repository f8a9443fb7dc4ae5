//! Objects that C sees during one callback only.
//!
//! C may keep such a pointer although it must not. The objects are therefore not freed when the callback
//! returns: emptied, they rest in their pool, and only the one that rested longest is used again. So a late
//! call with an old pointer ends in an error as long as the pool lives, not in memory that is something else
//! by now.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock};

use super::handle::{self, Handle, HandleRef, Header};
use crate::error::{Error, Status};

/// How many objects rest at least before one is used again.
const MIN_RETIRED: usize = 256;

/// What stands behind a pointer that is good during a callback.
#[derive(Debug)]
pub(super) struct CallbackHandle<C> {
    pub(super) header: Header,
    /// Empty while no callback has it.
    content: RwLock<Option<C>>,
}

impl<C> CallbackHandle<C> {
    fn empty() -> Self {
        Self { header: Header::new(), content: RwLock::new(None) }
    }

    /// Looks at the content; `name` is the parameter's.
    pub(super) fn inspect<R>(&self, name: &str, inspect: impl FnOnce(&C) -> R) -> Result<R, Error> {
        handle::try_read(&self.content)?.as_ref().map(inspect).ok_or_else(|| returned(name))
    }

    /// Changes the content; `name` is the parameter's.
    pub(super) fn update<R>(&self, name: &str, update: impl FnOnce(&mut C) -> R) -> Result<R, Error> {
        handle::try_write(&self.content)?.as_mut().map(update).ok_or_else(|| returned(name))
    }

    /// Puts content in or takes it out; waits for a call that has it just now on another thread.
    fn replace(&self, content: Option<C>) -> Option<C> {
        std::mem::replace(&mut *self.content.write().unwrap_or_else(PoisonError::into_inner), content)
    }
}

fn returned(name: &str) -> Error {
    let message = format!("the callback that `{name}` was good for has returned");
    Error::new(Status::InvalidState, message)
}

/// A C type that is lent.
pub(super) trait Scoped: Handle + From<CallbackHandle<Self::Content>> {
    type Content;

    fn handle(&self) -> &CallbackHandle<Self::Content>;
}

/// The objects of one type, in use or at rest.
#[derive(Debug)]
pub(super) struct ScopedPool<T>(Mutex<VecDeque<HandleRef<T>>>);

impl<T: Scoped> ScopedPool<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Lends `content` to C while `call` lasts. It comes back changed; not at all if a bug in this library
    /// struck meanwhile.
    pub(super) fn with<R>(
        &self,
        content: T::Content,
        call: impl FnOnce(*mut T) -> R,
    ) -> (R, Option<T::Content>) {
        let object =
            self.oldest_retired().unwrap_or_else(|| HandleRef::new(T::from(CallbackHandle::empty())));
        object.handle().replace(Some(content));
        let result = call(object.pointer());
        let content = object.handle().replace(None);
        let is_sound = !object.header().is_poisoned();
        // One that is not stays with the pool as well: C may still know it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(object);
        (result, content.filter(|_| is_sound))
    }

    fn oldest_retired(&self) -> Option<HandleRef<T>> {
        let mut retired = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if retired.len() <= MIN_RETIRED {
            return None;
        }
        retired.pop_front().filter(|object| !object.header().is_poisoned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(CallbackHandle<u8>);

    impl Handle for Thing {
        fn header(&self) -> &Header {
            &self.0.header
        }
    }

    impl From<CallbackHandle<u8>> for Thing {
        fn from(loan: CallbackHandle<u8>) -> Self {
            Self(loan)
        }
    }

    impl Scoped for Thing {
        type Content = u8;

        fn handle(&self) -> &CallbackHandle<u8> {
            &self.0
        }
    }

    fn read(thing: *const Thing) -> Result<u8, Error> {
        // SAFETY: the pool is alive wherever this is called.
        unsafe { handle::borrow(thing, "thing") }?.0.inspect("thing", |content| *content)
    }

    #[test]
    fn what_is_lent_can_be_changed_and_comes_back() {
        let pool = ScopedPool::<Thing>::new();
        let (result, content) = pool.with(7, |thing| {
            // SAFETY: as above.
            unsafe { handle::borrow(thing, "thing") }
                .unwrap()
                .0
                .update("thing", |content| *content += 1)
                .unwrap();
            read(thing).unwrap()
        });
        assert_eq!((result, content), (8, Some(8)));
    }

    #[test]
    fn after_the_callback_the_pointer_is_refused_for_long() {
        let pool = ScopedPool::<Thing>::new();
        let (old, _) = pool.with(7, |thing| thing);
        let refused = || {
            let error = read(old).unwrap_err();
            assert_eq!((error.status(), error.message().contains("`thing`")), (Status::InvalidState, true));
        };
        refused();
        for _ in 0..MIN_RETIRED {
            pool.with(8, |thing| assert_ne!(thing, old));
            refused();
        }
        pool.with(9, |thing| assert_eq!(thing, old));
    }

    #[test]
    fn callbacks_within_callbacks_have_their_own() {
        let pool = ScopedPool::<Thing>::new();
        pool.with(1, |outer| {
            pool.with(2, |inner| assert_eq!((read(outer).unwrap(), read(inner).unwrap()), (1, 2)));
        });
    }

    #[test]
    fn what_a_bug_struck_does_not_come_back() {
        let pool = ScopedPool::<Thing>::new();
        let (old, content) = pool.with(7, |thing| {
            guard!(std::ptr::null_mut(), {
                handle::borrow(thing, "thing")?.0.update("thing", |_| panic!("as asked"))
            });
            thing
        });
        assert_eq!(content, None);
        for _ in 0..MIN_RETIRED {
            pool.with(8, |thing| assert_ne!(thing, old));
        }
        assert_eq!(pool.with(9, |thing| read(thing).unwrap()), (9, Some(9)));
    }
}
