//! The objects behind opaque pointers: reference-counted, tagged with their type and the process that created
//! them, and poisoned by a panic.

use std::any::TypeId;
use std::process;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;

use crate::error::{Error, Status};

/// An object behind an opaque pointer.
pub(super) trait Handle: Send + Sync + 'static {
    /// The part that all objects have.
    fn header(&self) -> &Header;
}

/// The part that all objects have.
#[derive(Debug)]
pub(super) struct Header {
    /// The process that created the object. A forked child shares its descriptors but not its threads, so it
    /// may neither use nor drop the object.
    pid: u32,
    /// Set by a panic during a call. All later calls fail with [`Status::Panic`].
    poisoned: AtomicBool,
}

impl Header {
    /// Returns the header for an object created by this process.
    pub(super) fn new() -> Self {
        Self { pid: process::id(), poisoned: AtomicBool::new(false) }
    }

    /// Returns whether a call on the object panicked.
    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }
}

/// The target of every opaque pointer: an object preceded by its type. The tag detects a pointer to an object
/// of a different type, which a cast or a binding for another language can produce.
#[derive(Debug)]
#[repr(C)]
struct TaggedObject<T> {
    kind: TypeId,
    object: T,
}

/// A reference to an object.
#[derive(Debug)]
pub(super) struct HandleRef<T>(Arc<TaggedObject<T>>);

impl<T: Handle> HandleRef<T> {
    pub(super) fn new(object: T) -> Self {
        Self(Arc::new(TaggedObject { kind: TypeId::of::<T>(), object }))
    }

    /// Returns the pointer for C. Valid while a reference exists.
    pub(super) fn pointer(&self) -> *mut T {
        Arc::as_ptr(&self.0).cast_mut().cast()
    }
}

impl<T> std::ops::Deref for HandleRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.object
    }
}

/// Converts the object into a pointer that the caller releases with [`free`].
pub(super) fn into_raw<T: Handle>(object: T) -> *mut T {
    Arc::into_raw(HandleRef::new(object).0).cast_mut().cast()
}

/// Drops the caller's reference. Does nothing for null, for an object of a different type, and in a forked
/// child, where dropping the object would affect the parent through shared descriptors and locks.
///
/// # Safety
/// `object` must be null or a pointer from [`into_raw`], for any type, that was not freed.
pub(super) unsafe fn free<T: Handle>(object: *mut T) {
    // SAFETY: by contract.
    let tagged = unsafe { tagged(object) };
    if tagged.is_some_and(|tagged| tagged.object.header().pid == process::id()) {
        // SAFETY: takes over the reference that `into_raw` created.
        drop(unsafe { Arc::from_raw(object.cast::<TaggedObject<T>>()) });
    }
}

/// Returns the object with its tag; `None` for null and for an object of a different type.
///
/// # Safety
/// As for [`free`].
unsafe fn tagged<'a, T: Handle>(object: *const T) -> Option<&'a TaggedObject<T>> {
    // SAFETY: by contract the pointer is null or points to an object of some type, which begins with its kind.
    let kind = unsafe { object.cast::<TypeId>().as_ref() }?;
    // SAFETY: the object has this type.
    (*kind == TypeId::of::<T>()).then(|| unsafe { &*object.cast::<TaggedObject<T>>() })
}

/// An object in use by a call. Holds a reference, so that the caller may free the object during the call, and
/// poisons the object if the call panics.
#[derive(Debug)]
pub(super) struct BorrowedHandle<T: Handle> {
    object: HandleRef<T>,
    panicking_before: bool,
}

/// Borrows the object for a call. `name` is the name of the parameter, for error messages.
///
/// # Safety
/// As for [`free`].
pub(super) unsafe fn borrow<T: Handle>(object: *const T, name: &str) -> Result<BorrowedHandle<T>, Error> {
    if object.is_null() {
        return Err(null(name));
    }
    // SAFETY: by contract.
    let header = unsafe { tagged(object) }.ok_or_else(|| other_type(name))?.object.header();
    if header.pid != process::id() {
        let message = format!("`{name}` was created before fork(): a forked child process cannot use it");
        return Err(Error::new(Status::InvalidState, message));
    }
    if header.is_poisoned() {
        let message = format!("`{name}` is unusable after a bug in bitsup in an earlier call: free it");
        return Err(Error::new(Status::Panic, message));
    }
    // SAFETY: the caller's reference keeps the object alive until the count is incremented.
    let object = unsafe {
        let tagged = object.cast::<TaggedObject<T>>();
        Arc::increment_strong_count(tagged);
        Arc::from_raw(tagged)
    };
    Ok(BorrowedHandle { object: HandleRef(object), panicking_before: thread::panicking() })
}

impl<T: Handle> std::ops::Deref for BorrowedHandle<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.object
    }
}

impl<T: Handle> Drop for BorrowedHandle<T> {
    fn drop(&mut self) {
        if thread::panicking() && !self.panicking_before {
            self.object.header().poisoned.store(true, Ordering::Release);
        }
    }
}

/// An output parameter.
#[derive(Debug)]
pub(super) struct OutParam<T>(NonNull<T>);

/// Checks an output parameter. Called before any work, so that a null output has no effect.
///
/// # Safety
/// `pointer` must be null or valid for writes during the call.
pub(super) unsafe fn out<T>(pointer: *mut T, name: &str) -> Result<OutParam<T>, Error> {
    NonNull::new(pointer).map(OutParam).ok_or_else(|| null(name))
}

impl<T> OutParam<T> {
    /// Stores the result.
    pub(super) fn set(self, value: T) {
        // SAFETY: valid for writes by the contract of `out`. The old value is not read.
        unsafe { self.0.write(value) };
    }
}

/// Returns the error for a required pointer that is null.
pub(super) fn null(name: &str) -> Error {
    Error::new(Status::NullArgument, format!("`{name}` must not be NULL"))
}

fn other_type(name: &str) -> Error {
    Error::new(Status::InvalidArgument, format!("`{name}` is an object of another type"))
}

/// Returns the error for a number that is not one of the constants with that prefix.
pub(super) fn out_of_range(name: &str, number: i32, prefix: &str) -> Error {
    Error::new(Status::InvalidArgument, format!("invalid `{name}` {number}: must be one of {prefix}*"))
}

/// Locks settings for writing; fails with [`Status::Busy`] instead of waiting.
pub(super) fn try_write<T>(lock: &RwLock<T>) -> Result<RwLockWriteGuard<'_, T>, Error> {
    lock.try_write().map_err(in_use)
}

/// Locks settings for reading; fails with [`Status::Busy`] instead of waiting.
pub(super) fn try_read<T>(lock: &RwLock<T>) -> Result<RwLockReadGuard<'_, T>, Error> {
    lock.try_read().map_err(in_use)
}

/// Locks state that one call at a time may use; fails with [`Status::Busy`] instead of waiting.
pub(super) fn try_lock<T>(lock: &Mutex<T>) -> Result<MutexGuard<'_, T>, Error> {
    lock.try_lock().map_err(in_use)
}

fn in_use<T>(reason: TryLockError<T>) -> Error {
    match reason {
        TryLockError::WouldBlock => {
            Error::new(Status::Busy, "the object is in use by another call: wait until that call returns")
        }
        TryLockError::Poisoned(_) => Error::new(
            Status::Panic,
            "the object is unusable after a bug in bitsup in an earlier call: free it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::super::error::{BITSUP_E_PANIC, BITSUP_OK};
    use super::*;

    struct Thing {
        header: Header,
        dropped: Arc<AtomicBool>,
    }

    impl Handle for Thing {
        fn header(&self) -> &Header {
            &self.header
        }
    }

    impl Drop for Thing {
        fn drop(&mut self) {
            self.dropped.store(true, Ordering::SeqCst);
        }
    }

    fn thing() -> (*mut Thing, Arc<AtomicBool>) {
        let dropped = Arc::new(AtomicBool::new(false));
        (into_raw(Thing { header: Header::new(), dropped: Arc::clone(&dropped) }), dropped)
    }

    #[test]
    fn a_null_argument_is_named() {
        // SAFETY: null is allowed.
        let error = unsafe { borrow::<Thing>(ptr::null(), "thing") }.map(drop).unwrap_err();
        assert_eq!(error.status(), Status::NullArgument);
        assert!(error.message().contains("`thing`"));
        // SAFETY: null is allowed.
        unsafe { free::<Thing>(ptr::null_mut()) };
    }

    #[test]
    fn an_object_freed_during_a_call_lives_until_the_call_ends() {
        let (pointer, dropped) = thing();
        // SAFETY: the pointer is used again only to free it.
        let borrowed = unsafe { borrow(pointer, "thing") }.unwrap();
        // SAFETY: as above.
        unsafe { free(pointer) };
        assert!(!dropped.load(Ordering::SeqCst));
        drop(borrowed);
        assert!(dropped.load(Ordering::SeqCst));
    }

    #[test]
    fn a_panic_poisons_the_object_which_can_still_be_freed() {
        let (pointer, dropped) = thing();
        let call = |fail: bool| {
            guard!(ptr::null_mut(), {
                let _thing = borrow(pointer, "thing")?;
                assert!(!fail, "a test panic");
                Ok(())
            })
        };
        assert_eq!(call(false), BITSUP_OK);
        assert_eq!(call(true), BITSUP_E_PANIC);
        assert_eq!(call(false), BITSUP_E_PANIC);
        // SAFETY: not freed before.
        unsafe { free(pointer) };
        assert!(dropped.load(Ordering::SeqCst));
    }

    #[test]
    fn an_object_of_another_process_is_neither_used_nor_dropped() {
        let dropped = Arc::new(AtomicBool::new(false));
        let header = Header { pid: process::id().wrapping_add(1), poisoned: AtomicBool::new(false) };
        let pointer = into_raw(Thing { header, dropped: Arc::clone(&dropped) });
        // SAFETY: `free` does not drop an object of another process, so the pointer stays valid.
        let error = unsafe {
            free(pointer);
            borrow(pointer, "thing").map(drop).unwrap_err()
        };
        assert_eq!(error.status(), Status::InvalidState);
        assert!(!dropped.load(Ordering::SeqCst));
        // SAFETY: the reference that `into_raw` created still exists.
        drop(unsafe { Arc::from_raw(pointer.cast::<TaggedObject<Thing>>()) });
    }

    struct Other(Header);

    impl Handle for Other {
        fn header(&self) -> &Header {
            &self.0
        }
    }

    #[test]
    fn an_object_of_another_type_is_neither_used_nor_freed() {
        let (pointer, dropped) = thing();
        let other = pointer.cast::<Other>();
        // SAFETY: points to an object of the library, which is freed only at the end.
        unsafe {
            let error = borrow(other, "other").map(drop).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
            assert_eq!(error.message(), "`other` is an object of another type");
            free(other);
            assert!(!dropped.load(Ordering::SeqCst));
            free(pointer);
        }
        assert!(dropped.load(Ordering::SeqCst));
    }

    #[test]
    fn locks_in_use_are_busy_and_never_wait() {
        let lock = Mutex::new(());
        let held = try_lock(&lock).unwrap();
        assert_eq!(try_lock(&lock).unwrap_err().status(), Status::Busy);
        drop(held);
        assert!(try_lock(&lock).is_ok());
        let config = RwLock::new(());
        let (_one, _two) = (try_read(&config).unwrap(), try_read(&config).unwrap());
        assert_eq!(try_write(&config).unwrap_err().status(), Status::Busy);
    }
}
