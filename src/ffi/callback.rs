//! The `user_data` of callbacks, and the values that callbacks return.

use std::ffi::c_void;

/// Releases `user_data`. Called exactly once, when the last object that may use it is gone, on the thread
/// that released that object; also if the call that received `user_data` fails. May be NULL.
pub type bitsup_destroy_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Return value of a callback: continue.
pub const BITSUP_CONTINUE: i32 = 0;
/// Return value of a callback: stop the operation that called it, which then fails with BITSUP_E_CALLBACK.
/// Any other value does the same.
pub const BITSUP_ABORT: i32 = 1;

/// The caller's pointer and the function that releases it. Shared by all copies of a set of callbacks.
#[derive(Debug)]
pub(super) struct UserData {
    pointer: *mut c_void,
    destroy: bitsup_destroy_fn,
}

// SAFETY: the pointer is never dereferenced here. The header documents on which threads the callbacks and
// `destroy` run; the caller must provide functions that may run there.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    /// Takes ownership of the pair; from here on `destroy` runs exactly once.
    pub(super) fn new(pointer: *mut c_void, destroy: bitsup_destroy_fn) -> Self {
        Self { pointer, destroy }
    }

    /// Returns the pointer to pass to a callback.
    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller supplied the two together, and this is the last use of either.
            unsafe { destroy(self.pointer) };
        }
    }
}
