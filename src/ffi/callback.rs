//! The caller's state behind callbacks, and what their answers mean.

use std::ffi::c_void;

/// Ends the life of `user_data`. Called exactly once, when the last object that may use it is gone, on
/// whichever thread let go of it, also when the call that took the pair fails. May be NULL.
pub type bitsup_destroy_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The answer of a callback: go on.
pub const BITSUP_CONTINUE: i32 = 0;
/// The answer of a callback: stop what called it, with BITSUP_E_CALLBACK. So does any other unknown answer.
pub const BITSUP_ABORT: i32 = 1;

/// A caller's pointer, and the function that ends its life when the last callback is gone.
#[derive(Debug)]
pub(super) struct UserData {
    pointer: *mut c_void,
    destroy: bitsup_destroy_fn,
}

// SAFETY: the pointer is never looked through here. The header tells the caller on which threads callbacks
// and `destroy` run, and the caller vouches for them.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    /// Takes the pair over; from here on `destroy` runs exactly once.
    pub(super) fn new(pointer: *mut c_void, destroy: bitsup_destroy_fn) -> Self {
        Self { pointer, destroy }
    }

    /// The caller's pointer, for a callback.
    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller gave the two together, and this is the last use of either.
            unsafe { destroy(self.pointer) };
        }
    }
}
