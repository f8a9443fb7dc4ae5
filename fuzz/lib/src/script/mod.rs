//! The arguments and results of calls: objects, texts, blocks and numbers, all of them chosen by the script's bytes.

pub mod callbacks;

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use bitsup::ffi::callback::bitsup_destroy_fn;
use bitsup::ffi::error::*;
use bitsup::ffi::text::{bitsup_bytes_free, bitsup_string_free};

/// Maximum number of objects; further ones are freed immediately.
const OBJECTS: usize = 48;
/// Maximum depth of callbacks that continue the script.
const DEPTH: u32 = 4;

/// Texts with a meaning; others are taken from the script. The only host is this one, at a port that refuses
/// connections.
const TEXTS: [&CStr; 24] = [
    c"",
    c"/f",
    c"/",
    c"http://127.0.0.1:1/f",
    c"BITS_POST",
    c"GET",
    c"BITS-Packet-Type",
    c"Create-Session",
    c"Fragment",
    c"Close-Session",
    c"Cancel-Session",
    c"Ping",
    c"BITS-Supported-Protocols",
    c"{7df0354d-249b-430f-820d-3d2a9bef4931}",
    c"BITS-Session-Id",
    c"Content-Length",
    c"Content-Range",
    c"bytes 0-4/5",
    c"bytes 0-1/5",
    c"bytes 2-4/5",
    c"0",
    c"5",
    c"a\xFFb",
    c"127.0.0.1",
];
/// Paths that cannot exist.
const PATHS: [&CStr; 2] = [c"/dev/null/f", c"/dev/null/a\xFF"];
const NUMBERS: [u64; 8] = [0, 1, 2, 5, 100, 100_000, i64::MAX as u64, u64::MAX];

/// Frees an object.
type Free = fn(*mut c_void);

/// A type of object with its own free function.
pub trait Object {
    const NAME: &'static str;
}

macro_rules! objects {
    ($($module:ident :: $name:ident by $free:ident)*) => {
        $(impl Object for bitsup::ffi::$module::$name {
            const NAME: &'static str = stringify!($name);
        })*

        const FREES: &[(&str, Free)] = &[$(
            // SAFETY: called only with live objects of the library, of this type or another.
            (stringify!($name), |object| unsafe { bitsup::ffi::$module::$free(object.cast()) }),
        )*];
    };
}

objects! {
    client::bitsup_client by bitsup_client_free
    client_config::bitsup_client_config by bitsup_client_config_free
    engine::bitsup_engine by bitsup_engine_free
    engine_config::bitsup_engine_config by bitsup_engine_config_free
    exchange::bitsup_exchange by bitsup_exchange_free
    hooks::bitsup_hooks by bitsup_hooks_free
    job::bitsup_job by bitsup_job_free
    logger::bitsup_logger by bitsup_logger_free
    observer::bitsup_observer by bitsup_observer_free
    response::bitsup_response by bitsup_response_free
    server_config::bitsup_server_config by bitsup_server_config_free
    source::bitsup_source by bitsup_source_free
    store::bitsup_store by bitsup_store_free
    store_ops::bitsup_store_ops by bitsup_store_ops_free
}

fn free_of(name: &str) -> Option<Free> {
    FREES.iter().find(|(type_name, _)| *type_name == name).map(|(_, free)| *free)
}

/// The out-parameters of the last call.
#[derive(Default)]
struct Outs {
    /// Name of the type of the object.
    object: Option<&'static str>,
    text: bool,
    bytes: bool,
}

pub struct Script<'a> {
    input: Cell<&'a [u8]>,
    step: fn(&Script<'_>),
    depth: Cell<u32>,
    /// Live objects with the names of their types; "" for one that is valid only during a callback.
    objects: RefCell<Vec<(*mut c_void, &'static str)>>,
    /// Texts and blocks passed to calls; kept until the end.
    blocks: RefCell<Vec<Vec<u8>>>,
    /// Length of the last block.
    length: Cell<usize>,
    /// How many references to the script the library holds as user data.
    references: Cell<i64>,
    /// Where results are written; each slot can hold any of them.
    slots: [Cell<u64>; 3],
    error: Cell<*mut bitsup_error>,
    outs: RefCell<Outs>,
}

impl<'a> Script<'a> {
    pub fn new(input: &'a [u8], step: fn(&Script<'_>)) -> Self {
        Self {
            input: Cell::new(input),
            step,
            depth: Cell::default(),
            objects: RefCell::default(),
            blocks: RefCell::default(),
            length: Cell::default(),
            references: Cell::default(),
            slots: Default::default(),
            error: Cell::new(ptr::null_mut()),
            outs: RefCell::default(),
        }
    }

    pub fn is_over(&self) -> bool {
        self.input.get().is_empty()
    }

    /// Frees the remaining objects.
    pub fn end(&self) {
        while let Some((object, name)) = { self.objects.borrow_mut().pop() } {
            free_of(name).unwrap()(object);
        }
        assert_eq!(self.references.get(), 0, "user data must be destroyed exactly once");
    }

    /// Returns the next byte; 0 at the end of the script.
    pub fn byte(&self) -> u8 {
        let Some((first, rest)) = self.input.get().split_first() else { return 0 };
        self.input.set(rest);
        *first
    }

    /// Frees an object with the free function of its type, or passes it to that of another type.
    pub fn free(&self, type_index: usize) {
        let index = usize::from(self.byte());
        let Some(&(object, own)) = self.objects.borrow().get(index) else { return };
        if let Some((_, free)) = FREES.get(type_index).filter(|(name, _)| *name != own) {
            // A free function ignores objects of another type.
            free(object);
        } else if let Some(free) = free_of(own) {
            self.objects.borrow_mut().remove(index);
            free(object);
        }
    }

    /// Continues the script inside a callback with these borrowed objects, and returns the callback's result.
    fn continue_in_callback(&self, borrowed: &[*mut c_void]) -> i32 {
        let result = self.byte();
        if self.depth.get() < DEPTH {
            self.depth.set(self.depth.get() + 1);
            self.objects.borrow_mut().extend(borrowed.iter().map(|object| (*object, "")));
            // The out-parameters of the enclosing call.
            let outs = self.outs.take();
            for _ in 0..result >> 4 {
                (self.step)(self);
            }
            self.outs.replace(outs);
            self.slots.iter().for_each(|slot| slot.set(0));
            self.objects.borrow_mut().retain(|(object, _)| !borrowed.contains(object));
            self.depth.set(self.depth.get() - 1);
        }
        i32::from(result & 15)
    }
}

/// Results.
impl Script<'_> {
    /// Checks a status and its error, and takes the results written to out-parameters.
    pub fn status(&self, status: bitsup_status) {
        let error = self.error.replace(ptr::null_mut());
        // SAFETY: texts and errors come from the library.
        unsafe {
            assert!(CStr::from_ptr(bitsup_status_name(status)) != c"BITSUP_E_UNKNOWN", "{status}");
            assert_ne!(status, BITSUP_E_PANIC, "{:?}", CStr::from_ptr(bitsup_error_message(error)));
            if !error.is_null() {
                assert_eq!(bitsup_error_status(error), status);
                assert!(!CStr::from_ptr(bitsup_error_message(error)).is_empty());
                bitsup_error_free(error);
            }
        }
        let outs = self.outs.take();
        let written = self.slots[0].replace(0) as *mut c_void;
        if status != BITSUP_OK {
            assert!(outs.object.is_none() || written.is_null(), "a failed call returned an object");
        } else if let Some(name) = outs.object {
            self.adopt(written, name);
        } else if outs.text {
            // SAFETY: the library has just returned it.
            unsafe { bitsup_string_free(written.cast()) };
        } else if outs.bytes {
            let length = self.slots[1].get() as usize;
            // SAFETY: the library has just returned it, with that length.
            unsafe { bitsup_bytes_free(written.cast(), length) };
        }
    }

    /// Takes a returned object, which may be NULL.
    pub fn returned_object<T: Object>(&self, object: *mut T) {
        if !object.is_null() {
            self.adopt(object.cast(), T::NAME);
        }
    }

    /// Reads a returned text, which may be NULL, to its end.
    pub fn returned_text(&self, text: *const c_char) {
        if !text.is_null() {
            // SAFETY: the text belongs to the library and is valid until the next call.
            unsafe { CStr::from_ptr(text) }.to_bytes().iter().for_each(|byte| assert_ne!(*byte, 0));
        }
    }

    pub fn value<T>(&self, _value: T) {}

    fn adopt(&self, object: *mut c_void, name: &'static str) {
        assert!(!object.is_null());
        let is_full = self.objects.borrow().len() >= OBJECTS;
        match free_of(name) {
            Some(free) if is_full => free(object),
            _ => self.objects.borrow_mut().push((object, name)),
        }
    }
}

/// Arguments.
impl Script<'_> {
    pub fn object<T>(&self) -> *mut T {
        let index = usize::from(self.byte());
        self.objects.borrow().get(index).map_or(ptr::null_mut(), |object| object.0.cast())
    }

    pub fn text(&self) -> *const c_char {
        match usize::from(self.byte()) {
            255 => ptr::null(),
            index if index < TEXTS.len() => TEXTS[index].as_ptr(),
            longer => {
                let bytes = self.take(longer - TEXTS.len());
                let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
                self.keep(CString::new(text).unwrap().into_bytes_with_nul()).cast()
            }
        }
    }

    /// Returns a URL or an invalid one, but none that leads to another machine.
    pub fn known_text(&self) -> *const c_char {
        TEXTS[usize::from(self.byte()) % TEXTS.len()].as_ptr()
    }

    pub fn path(&self) -> *const c_char {
        PATHS.get(usize::from(self.byte())).map_or(ptr::null(), |path| path.as_ptr())
    }

    /// Returns a block. [`Self::length`] then returns its length.
    pub fn block<T>(&self) -> *const T {
        let bytes = match usize::from(self.byte()) {
            255 => {
                self.length.set(usize::from(self.byte()));
                return ptr::null();
            }
            index if index < TEXTS.len() => TEXTS[index].to_bytes().to_vec(),
            longer => self.take(longer - TEXTS.len()).to_vec(),
        };
        self.length.set(bytes.len());
        self.keep(bytes).cast()
    }

    /// Returns a buffer to write to. [`Self::length`] then returns its length.
    pub fn buffer<T>(&self) -> *mut T {
        let bytes = vec![0; usize::from(self.byte())];
        self.length.set(bytes.len());
        self.keep(bytes).cast()
    }

    pub fn length(&self) -> usize {
        self.length.get()
    }

    pub fn number<T: TryFrom<u64> + Default>(&self) -> T {
        let byte = self.byte();
        let number = NUMBERS.get(usize::from(byte)).copied().unwrap_or(u64::from(byte));
        number.try_into().unwrap_or_default()
    }

    /// Returns a value of an enumeration, or an undefined one.
    pub fn choice(&self) -> i32 {
        i32::from(self.byte() as i8)
    }

    pub fn out_object<T: Object>(&self) -> *mut *mut T {
        self.outs.borrow_mut().object = Some(T::NAME);
        self.slot(0).cast()
    }

    pub fn out_text(&self) -> *mut *mut c_char {
        self.outs.borrow_mut().text = true;
        self.slot(0).cast()
    }

    pub fn out_bytes(&self) -> *mut *mut u8 {
        self.outs.borrow_mut().bytes = true;
        self.slot(0).cast()
    }

    /// Returns an out-parameter for a number, or sometimes NULL.
    pub fn out<T>(&self) -> *mut T {
        if self.byte() == 255 { ptr::null_mut() } else { self.slot(1).cast() }
    }

    pub fn second_out<T>(&self) -> *mut T {
        self.slot(2).cast()
    }

    pub fn error(&self) -> *mut *mut bitsup_error {
        self.error.set(ptr::null_mut());
        self.error.as_ptr()
    }

    pub fn user_data(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }

    pub fn destroy(&self) -> bitsup_destroy_fn {
        self.references.set(self.references.get() + 1);
        Some(callbacks::destroy)
    }

    fn slot(&self, index: usize) -> *mut u64 {
        self.slots[index].set(0);
        self.slots[index].as_ptr()
    }

    fn take(&self, length: usize) -> &[u8] {
        let input = self.input.get();
        let (taken, rest) = input.split_at(length.min(input.len()));
        self.input.set(rest);
        taken
    }

    fn keep(&self, mut bytes: Vec<u8>) -> *mut u8 {
        let pointer = bytes.as_mut_ptr();
        self.blocks.borrow_mut().push(bytes);
        pointer
    }
}
