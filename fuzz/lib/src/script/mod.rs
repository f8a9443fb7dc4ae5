//! What the calls of a script take and give: objects, texts, blocks and numbers, all of them chosen by its bytes.

pub mod callbacks;

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use bitsup::ffi::callback::bitsup_destroy_fn;
use bitsup::ffi::error::*;
use bitsup::ffi::text::{bitsup_bytes_free, bitsup_string_free};

/// Most objects at a time; the next one is freed at once.
const OBJECTS: usize = 48;
/// Deepest callback that still goes on with the script.
const DEPTH: u32 = 4;

/// Texts that lead somewhere; others come from the script. No host but this one is named, at a port where nobody
/// listens.
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
/// Names of files: of none that there could be.
const PATHS: [&CStr; 2] = [c"/dev/null/f", c"/dev/null/a\xFF"];
const NUMBERS: [u64; 8] = [0, 1, 2, 5, 100, 100_000, i64::MAX as u64, u64::MAX];

/// What takes an object back.
type Free = fn(*mut c_void);

/// A type of object that is freed by a function of its own.
pub trait Object {
    const NAME: &'static str;
}

macro_rules! objects {
    ($($module:ident :: $name:ident by $free:ident)*) => {
        $(impl Object for bitsup::ffi::$module::$name {
            const NAME: &'static str = stringify!($name);
        })*

        const FREES: &[(&str, Free)] = &[$(
            // SAFETY: called with living objects of the library only, of this type or another.
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
    FREES.iter().find(|(of, _)| *of == name).map(|(_, free)| *free)
}

/// What the last call was given to write to.
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
    /// Living objects with the names of their types; "" for one that is lent for a callback.
    objects: RefCell<Vec<(*mut c_void, &'static str)>>,
    /// Texts and blocks that were handed in; kept to the end.
    blocks: RefCell<Vec<Vec<u8>>>,
    /// Length of the last block.
    length: Cell<usize>,
    /// How often the library holds the script as its user data.
    held: Cell<i64>,
    /// Where results are written, room for any of them each.
    places: [Cell<u64>; 3],
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
            held: Cell::default(),
            places: Default::default(),
            error: Cell::new(ptr::null_mut()),
            outs: RefCell::default(),
        }
    }

    pub fn is_over(&self) -> bool {
        self.input.get().is_empty()
    }

    /// Frees what is left.
    pub fn end(&self) {
        while let Some((object, name)) = { self.objects.borrow_mut().pop() } {
            free_of(name).unwrap()(object);
        }
        assert_eq!(self.held.get(), 0, "user data is let go of exactly once");
    }

    /// The next byte; 0 when there is none.
    pub fn byte(&self) -> u8 {
        let Some((first, rest)) = self.input.get().split_first() else { return 0 };
        self.input.set(rest);
        *first
    }

    /// Frees an object, or asks the function of another type to.
    pub fn free(&self, how: usize) {
        let index = usize::from(self.byte());
        let Some(&(object, own)) = self.objects.borrow().get(index) else { return };
        if let Some((_, free)) = FREES.get(how).filter(|(name, _)| *name != own) {
            // Of another type, and left alone.
            free(object);
        } else if let Some(free) = free_of(own) {
            self.objects.borrow_mut().remove(index);
            free(object);
        }
    }

    /// Goes on with the script inside a callback that was lent these objects, and gives its answer.
    fn called_back(&self, lent: &[*mut c_void]) -> i32 {
        let answer = self.byte();
        if self.depth.get() < DEPTH {
            self.depth.set(self.depth.get() + 1);
            self.objects.borrow_mut().extend(lent.iter().map(|object| (*object, "")));
            // What the call around this is still to write.
            let outs = self.outs.take();
            for _ in 0..answer >> 4 {
                (self.step)(self);
            }
            self.outs.replace(outs);
            self.places.iter().for_each(|place| place.set(0));
            self.objects.borrow_mut().retain(|(object, _)| !lent.contains(object));
            self.depth.set(self.depth.get() - 1);
        }
        i32::from(answer & 15)
    }
}

/// What calls give.
impl Script<'_> {
    /// A status, and with it what was written.
    pub fn status(&self, status: bitsup_status) {
        let error = self.error.replace(ptr::null_mut());
        // SAFETY: texts and errors are the library's.
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
        let written = self.places[0].replace(0) as *mut c_void;
        if status != BITSUP_OK {
            assert!(outs.object.is_none() || written.is_null(), "an object in spite of a failure");
        } else if let Some(name) = outs.object {
            self.adopt(written, name);
        } else if outs.text {
            // SAFETY: given out just now.
            unsafe { bitsup_string_free(written.cast()) };
        } else if outs.bytes {
            let length = self.places[1].get() as usize;
            // SAFETY: given out just now, with that length.
            unsafe { bitsup_bytes_free(written.cast(), length) };
        }
    }

    /// An object, or none.
    pub fn object_made<T: Object>(&self, object: *mut T) {
        if !object.is_null() {
            self.adopt(object.cast(), T::NAME);
        }
    }

    /// A text, which is read to its end, or none.
    pub fn text_given(&self, text: *const c_char) {
        if !text.is_null() {
            // SAFETY: the library's, and nothing was called since.
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

    /// A URL or anything that is none; never one that leads somewhere.
    pub fn known(&self) -> *const c_char {
        TEXTS[usize::from(self.byte()) % TEXTS.len()].as_ptr()
    }

    pub fn path(&self) -> *const c_char {
        PATHS.get(usize::from(self.byte())).map_or(ptr::null(), |path| path.as_ptr())
    }

    /// A block, whose [`Self::length`] comes next.
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

    /// Room to write into, whose [`Self::length`] comes next.
    pub fn room<T>(&self) -> *mut T {
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

    /// A choice of an enumeration, or none of them.
    pub fn choice(&self) -> i32 {
        i32::from(self.byte() as i8)
    }

    pub fn made<T: Object>(&self) -> *mut *mut T {
        self.outs.borrow_mut().object = Some(T::NAME);
        self.place(0).cast()
    }

    pub fn given_text(&self) -> *mut *mut c_char {
        self.outs.borrow_mut().text = true;
        self.place(0).cast()
    }

    pub fn given_bytes(&self) -> *mut *mut u8 {
        self.outs.borrow_mut().bytes = true;
        self.place(0).cast()
    }

    /// A place for a number; sometimes none.
    pub fn out<T>(&self) -> *mut T {
        if self.byte() == 255 { ptr::null_mut() } else { self.place(1).cast() }
    }

    pub fn other_out<T>(&self) -> *mut T {
        self.place(2).cast()
    }

    pub fn error(&self) -> *mut *mut bitsup_error {
        self.error.set(ptr::null_mut());
        self.error.as_ptr()
    }

    pub fn user_data(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }

    pub fn destroy(&self) -> bitsup_destroy_fn {
        self.held.set(self.held.get() + 1);
        Some(callbacks::destroy)
    }

    fn place(&self, index: usize) -> *mut u64 {
        self.places[index].set(0);
        self.places[index].as_ptr()
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
