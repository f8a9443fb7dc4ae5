//! What an opaque pointer points to: a reference-counted object that knows of which type it is, which process
//! made it and whether a panic went through it.

use std::any::TypeId;
use std::process;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;

use crate::error::{Error, Status};

/// An object behind an opaque pointer.
pub(super) trait Handle: Send + Sync + 'static {
    /// What all objects have.
    fn header(&self) -> &Header;
}

/// What all objects have.
#[derive(Debug)]
pub(super) struct Header {
    /// The process that made the object. A forked child shares its descriptors and lacks its threads, so it
    /// may neither use nor drop it.
    pid: u32,
    /// Set by a panic during a call; the object answers [`Status::Panic`] for good.
    poisoned: AtomicBool,
}

impl Header {
    /// For an object of this process.
    pub(super) fn new() -> Self {
        Self { pid: process::id(), poisoned: AtomicBool::new(false) }
    }

    /// Whether a panic went through the object.
    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }
}

/// What a pointer of the C API points to, whichever type it names: an object with its type before it. So a
/// pointer of another type of the library is refused, which a cast or a binding to another language may bring.
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

    /// The object for C, as long as there is a reference.
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

/// Gives the object to the caller, who ends with [`free`].
pub(super) fn into_raw<T: Handle>(object: T) -> *mut T {
    Arc::into_raw(HandleRef::new(object).0).cast_mut().cast()
}

/// The caller's reference is gone; the object follows when nobody else uses it. Null is fine. A forked child
/// leaves the object alone: dropping it would reach into the parent through shared descriptors and locks. So
/// is an object of another type.
///
/// # Safety
/// `object` is null or came from [`give`], for whichever type, and was not freed.
pub(super) unsafe fn free<T: Handle>(object: *mut T) {
    // SAFETY: by contract.
    let tagged = unsafe { tagged(object) };
    if tagged.is_some_and(|tagged| tagged.object.header().pid == process::id()) {
        // SAFETY: the reference that `give` made passes to this Arc.
        drop(unsafe { Arc::from_raw(object.cast::<TaggedObject<T>>()) });
    }
}

/// The object with its tag; `None` for null and for an object of another type.
///
/// # Safety
/// As for [`free`].
unsafe fn tagged<'a, T: Handle>(object: *const T) -> Option<&'a TaggedObject<T>> {
    // SAFETY: by contract the pointer is null or an object of some type is there, which begins with its kind.
    let kind = unsafe { object.cast::<TypeId>().as_ref() }?;
    // SAFETY: and of this type it is.
    (*kind == TypeId::of::<T>()).then(|| unsafe { &*object.cast::<TaggedObject<T>>() })
}

/// An object during a call. It holds a reference of its own, so that the caller may free the object while the
/// call runs, and poisons the object when a panic passes.
#[derive(Debug)]
pub(super) struct BorrowedHandle<T: Handle> {
    object: HandleRef<T>,
    panicking_before: bool,
}

/// Opens the object for a call; `name` is the parameter's.
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
        let message = format!("`{name}` was made before fork(); a forked child may only exec or exit");
        return Err(Error::new(Status::InvalidState, message));
    }
    if header.is_poisoned() {
        let message = format!("`{name}` is unusable: a bug in bitsup struck during an earlier call");
        return Err(Error::new(Status::Panic, message));
    }
    // SAFETY: the caller's reference keeps the object alive until the count is raised.
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

/// Where a result goes.
#[derive(Debug)]
pub(super) struct OutParam<T>(NonNull<T>);

/// Takes an output parameter, before any work is done for it.
///
/// # Safety
/// `pointer` is null or writable during the call.
pub(super) unsafe fn out<T>(pointer: *mut T, name: &str) -> Result<OutParam<T>, Error> {
    NonNull::new(pointer).map(OutParam).ok_or_else(|| null(name))
}

impl<T> OutParam<T> {
    /// Writes the result.
    pub(super) fn set(self, value: T) {
        // SAFETY: `out` was promised a writable pointer. The old value is not read.
        unsafe { self.0.write(value) };
    }
}

/// The error for a required pointer that is null.
pub(super) fn null(name: &str) -> Error {
    Error::new(Status::NullArgument, format!("`{name}` must not be NULL"))
}

fn other_type(name: &str) -> Error {
    Error::new(Status::InvalidArgument, format!("`{name}` is an object of another type"))
}

/// The error for a number that is none of the constants with that prefix.
pub(super) fn out_of_range(name: &str, number: i32, prefix: &str) -> Error {
    Error::new(Status::InvalidArgument, format!("`{name}` is {number}; it must be one of {prefix}*"))
}

/// Takes a configuration for changing; nobody ever waits.
pub(super) fn try_write<T>(lock: &RwLock<T>) -> Result<RwLockWriteGuard<'_, T>, Error> {
    lock.try_write().map_err(in_use)
}

/// Takes a configuration for reading.
pub(super) fn try_read<T>(lock: &RwLock<T>) -> Result<RwLockReadGuard<'_, T>, Error> {
    lock.try_read().map_err(in_use)
}

/// Takes what one call at a time may have.
pub(super) fn try_lock<T>(lock: &Mutex<T>) -> Result<MutexGuard<'_, T>, Error> {
    lock.try_lock().map_err(in_use)
}

fn in_use<T>(reason: TryLockError<T>) -> Error {
    match reason {
        TryLockError::WouldBlock => {
            Error::new(Status::Busy, "the object is in use by another call; wait until that call returns")
        }
        TryLockError::Poisoned(_) => {
            Error::new(Status::Panic, "the object is unusable: a bug in bitsup struck during an earlier call")
        }
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
    fn null_is_named() {
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
        // SAFETY: the pointer is used once more only to free it.
        let borrowed = unsafe { borrow(pointer, "thing") }.unwrap();
        // SAFETY: as above.
        unsafe { free(pointer) };
        assert!(!dropped.load(Ordering::SeqCst));
        drop(borrowed);
        assert!(dropped.load(Ordering::SeqCst));
    }

    #[test]
    fn after_a_panic_the_object_answers_panic_for_good_and_can_be_freed() {
        let (pointer, dropped) = thing();
        let call = |fail: bool| {
            guard!(ptr::null_mut(), {
                let _thing = borrow(pointer, "thing")?;
                assert!(!fail, "as asked");
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
        // SAFETY: `free` leaves the object alone, which is what is to be shown.
        let error = unsafe {
            free(pointer);
            borrow(pointer, "thing").map(drop).unwrap_err()
        };
        assert_eq!(error.status(), Status::InvalidState);
        assert!(!dropped.load(Ordering::SeqCst));
        // SAFETY: the reference that `give` made is still there.
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
        // SAFETY: an object of the library is there, and it is not freed before the end.
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
    fn what_is_in_use_is_busy_and_nobody_waits() {
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
