//! Memory that another part of the program fills, so that content is hashed where it lies.

#![allow(unsafe_code)] // others write to it while this half of the program knows of it

use std::cell::UnsafeCell;

use crate::system;

/// Bytes, zeros at first.
pub struct Memory(Box<[UnsafeCell<u8>]>);

// SAFETY: bytes have no thread, and who writes them is bound by `as_mut_ptr`.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Take so many bytes of memory.
    pub fn new(length: usize) -> Self {
        let mut bytes = vec![0; length].into_boxed_slice();
        system::prefer_large_pages(&mut bytes);
        let bytes = Box::into_raw(bytes) as *mut [UnsafeCell<u8>];
        // SAFETY: a cell has the layout of what is in it, and the box has just given up its own.
        Self(unsafe { Box::from_raw(bytes) })
    }

    /// How many bytes it has.
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// Where to write. Nobody may do so while a job reads what lies there.
    pub fn as_mut_ptr(&self) -> *mut u8 {
        UnsafeCell::raw_get(self.0.as_ptr())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: as long as it lives, and nobody writes while a job reads.
        unsafe { std::slice::from_raw_parts(self.as_mut_ptr(), self.length()) }
    }
}
