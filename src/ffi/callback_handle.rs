//! Handles that are valid during one callback only.
//!
//! C code may keep such a pointer by mistake. The objects are therefore not freed when the callback returns:
//! they are emptied and kept in a pool, and the one unused for longest is reused first. While the pool exists,
//! a late call with an old pointer fails with an error instead of accessing freed memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock};

use super::handle::{self, Handle, HandleRef, Header};
use crate::error::{Error, Status};

/// Minimum number of emptied objects in the pool before one is reused.
const MIN_RETIRED: usize = 256;

/// An object that has content only during a callback.
#[derive(Debug)]
pub(super) struct CallbackHandle<C> {
    pub(super) header: Header,
    /// `None` outside of a callback.
    content: RwLock<Option<C>>,
}

impl<C> CallbackHandle<C> {
    fn empty() -> Self {
        Self { header: Header::new(), content: RwLock::new(None) }
    }

    /// Calls `inspect` with the content. `name` is the name of the parameter, for error messages.
    pub(super) fn inspect<R>(&self, name: &str, inspect: impl FnOnce(&C) -> R) -> Result<R, Error> {
        handle::try_read(&self.content)?.as_ref().map(inspect).ok_or_else(|| returned(name))
    }

    /// Calls `update` with the content. `name` is the name of the parameter, for error messages.
    pub(super) fn update<R>(&self, name: &str, update: impl FnOnce(&mut C) -> R) -> Result<R, Error> {
        handle::try_write(&self.content)?.as_mut().map(update).ok_or_else(|| returned(name))
    }

    /// Sets or removes the content; waits for a call on another thread that is using it.
    fn replace(&self, content: Option<C>) -> Option<C> {
        std::mem::replace(&mut *self.content.write().unwrap_or_else(PoisonError::into_inner), content)
    }
}

fn returned(name: &str) -> Error {
    let message = format!("`{name}` is no longer valid: its callback has returned");
    Error::new(Status::InvalidState, message)
}

/// A C type that is valid during one callback only.
pub(super) trait Scoped: Handle + From<CallbackHandle<Self::Value>> {
    type Value;

    fn handle(&self) -> &CallbackHandle<Self::Value>;
}

/// The emptied objects of one type, least recently used first.
#[derive(Debug)]
pub(super) struct ScopedPool<T>(Mutex<VecDeque<HandleRef<T>>>);

impl<T: Scoped> ScopedPool<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Calls `call` with a handle to `content`. Returns the content as the callback left it, or `None` if a call
    /// on the handle panicked.
    pub(super) fn with<R>(&self, content: T::Value, call: impl FnOnce(*mut T) -> R) -> (R, Option<T::Value>) {
        let object =
            self.oldest_retired().unwrap_or_else(|| HandleRef::new(T::from(CallbackHandle::empty())));
        object.handle().replace(Some(content));
        let result = call(object.pointer());
        let content = object.handle().replace(None);
        let is_intact = !object.header().is_poisoned();
        // A poisoned object is kept as well: C code may still have the pointer.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(object);
        (result, content.filter(|_| is_intact))
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

    struct CallbackByte(CallbackHandle<u8>);

    impl Handle for CallbackByte {
        fn header(&self) -> &Header {
            &self.0.header
        }
    }

    impl From<CallbackHandle<u8>> for CallbackByte {
        fn from(handle: CallbackHandle<u8>) -> Self {
            Self(handle)
        }
    }

    impl Scoped for CallbackByte {
        type Value = u8;

        fn handle(&self) -> &CallbackHandle<u8> {
            &self.0
        }
    }

    fn read(thing: *const CallbackByte) -> Result<u8, Error> {
        // SAFETY: the pool outlives every call of this function.
        unsafe { handle::borrow(thing, "thing") }?.0.inspect("thing", |content| *content)
    }

    #[test]
    fn content_can_be_changed_and_is_returned() {
        let pool = ScopedPool::<CallbackByte>::new();
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
    fn an_old_pointer_is_refused_until_its_object_is_reused() {
        let pool = ScopedPool::<CallbackByte>::new();
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
    fn nested_callbacks_have_separate_handles() {
        let pool = ScopedPool::<CallbackByte>::new();
        pool.with(1, |outer| {
            pool.with(2, |inner| assert_eq!((read(outer).unwrap(), read(inner).unwrap()), (1, 2)));
        });
    }

    #[test]
    fn a_poisoned_object_is_not_reused() {
        let pool = ScopedPool::<CallbackByte>::new();
        let (old, content) = pool.with(7, |thing| {
            guard!(std::ptr::null_mut(), {
                handle::borrow(thing, "thing")?.0.update("thing", |_| panic!("a test panic"))
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
